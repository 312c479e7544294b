/**
 * The field tables of every wire struct, filed under the vLLM version they belong to. In an `array` struct the order is
 * the protocol; a new field goes last. Another vLLM version is another entry of WIRE_STRUCTS, not another code path.
 */
import { STRUCTS_0_33_0 } from './struct-tables-0-33-0.ts';

export type WireStructs = typeof STRUCTS_0_33_0;

export const WIRE_STRUCTS = { '0.33.0': STRUCTS_0_33_0 } as const satisfies Record<
  string,
  WireStructs
>;

export type WireVersion = keyof typeof WIRE_STRUCTS;
