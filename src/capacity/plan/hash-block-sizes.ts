/**
 * The token sizes that the scheduler and prefix caching work in, as the engine resolves them when it starts.
 * Source: vllm/v1/core/kv_cache_utils.py resolve_kv_cache_block_sizes, resolve_cache_hit_alignment_tokens,
 * partial_hash_hits_enabled; vllm/config/vllm.py validate_block_size (0.33.0). Leaves out: KV connectors.
 */
import { gcd, lcm } from '../../shared/integers.ts';
import type { KVCacheGroup } from '../spec/kv-cache-config.ts';
import { exactInteger, nonZeroDivisor, planAssert, valueError } from '../spec/rule-error.ts';
import type { KVCacheSpec } from '../spec/spec.ts';
import { isPrefixCacheable } from '../spec/spec-traits.ts';

export interface HashBlockSizes {
  /** Prefix hits and chunk ends are multiples of this. */
  readonly schedulerBlockSize: number;
  /** Tokens per block hash. */
  readonly hashBlockSize: number;
}

export interface HashBlockSizeOptions {
  readonly groups: readonly KVCacheGroup[];
  /** cache_config.block_size after planning. */
  readonly cacheBlockSize: number;
  readonly enablePrefixCaching: boolean;
  readonly prefixMatchUnit: number | null;
  readonly decodeContextParallelSize: number;
}

/** cache_config.block_size after planning: the smallest block of the groups that prefix caching looks at. */
export function resolveCacheBlockSize(groups: readonly KVCacheGroup[], initial: number): number {
  if (groups.length === 0) return initial;
  const cacheable = groups.filter(({ spec }) => isPrefixCacheable(spec));
  const participating = cacheable.length > 0 ? cacheable : groups;
  return Math.min(...participating.map(({ spec }) => spec.blockSize));
}

/** Throws AssertionError where decode-context parallelism cannot interleave within a block. */
export function validateBlockSize(options: {
  readonly cacheBlockSize: number;
  readonly decodeContextParallelSize: number;
  readonly interleaveSize: number;
}): void {
  const { cacheBlockSize, interleaveSize } = options;
  if (options.decodeContextParallelSize <= 1) return;
  planAssert(
    interleaveSize <= cacheBlockSize &&
      cacheBlockSize % nonZeroDivisor(interleaveSize, 'modulo') === 0,
    `Block_size(${cacheBlockSize}) should be greater than or equal to and divisible by ` +
      `cp_kv_cache_interleave_size (${interleaveSize}).`,
  );
}

/** Throws ValueError for a prefix_match_unit that the groups cannot keep. */
export function resolveHashBlockSizes(options: HashBlockSizeOptions): HashBlockSizes {
  return options.groups.length <= 1 ? singleGroupSizes(options) : severalGroupSizes(options);
}

function singleGroupSizes(options: HashBlockSizeOptions): HashBlockSizes {
  const [group] = options.groups;
  const dcp = group === undefined || group.spec.dcpSharded ? options.decodeContextParallelSize : 1;
  const size = options.cacheBlockSize * dcp;
  const unit = options.prefixMatchUnit;
  if (unit !== null && unit !== size && group !== undefined && options.enablePrefixCaching) {
    throw valueError(
      `Invalid prefix_match_unit=${unit}; with a single KV cache group, prefix-cache hits land on the block size ` +
        `(${size}). Unset it or set it to ${size}.`,
    );
  }
  return { schedulerBlockSize: size, hashBlockSize: size };
}

