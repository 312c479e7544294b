import { describe, expect, it } from 'vitest';
import {
  AUTO_API_SERVER_COUNT,
  type BalancingArgs,
  checkBalancingFlags,
  resolveApiServerCount,
} from '../../../../src/frontend/launch/api-server-count.ts';

function createArgs(args: Partial<BalancingArgs> = {}): BalancingArgs {
  return {
    dataParallelSize: 4,
    dataParallelSizeLocal: null,
    dataParallelRank: null,
    dataParallelStartRank: null,
    dataParallelHybridLb: false,
    dataParallelExternalLb: false,
    dataParallelMultiPortExternalLb: false,
    apiServerCount: AUTO_API_SERVER_COUNT,
    headless: false,
    ...args,
  };
}

const HYBRID = 'Defaulting api_server_count to data_parallel_size_local (2) for hybrid LB mode.';

describe('the number of API servers', () => {
  it.each<readonly [string, Partial<BalancingArgs>, number, string | null]>([
    ['all ranks', {}, 4, 'Defaulting api_server_count to data_parallel_size (4).'],
    ['a single rank', { dataParallelSize: 1 }, 1, null],
    ['hybrid', { dataParallelHybridLb: true, dataParallelSizeLocal: 2 }, 2, HYBRID],
    ['a start rank', { dataParallelStartRank: 2, dataParallelSizeLocal: 2 }, 2, HYBRID],
    ['hybrid without a local size', { dataParallelHybridLb: true }, 1, null],
    ['external', { dataParallelExternalLb: true }, 1, null],
    ['a rank', { dataParallelRank: 0 }, 1, null],
    [
      'a port per rank',
      { dataParallelMultiPortExternalLb: true, dataParallelStartRank: 2 },
      1,
      null,
    ],
    ['headless engines', { headless: true }, 0, null],
  ])(
    "is vLLM's own choice with auto and %s, which it says where it is several",
    (_what, args, count, note) => {
      expect(resolveApiServerCount(createArgs(args))).toEqual({ count, note });
    },
  );

  it('is 1 unasked, and the one asked for', () => {
    expect(resolveApiServerCount(createArgs({ apiServerCount: null })).count).toBe(1);
    expect(resolveApiServerCount(createArgs({ apiServerCount: 3 }))).toEqual({
      count: 3,
      note: null,
    });
  });
});

describe('flags that name two modes', () => {
  it.each<readonly [Partial<BalancingArgs>]>([
    [{ dataParallelHybridLb: true, dataParallelExternalLb: true }],
    [{ dataParallelRank: 0, dataParallelStartRank: 0 }],
    [{ dataParallelMultiPortExternalLb: true, dataParallelRank: 0 }],
    [{ dataParallelMultiPortExternalLb: true, dataParallelHybridLb: true }],
  ])('%j are refused', (args) => {
    expect(() => checkBalancingFlags(createArgs({ ...args, apiServerCount: null }))).toThrow(
      'Cannot use more than one data parallel load balancing mode.',
    );
  });

  it('with a port per rank a start rank is no second mode', () => {
    const args = { dataParallelMultiPortExternalLb: true, dataParallelStartRank: 2 };
    expect(() => checkBalancingFlags(createArgs(args))).not.toThrow();
  });

  it('headless engines take no API servers, but auto is none', () => {
    expect(() => checkBalancingFlags(createArgs({ headless: true, apiServerCount: 1 }))).toThrow(
      '--api-server-count=1 cannot be used with --headless',
    );
    expect(() => checkBalancingFlags(createArgs({ headless: true }))).not.toThrow();
  });
});
