import { describe, expect, it } from 'vitest';
import { KVCacheManager } from '../../../../src/engine-core/kv-cache/kv-cache-manager.ts';
import { createGroup, type GroupRecord } from '../../../support/kv-cache.ts';

function create(
  groups: readonly GroupRecord[],
  sizes: { schedulerBlockSize?: number; hashBlockSize?: number; watermark?: number } = {},
) {
  return new KVCacheManager({
    kvCacheConfig: { numBlocks: 10, groups: groups.map(createGroup) },
    maxModelLen: 256,
    maxInFlightTokens: 64,
    schedulerBlockSize: 16,
    hashBlockSize: 16,
    enableCaching: true,
    retentionInterval: 0,
    logStats: false,
    enableKvCacheEvents: false,
    watermark: 0,
    ...sizes,
  });
}

const full: GroupRecord = { kind: 'full_attention' };
const full32: GroupRecord = { kind: 'full_attention', block_size: 32 };
const window: GroupRecord = { kind: 'sliding_window' };
const mamba64: GroupRecord = { kind: 'mamba', mode: 'align', block_size: 64 };

describe('block sizes that do not go together are a bug of who planned them', () => {
  it.each<
    [string, readonly GroupRecord[], { schedulerBlockSize: number; hashBlockSize: number }, string]
  >([
    [
      'a scheduler block that is no multiple of a hash',
      [full],
      { schedulerBlockSize: 24, hashBlockSize: 16 },
      'scheduler block size 24, hash block size 16',
    ],
    [
      'a scheduler block that is no multiple of a group’s block',
      [full, full32],
      { schedulerBlockSize: 16, hashBlockSize: 16 },
      'scheduler block size 16, hash block size 16',
    ],
    [
      'hashes of another size than the only group’s blocks',
      [full32],
      { schedulerBlockSize: 32, hashBlockSize: 16 },
      'hash block size 16, block size 32',
    ],
    [
      'blocks of one of several groups that no hashes fill',
      [full, full32],
      { schedulerBlockSize: 32, hashBlockSize: 32 },
      'block size 16 is no multiple of hash block size 32',
    ],
  ])('%s', (_name, groups, sizes, message) => {
    expect(() => create(groups, sizes)).toThrow(message);
  });

  it('a negative watermark', () => {
    expect(() => create([full], { watermark: -0.1 })).toThrow('watermark must be non-negative');
  });

  it('several groups, none of which can be cached', () => {
    expect(() => create([{ kind: 'circular_buffer' }, { kind: 'circular_buffer' }])).toThrow(
      'several groups, none of them cacheable',
    );
  });
});

describe('hits inside a block', () => {
  const enabled = (groups: readonly GroupRecord[], hashBlockSize: number) =>
    create(groups, { schedulerBlockSize: 64, hashBlockSize }).enablePartialHashHits;

  it('are for states with more tokens than a hash, where every other group can follow', () => {
    expect(enabled([full, mamba64], 16)).toBe(true);
    expect(enabled([full32, mamba64], 16)).toBe(true);
    expect(enabled([window, mamba64], 16)).toBe(true);
  });

  it('are not where a window has larger blocks than a hash', () => {
    expect(enabled([{ ...window, block_size: 32 }, mamba64], 16)).toBe(false);
  });

  it('are not where a state has as many tokens as a hash, or where there is none', () => {
    expect(enabled([{ ...full, block_size: 64 }, mamba64], 64)).toBe(false);
    expect(enabled([full, full32], 16)).toBe(false);
  });
});

it('statistics and events are none where they are off', () => {
  const manager = create([full]);

  expect(manager.makePrefixCacheStats()).toBeNull();
  expect(manager.takeEvents()).toEqual([]);
  expect(manager.takeKvCacheBlockCopies()).toBeNull();
  expect(manager.numBlocks).toBe(10);
});