function severalGroupSizes(options: HashBlockSizeOptions): HashBlockSizes {
  const { groups, decodeContextParallelSize: dcp, prefixMatchUnit } = options;
  const sizes = groups.map(({ spec }) => dcpBlockSize(spec, dcp));
  const schedulerBlockSize = exactInteger(sizes.reduce(lcm));
  const isUnaligned = groups.some(
    ({ spec }) => spec.kind === 'mamba' && spec.mambaCacheMode !== 'align',
  );
  if (!options.enablePrefixCaching || isUnaligned) {
    return { schedulerBlockSize, hashBlockSize: schedulerBlockSize };
  }
  const cacheable = sizes.filter((_, i) => groups[i] && isPrefixCacheable(groups[i].spec));
  const hashingSizes = cacheable.length > 0 ? cacheable : sizes;
  const hashBlockSize = prefixMatchUnit ?? hashingSizes.reduce(gcd);
  if (hashingSizes.some((size) => size % hashBlockSize !== 0)) {
    throw valueError(
      `Invalid prefix_match_unit=${hashBlockSize}; prefix-cacheable KV cache group block sizes must be divisible by ` +
        `prefix_match_unit. Got group block sizes=[${sizes.join(', ')}], ` +
        `prefix-cacheable=[${hashingSizes.join(', ')}].`,
    );
  }
  checkStateAlignments(options, { schedulerBlockSize, hashBlockSize });
  return { schedulerBlockSize, hashBlockSize };
}

/** A hit must not end inside the tokens that one compressed state covers. */
function checkStateAlignments(options: HashBlockSizeOptions, sizes: HashBlockSizes): void {
  const alignments = new Set<number>();
  for (const { spec } of options.groups) {
    if (spec.kind === 'mamba' || !isPrefixCacheable(spec)) continue;
    const { tokensPerState } = spec;
    if (typeof tokensPerState === 'number' && tokensPerState > 1) alignments.add(tokensPerState);
  }
  const hitAlignment = hasPartialHashHits(options, sizes.hashBlockSize)
    ? sizes.hashBlockSize
    : sizes.schedulerBlockSize;
  if ([...alignments].some((alignment) => hitAlignment % alignment !== 0)) {
    throw valueError(
      `Invalid prefix_match_unit=${sizes.hashBlockSize}; prefix-cache boundaries must align with each spec's ` +
        'per-state compression. ' +
        `Got alignments=[${[...alignments].sort((a, b) => a - b).join(', ')}].`,
    );
  }
}

function dcpBlockSize(spec: KVCacheSpec, dcp: number): number {
  return spec.blockSize * (spec.dcpSharded ? dcp : 1);
}

/** Whether aligned Mamba states let a prefix hit end inside a block, as far as the specs say. */
function hasPartialHashHits(options: HashBlockSizeOptions, hashBlockSize: number): boolean {
  const dcp = options.decodeContextParallelSize;
  return options.groups.some(
    ({ spec }) =>
      spec.kind === 'mamba' &&
      spec.mambaCacheMode === 'align' &&
      (dcp === 1 ? spec.blockSize > hashBlockSize : spec.blockSize >= hashBlockSize),
  );
}

/** Token granularity of prefix hits: the hash block where every group's manager can look that finely. */
export function resolveCacheHitAlignmentTokens(
  options: HashBlockSizeOptions,
  sizes: HashBlockSizes,
  warn: (message: string) => void,
): number {
  const { groups, decodeContextParallelSize: dcp } = options;
  if (!options.enablePrefixCaching || groups.length <= 1) return sizes.schedulerBlockSize;
  if (!hasPartialHashHits(options, sizes.hashBlockSize)) return sizes.schedulerBlockSize;
  const coarse = new Set<string>();
  for (const { spec } of groups) {
    const manager = blockAlignedManager(spec);
    if (manager === null || !isPrefixCacheable(spec)) continue;
    if (dcpBlockSize(spec, dcp) !== sizes.hashBlockSize) coarse.add(manager);
  }
  if (coarse.size === 0) return sizes.hashBlockSize;
  warn(
    'Disabling fine-grained prefix-cache hits because these KV cache managers require block-aligned lookups: ' +
      `${[...coarse].sort().join(', ')}.`,
  );
  return sizes.schedulerBlockSize;
}

/** vLLM's class name of the manager where it cannot look up parts of a block; null where it can. */
function blockAlignedManager(spec: KVCacheSpec): string | null {
  switch (spec.kind) {
    case 'sliding_window':
    case 'sliding_window_mla':
      return 'SlidingWindowManager';
    case 'chunked_local_attention':
      return 'ChunkedLocalAttentionManager';
    case 'cross_attention':
      return 'CrossAttentionManager';
    case 'circular_buffer':
      return 'CircularBufferManager';
    default:
      return null;
  }
}
