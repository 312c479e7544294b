/** Log probabilities as an engine sends them, from one row a position. */
import type { LogprobsLists, LogprobsTensors, NdArray } from '../../src/shared/protocol/outputs.ts';

export interface LogprobsRow {
  /** The sampled token first. */
  readonly ids: readonly number[];
  readonly logprobs: readonly number[];
  /** Of the sampled token; 1 by default. */
  readonly rank?: number;
}

function array(dtype: string, shape: readonly number[], view: ArrayBufferView): NdArray {
  return {
    dtype,
    shape,
    data: new Uint8Array(view.buffer as ArrayBuffer, view.byteOffset, view.byteLength),
  };
}

function arraysOf(rows: readonly LogprobsRow[], floats: string, ints: string) {
  const shape = [rows.length, rows[0]?.ids.length ?? 0];
  const flat = <T>(pick: (row: LogprobsRow) => readonly T[]) => rows.flatMap(pick);
  return {
    logprobTokenIds: array(ints, shape, Int32Array.from(flat(({ ids }) => ids))),
    logprobs: array(floats, shape, Float32Array.from(flat(({ logprobs }) => logprobs))),
    ranks: array(ints, [rows.length], Int32Array.from(rows.map(({ rank }) => rank ?? 1))),
  };
}

export function logprobsLists(rows: readonly LogprobsRow[]): LogprobsLists {
  const { ranks, ...arrays } = arraysOf(rows, '<f4', '<i4');
  return { ...arrays, sampledTokenRanks: ranks, cuNumGeneratedTokens: null };
}

export function logprobsTensors(rows: readonly LogprobsRow[]): LogprobsTensors {
  const { ranks, ...arrays } = arraysOf(rows, 'float32', 'int32');
  return {
    ...arrays,
    selectedTokenRanks: ranks,
    cuNumGeneratedTokens: null,
    cuNumGeneratedTokensTensor: null,
  };
}
