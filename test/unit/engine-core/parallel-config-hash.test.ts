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

  it.each([
    ['0.28.0', '5e799264b49b9a56a90ef43e1e8bfaf2bfa3afdc7b68a051862aa497996068f6'],
    ['0.30.0', '6a9ac925fdcdd887c3cd96f72d8c8e3a2f20de67ce0c528bbf99c6edeb3476c1'],
    ['0.31.0', '6a9ac925fdcdd887c3cd96f72d8c8e3a2f20de67ce0c528bbf99c6edeb3476c1'],
    ['0.32.0', 'fa34a987c9edec6ed4a4cad5fbbe0175e1f60f1322e7b325195a05e9b6ac3c27'],
  ] as const)("is that of vLLM %s's own ParallelConfig.compute_hash", (vllmVersion, digest) => {
    const args = { ...defaultEngineArgs(), dataParallelSize: 2, vllmVersion };
    expect(computeParallelConfigHash(args, true)).toBe(digest);
  });

  it.each([
    ['0.28.0', '3cf81500d19a8434e1c269acb27944aff3623e30291aac9e2bfc608ab62586f1'],
    ['0.33.0', '042db34e4b152fddfaa470e404ef6d6673ebd4eaba0119b8d0da5577d76c1cda'],
  ] as const)(
    'is that of vLLM %s with --cp-kv-cache-interleave-size, which is not the one of DCP',
    (vllmVersion, digest) => {
      const args = {
        ...defaultEngineArgs(),
        vllmVersion,
        tensorParallelSize: 8,
        dataParallelSize: 16,
        enableExpertParallel: true,
        cpKvCacheInterleaveSize: 64,
      };
      expect(computeParallelConfigHash(args, true)).toBe(digest);
    },
  );

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
