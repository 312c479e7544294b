import { describe, expect, it } from 'vitest';
import {
  resolveBlockSizes,
  validateRetentionInterval,
} from '../../../../src/engine-core/kv-cache/block-sizes.ts';
import { createGroup, type GroupRecord } from '../../../support/kv-cache.ts';

function resolve(groups: readonly GroupRecord[], options = {}) {
  return resolveBlockSizes({
    groups: groups.map(createGroup),
    blockSize: 16,
    enablePrefixCaching: true,
    ...options,
  });
}

const full: GroupRecord = { kind: 'full_attention', block_size: 32 };
const window: GroupRecord = { kind: 'sliding_window', block_size: 48 };

describe('resolveBlockSizes', () => {
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

describe('validateRetentionInterval', () => {
  it('accepts dense and sparse everywhere, and a multiple of the block size where it matters', () => {
    for (const interval of [null, 0]) validateRetentionInterval(interval, 16, [createGroup(full)]);
    validateRetentionInterval(96, 96, [createGroup(full), createGroup(window)]);
  });

  it('refuses an interval that would do nothing or land between boundaries', () => {
    expect(() => validateRetentionInterval(16, 16, [createGroup(full)])).toThrow(
      'no sliding-window or Mamba KV cache group',
    );
    expect(() => validateRetentionInterval(64, 96, [createGroup(window)])).toThrow(
      'prefix_cache_retention_interval (64) must be non-negative and a multiple of scheduler_block_size (96).',
    );
  });
});
