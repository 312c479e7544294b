import { describe, expect, it } from 'vitest';
import { NO_DRAFT_CACHING } from '../../../../../src/engine-core/kv-cache/draft-caching.ts';
import { createManager } from '../../../../../src/engine-core/kv-cache/managers/create-manager.ts';
import {
  CircularBufferManager,
  CrossAttentionManager,
  FullAttentionManager,
  RSWAManager,
} from '../../../../../src/engine-core/kv-cache/managers/full-attention-manager.ts';
import { MambaManager } from '../../../../../src/engine-core/kv-cache/managers/mamba-manager.ts';
import {
  ChunkedLocalAttentionManager,
  SlidingWindowManager,
} from '../../../../../src/engine-core/kv-cache/managers/windowed-managers.ts';
import { BlockPool } from '../../../../../src/engine-core/kv-cache/pool/block-pool.ts';
import { createGroup, type GroupRecord, TestRequest } from '../../../../support/kv-cache.ts';

function create(record: GroupRecord, { enableCaching = true, group = 0 } = {}) {
  return createManager(createGroup(record).spec, group, {
    blockPool: new BlockPool({ numBlocks: 10, enableCaching, hashBlockSize: 16 }),
    enableCaching,
    schedulerBlockSize: 16,
    maxInFlightTokens: 64,
    maxModelLen: 256,
    draftCaching: NO_DRAFT_CACHING,
  });
}

describe('the manager of a KV cache group', () => {
  it.each([
    ['full_attention', FullAttentionManager],
    ['mla_attention', FullAttentionManager],
    ['hidden_state_cache', FullAttentionManager],
    ['sink_full_attention', FullAttentionManager],
    ['rswa', RSWAManager],
    ['circular_buffer', CircularBufferManager],
    ['cross_attention', CrossAttentionManager],
    ['sliding_window', SlidingWindowManager],
    ['sliding_window_mla', SlidingWindowManager],
    ['chunked_local_attention', ChunkedLocalAttentionManager],
    ['mamba', MambaManager],
  ] as const)('of %s is its own', (kind, Manager) => {
    const manager = create({ kind }, { group: 3 });

    expect(manager.constructor).toBe(Manager);
    expect(manager).toMatchObject({ group: 3, blockSize: 16, cacheHitAlignmentTokens: 16 });
  });

  it('of encoder-only attention is none, as it caches nothing', () => {
    expect(() => create({ kind: 'encoder_only_attention' })).toThrow(
      'encoder-only attention has no KV cache group',
    );
  });

  it('of mamba caches prefixes only where states are kept at boundaries', () => {
    expect(() => create({ kind: 'mamba', mode: 'none' })).toThrow(
      "Mamba prefix caching requires mamba_cache_mode='align'",
    );
    expect(create({ kind: 'mamba', mode: 'none' }, { enableCaching: false })).toBeInstanceOf(
      MambaManager,
    );
  });

  it('of cross attention knows no prefixes', () => {
    const manager = create({ kind: 'cross_attention' });
    const request = new TestRequest({ promptTokenIds: [1] });

    expect(() => manager.findLongestCacheHit(request, 16, [0], [[]], false)).toThrow(
      'cross attention has no prefix cache',
    );
  });
});

describe('tokens that attention does not look at any more', () => {
  const skipped = (record: GroupRecord, computed: number) =>
    create(record).getNumSkippedTokens(computed);

  it('are none for full attention', () => {
    expect(skipped({ kind: 'full_attention' }, 100)).toBe(0);
  });

  it('are those before the window of the next token', () => {
    const window: GroupRecord = { kind: 'sliding_window', window: 4 };

    expect([2, 3, 4, 7].map((computed) => skipped(window, computed))).toEqual([0, 0, 1, 4]);
  });

  it('are those before the chunk of the next token', () => {
    const chunk: GroupRecord = { kind: 'chunked_local_attention', chunk: 8 };

    expect([7, 8, 13, 16].map((computed) => skipped(chunk, computed))).toEqual([0, 8, 8, 16]);
  });

  it('are all but the last for a state', () => {
    expect(skipped({ kind: 'mamba' }, 7)).toBe(6);
  });
});
