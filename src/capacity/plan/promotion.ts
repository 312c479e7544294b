/**
 * Local attention planned as full attention: what happens without the hybrid KV cache manager, and the last resort
 * where page sizes cannot be unified. Attention itself still computes its window.
 * Source: vllm/v1/core/kv_cache_planning.py _promote_local_kv_cache_specs, unify_hybrid_kv_cache_specs,
 * _try_get_full_allocation_fallback_groups (0.33.0).
 */

import { toFullAttention } from '../spec/create-spec.ts';
import { exactProduct, PlanRuleError, valueError } from '../spec/rule-error.ts';
import type {
  ChunkedLocalAttentionSpec,
  FullAttentionSpec,
  KVCacheSpec,
  SlidingWindowSpec,
} from '../spec/spec.ts';
import {
  areSpecsEqual,
  canMergeSpecs,
  isFullFamily,
  isMLAFamily,
  isSlidingWindowFamily,
  isUniformType,
} from '../spec/spec-equality.ts';
import { unpaddedPageSizeBytes } from '../spec/spec-size.ts';
import {
  type LayerSpecs,
  type PlannedGroup,
  uniformTypeGroup,
  uniformTypeSpecs,
} from './kv-cache-group.ts';

/** Throws ValueError where the result is still of several types. */
export function promoteLocalSpecs(layers: LayerSpecs): LayerSpecs {
  const specs = [...layers.values()];
  if (canMergeSpecs(specs) || isUniformType(specs)) return layers;

  let promoted = layers;
  const fullLayers = specs.filter(isFullFamily);
  if (fullLayers.length > 0 && specs.some(isLocal)) {
    const blockSizes = new Set(fullLayers.map((spec) => spec.blockSize));
    const fullBlockSize = blockSizes.size === 1 ? (fullLayers[0]?.blockSize ?? null) : null;
    promoted = new Map(
      [...layers].map(([name, spec]) => [name, promoteSpec(spec, fullBlockSize)] as const),
    );
  }

  const result = [...promoted.values()];
  if (!canMergeSpecs(result) && !isUniformType(result)) {
    throw valueError('Failed to promote local KV cache specs to one unified type.');
  }
  return promoted;
}

function isLocal(spec: KVCacheSpec): boolean {
  return isSlidingWindowFamily(spec) || spec.kind === 'chunked_local_attention';
}

function promoteSpec(spec: KVCacheSpec, fullBlockSize: number | null): KVCacheSpec {
  switch (spec.kind) {
    case 'sliding_window_mla':
      // vLLM 0.33.0 hands a field to the promoted class that it does not have.
      throw new PlanRuleError(
        'TypeError',
        "MLAAttentionSpec.__init__() got an unexpected keyword argument 'bounded_replay'",
      );
    case 'sliding_window':
      return promoteToFull(spec, fullBlockSize, {
        slidingWindow: spec.slidingWindow,
        attentionChunkSize: null,
      });
    case 'chunked_local_attention':
      return promoteToFull(spec, fullBlockSize, {
        slidingWindow: null,
        attentionChunkSize: spec.attentionChunkSize,
      });
    default:
      return spec;
  }
}

function promoteToFull(
  spec: SlidingWindowSpec | ChunkedLocalAttentionSpec,
  fullBlockSize: number | null,
  labels: Pick<FullAttentionSpec, 'slidingWindow' | 'attentionChunkSize'>,
): FullAttentionSpec {
  const blockSize = fullBlockSize ?? spec.blockSize;
  return toFullAttention(spec, {
    blockSize,
    pageSizePadded: promotedPageSizePadded(spec, blockSize),
    ...labels,
  });
}

function promotedPageSizePadded(
  spec: SlidingWindowSpec | ChunkedLocalAttentionSpec,
  blockSize: number,
): number | null {
  if (spec.pageSizePadded === null) return null;
  const unpadded = Math.floor(
    exactProduct(unpaddedPageSizeBytes(spec), blockSize) / spec.blockSize,
  );
  return Math.max(spec.pageSizePadded, unpadded);
}

/**
 * Without the hybrid manager: the layers with local attention promoted, replicated and sharded ones apart.
 * Order is kept. Warns once for each half that changed.
 */
export function unifyHybridSpecs(
  layers: LayerSpecs,
  warn: (message: string) => void,
): Map<string, KVCacheSpec> {
  const halves = new Map<boolean, Map<string, KVCacheSpec>>();
  for (const [name, spec] of layers) {
    const isReplicated = spec.kind !== 'mamba' && !spec.dcpSharded;
    const half = halves.get(isReplicated) ?? new Map<string, KVCacheSpec>();
    half.set(name, spec);
    halves.set(isReplicated, half);
  }
  const unified = new Map(layers);
  for (const half of halves.values()) {
    const promoted = promoteLocalSpecs(half);
    if (![...promoted].some(([name, spec]) => !isSame(half.get(name), spec))) continue;
    warn(
      'Hybrid KV cache manager is disabled for this hybrid model, This means we do not enable any optimizations for ' +
        'saving KV cache memory (e.g., dropping the KV cache outside the sliding window). The compute of layers like ' +
        'sliding window is still saved.',
    );
    for (const [name, spec] of promoted) unified.set(name, spec);
  }
  return unified;
}

function isSame(a: KVCacheSpec | undefined, b: KVCacheSpec): boolean {
  return a !== undefined && areSpecsEqual(a, b);
}

/** MLA next to plain sliding windows as one uniform type; null where that is no way out. */
export function fullAllocationFallback(
  layers: LayerSpecs,
  warn: (message: string) => void,
): PlannedGroup[] | null {
  const specs = [...layers.values()];
  const isExcluded = specs.some(
    ({ kind }) =>
      kind === 'hidden_state_cache' ||
      kind === 'sliding_window_mla' ||
      kind === 'chunked_local_attention',
  );
  if (isExcluded || !specs.some(isMLAFamily) || !specs.some(isSlidingWindowFamily)) return null;
  let promoted: LayerSpecs;
  try {
    promoted = promoteLocalSpecs(layers);
  } catch (error) {
    if (error instanceof PlanRuleError && error.errorType === 'ValueError') return null;
    throw error;
  }
  const uniform = uniformTypeSpecs(promoted);
  if (uniform === null) return null;
  warn(
    'KV cache page sizes cannot be unified; treating sliding-window layers as full attention for cache allocation. ' +
      'Sliding-window attention compute is unchanged.',
  );
  return [uniformTypeGroup(uniform)];
}
