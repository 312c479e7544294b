import { describe, expect, it } from 'vitest';
import { computeParallelConfigHash } from '../../../src/engine-core/parallel-config-hash.ts';
import { defaultEngineArgs } from '../../../src/shared/config/registry.ts';

describe('computeParallelConfigHash', () => {
  it("is vLLM's own digest of two data-parallel ranks (wire.json, live/dp2_moe)", () => {
    const args = { ...defaultEngineArgs(), dataParallelSize: 2 };
    expect(computeParallelConfigHash(args, true)).toBe(
      'fa34a987c9edec6ed4a4cad5fbbe0175e1f60f1322e7b325195a05e9b6ac3c27',
    );
  });

  it('tells ranks with another tensor-parallel size apart', () => {
    const args = { ...defaultEngineArgs(), dataParallelSize: 2 };
    const other = { ...args, tensorParallelSize: 2 };
    expect(computeParallelConfigHash(other, true)).not.toBe(computeParallelConfigHash(args, true));
  });

  it.each([
    ['dpSyncInterval', 8],
    ['cpuDistributedTimeoutSeconds', 60],
  ])('tells ranks with another %s apart', (name, value) => {
    const args = { ...defaultEngineArgs(), dataParallelSize: 2 };
    const other = { ...args, [name]: value };
    expect(computeParallelConfigHash(other, true)).not.toBe(computeParallelConfigHash(args, true));
  });
});
