/** The log probabilities of several tokens of one step, which travel as one array with a row per token. */
import type { LogprobsLists, NdArray } from '../../shared/protocol/outputs.ts';

/** Null where a token has none. */
export function joinLogprobs(rows: readonly (LogprobsLists | null)[]): LogprobsLists | null {
  const lists: LogprobsLists[] = [];
  for (const row of rows) {
    if (row === null) return null;
    lists.push(row);
  }
  return {
    logprobTokenIds: stack(lists.map(({ logprobTokenIds }) => logprobTokenIds)),
    logprobs: stack(lists.map(({ logprobs }) => logprobs)),
    sampledTokenRanks: stack(lists.map(({ sampledTokenRanks }) => sampledTokenRanks)),
    cuNumGeneratedTokens: null,
  };
}

/** Arrays of one shape, one after the other along the first axis. */
function stack(arrays: readonly NdArray[]): NdArray {
  const [first] = arrays;
  if (first === undefined) return { dtype: '<i4', shape: [0], data: new Uint8Array(0) };
  const data = new Uint8Array(arrays.reduce((sum, array) => sum + array.data.length, 0));
  let offset = 0;
  let length = 0;
  for (const array of arrays) {
    data.set(array.data, offset);
    offset += array.data.length;
    length += array.shape[0] ?? 0;
  }
  return { dtype: first.dtype, shape: [length, ...first.shape.slice(1)], data };
}
