/**
 * The check of --prefix-cache-retention-interval against the groups that a model has.
 * Source: vllm/v1/core/kv_cache_coordinator.py _validate_prefix_cache_retention_interval (0.33.0).
 */
import type { KVCacheGroup } from '../../capacity/spec/kv-cache-config.ts';
import { ConfigError } from '../../shared/errors.ts';

/** Throws E_BAD_FLAG for an interval that no group could keep. */
export function validateRetentionInterval(
  interval: number | null,
  schedulerBlockSize: number,
  groups: readonly KVCacheGroup[],
): void {
  if (interval === null) return;
  const isSparse = groups.some(
    ({ spec }) =>
      spec.kind === 'sliding_window' || spec.kind === 'sliding_window_mla' || spec.kind === 'mamba',
  );
  if (!isSparse) {
    if (interval === 0) return;
    throw new ConfigError(
      'E_BAD_FLAG',
      'prefix_cache_retention_interval is set but this model has no sliding-window or Mamba KV cache group, so ' +
        'retention has no effect. Set it to 0 (it only applies to sliding-window and Mamba attention).',
    );
  }
  if (interval < 0 || interval % schedulerBlockSize !== 0) {
    throw new ConfigError(
      'E_BAD_FLAG',
      `prefix_cache_retention_interval (${interval}) must be non-negative and a multiple of scheduler_block_size ` +
        `(${schedulerBlockSize}).`,
    );
  }
}
