import type { StructTable, WireTables } from './struct-table.ts';

/**
 * What a vLLM version says on the wire. The next one is made from its neighbour: the neighbour's tables, and in place of
 * those that changed what `extend`, `insert`, `replace`, `move` or `without` makes of them.
 */
export interface WireVersion {
  readonly vllmVersion: string;
  readonly tables: WireTables;
  /** Structs that are handed on unread, by their names in the code. */
  readonly described: Readonly<Record<string, StructTable>>;
}
