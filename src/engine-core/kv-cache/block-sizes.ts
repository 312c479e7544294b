/**
 * The two token sizes that the scheduler and the prefix cache work in, and the check of the retention interval.
 * Source: vllm/v1/core/kv_cache_utils.py resolve_kv_cache_block_sizes, kv_cache_coordinator.py
 * _validate_prefix_cache_retention_interval (0.33.0). Leaves out: context parallelism, KV connectors.
 */

import type { KVCacheGroup } from '../../capacity/spec/kv-cache-config.ts';
import { isPrefixCacheable } from '../../capacity/spec/spec-traits.ts';
import { ConfigError } from '../../shared/errors.ts';
import { gcd, lcm } from '../../shared/integers.ts';

export interface BlockSizes {
  /** Prefix hits and chunk ends are multiples of this: the groups' least common multiple. */
  readonly schedulerBlockSize: number;
  /** Tokens per block hash. */
  readonly hashBlockSize: number;
}

export function resolveBlockSizes(options: {
  readonly groups: readonly KVCacheGroup[];
  /** cache_config.block_size. */
  readonly blockSize: number;
  readonly enablePrefixCaching: boolean;
  /** The flag of the same name; null = not set. */
  readonly prefixMatchUnit?: number | null;
}): BlockSizes {
  const { groups, blockSize, enablePrefixCaching } = options;
  const requested = options.prefixMatchUnit ?? null;
  if (groups.length <= 1) {
    if (
      requested !== null &&
      requested !== blockSize &&
      groups.length === 1 &&
      enablePrefixCaching
    ) {
      throw new ConfigError(
        'E_BAD_FLAG',
        `Invalid prefix_match_unit=${requested}; with a single KV cache group, prefix-cache hits land on the block ` +
          `size (${blockSize}). Unset it or set it to ${blockSize}.`,
      );
    }
    return { schedulerBlockSize: blockSize, hashBlockSize: blockSize };
  }
  const sizes = groups.map(({ spec }) => spec.blockSize);
  const schedulerBlockSize = sizes.reduce(lcm);
  const hasUnalignedMamba = groups.some(
    ({ spec }) => spec.kind === 'mamba' && spec.mambaCacheMode !== 'align',
  );
  if (!enablePrefixCaching || hasUnalignedMamba) {
    return { schedulerBlockSize, hashBlockSize: schedulerBlockSize };
  }
  const cacheable = groups
    .filter(({ spec }) => isPrefixCacheable(spec))
    .map(({ spec }) => spec.blockSize);
  const hashingSizes = cacheable.length > 0 ? cacheable : sizes;
  const hashBlockSize = requested ?? hashingSizes.reduce(gcd);
  if (hashingSizes.some((size) => size % hashBlockSize !== 0)) {
    throw new ConfigError(
      'E_BAD_FLAG',
      `Invalid prefix_match_unit=${hashBlockSize}; prefix-cacheable KV cache group block sizes must be divisible by ` +
        `prefix_match_unit. Got group block sizes=[${sizes.join(', ')}], ` +
        `prefix-cacheable=[${hashingSizes.join(', ')}].`,
    );
  }
  return { schedulerBlockSize, hashBlockSize };
}

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
