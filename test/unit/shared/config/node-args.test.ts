import { describe, expect, it } from 'vitest';
import { resolveNodes } from '../../../../src/shared/config/node-args.ts';
import { defaultEngineArgs, type EngineArgs } from '../../../../src/shared/config/registry.ts';

const resolve = (args: Partial<EngineArgs>) => resolveNodes({ ...defaultEngineArgs(), ...args });
const ranksOf = (args: Partial<EngineArgs>) => {
  const { args: resolved, isWorkerNode } = resolve(args);
  const { dataParallelSizeLocal, dataParallelStartRank, dataParallelRank } = resolved;
  return { dataParallelSizeLocal, dataParallelStartRank, dataParallelRank, isWorkerNode };
};

describe('a command over several machines', () => {
  it('leaves one machine as it is', () => {
    const args = defaultEngineArgs();
    expect(resolveNodes(args).args).toBe(args);
  });

  it('gives each machine its share of the ranks', () => {
    const common = { dataParallelSize: 4, nnodes: 2 };
    expect(ranksOf(common)).toMatchObject({
      dataParallelSizeLocal: 2,
      dataParallelStartRank: null,
    });
    expect(ranksOf({ ...common, nodeRank: 1, headless: true })).toEqual({
      dataParallelSizeLocal: 2,
      dataParallelStartRank: 2,
      dataParallelRank: null,
      isWorkerNode: false,
    });
  });

  it('has machines with workers alone where a rank is larger than a machine', () => {
    const common = { tensorParallelSize: 16, nnodes: 2 };
    expect(ranksOf(common)).toMatchObject({ dataParallelSizeLocal: 1, isWorkerNode: false });
    expect(ranksOf({ ...common, nodeRank: 1, headless: true })).toMatchObject({
      isWorkerNode: true,
    });
  });

  it('finds the rank of an external load balancer', () => {
    const args = { dataParallelSize: 2, dataParallelExternalLb: true, nnodes: 2, nodeRank: 1 };
    expect(ranksOf(args)).toMatchObject({ dataParallelRank: 1, isWorkerNode: false });
  });

  it.each<[Partial<EngineArgs>, string]>([
    [{ nnodes: 2 }, '`--nnodes 2` must evenly divide the total world size (1)'],
    [
      { nnodes: 2, nodeRank: 2, tensorParallelSize: 2 },
      '`--node-rank` must be between 0 and 1; got `--node-rank 2`',
    ],
    [{ nnodes: 2, nodeRank: 1, tensorParallelSize: 2 }, 'only node 0 has one. Add `--headless`'],
    [
      { nnodes: 3, dataParallelSize: 6, dataParallelSizeLocal: 1 },
      'nnodes (3) must be divisible by the number of data parallel node groups (6',
    ],
    [
      { nnodes: 2, dataParallelSize: 4, dataParallelExternalLb: true },
      'cannot unambiguously identify external data-parallel ranks',
    ],
  ])('is refused as vLLM does: %j', (args, message) => {
    expect(() => resolve(args)).toThrow(message);
  });
});
