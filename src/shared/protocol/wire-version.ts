import type { WireTables } from './struct-table.ts';

/**
 * What a vLLM version says on the wire. The next one is made from its neighbour: the neighbour's tables, and in place of
 * those that changed what `extend`, `insert`, `replace`, `move` or `without` makes of them.
 */
export interface WireVersion {
  readonly vllmVersion: string;
  readonly tables: WireTables;
}
