import { describe, expect, it } from 'vitest';
import { validateRetentionInterval } from '../../../../src/engine-core/kv-cache/retention-interval.ts';
import { createGroup, type GroupRecord } from '../../../support/kv-cache.ts';

const full: GroupRecord = { kind: 'full_attention', block_size: 32 };
const window: GroupRecord = { kind: 'sliding_window', block_size: 48 };

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
