import { describe, expect, it } from 'vitest';
import { resolveHashBlockSizes } from '../../../../src/capacity/plan/hash-block-sizes.ts';
import { createGroup, type GroupRecord } from '../../../support/kv-cache.ts';

function resolve(groups: readonly GroupRecord[], options = {}) {
  return resolveHashBlockSizes({
    groups: groups.map(createGroup),
    cacheBlockSize: 16,
    enablePrefixCaching: true,
    prefixMatchUnit: null,
    decodeContextParallelSize: 1,
    ...options,
  });
}

const full: GroupRecord = { kind: 'full_attention', block_size: 32 };
const window: GroupRecord = { kind: 'sliding_window', block_size: 48 };

describe('resolveHashBlockSizes', () => {
  it('takes the cache block size for one group', () => {
    expect(resolve([full])).toEqual({ schedulerBlockSize: 16, hashBlockSize: 16 });
  });

  it('takes least common multiple and greatest common divisor for several', () => {
    expect(resolve([full, window])).toEqual({ schedulerBlockSize: 96, hashBlockSize: 16 });
  });

  it('hashes whole scheduler blocks without caching, or with mamba that is not aligned', () => {
    const sizes = { schedulerBlockSize: 96, hashBlockSize: 96 };
    expect(resolve([full, window], { enablePrefixCaching: false })).toEqual(sizes);
    const mamba: GroupRecord = { kind: 'mamba', block_size: 48, mode: 'none' };
    expect(resolve([full, mamba])).toEqual(sizes);
  });

  it('leaves groups that are never cached out of the hash block size', () => {
    const ring: GroupRecord = { kind: 'circular_buffer', block_size: 8 };
    expect(resolve([full, ring])).toEqual({ schedulerBlockSize: 32, hashBlockSize: 32 });
  });

  it('follows prefix_match_unit where it divides every block size, and says so where not', () => {
    expect(resolve([full, window], { prefixMatchUnit: 8 }).hashBlockSize).toBe(8);
    expect(() => resolve([full, window], { prefixMatchUnit: 32 })).toThrow(
      'Invalid prefix_match_unit=32; prefix-cacheable KV cache group block sizes must be divisible',
    );
    expect(() => resolve([full], { prefixMatchUnit: 8 })).toThrow('Unset it or set it to 16.');
  });
});
