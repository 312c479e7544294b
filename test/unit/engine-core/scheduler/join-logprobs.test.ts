import { describe, expect, it } from 'vitest';
import { countedSampleLogprobs } from '../../../../src/engine-core/executor/logprobs.ts';
import { joinLogprobs } from '../../../../src/engine-core/scheduler/join-logprobs.ts';

const rowOf = (tokenId: number) =>
  countedSampleLogprobs(tokenId, { numLogprobs: 2, logprobTokenIds: null }, 100);

describe('log probabilities of several tokens', () => {
  it('are one array with a row per token', () => {
    const joined = joinLogprobs([rowOf(7), rowOf(9)]);
    expect(joined?.logprobTokenIds.shape).toEqual([2, 3]);
    expect(joined?.sampledTokenRanks.shape).toEqual([2]);
    const ids = new Int32Array(joined?.logprobTokenIds.data.slice().buffer ?? new ArrayBuffer(0));
    expect([...ids]).toEqual([7, 8, 9, 9, 10, 11]);
  });

  it('are none where a token has none', () => {
    expect(joinLogprobs([rowOf(7), null])).toBeNull();
  });
});
