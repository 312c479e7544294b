/**
 * Which layers share a block table. The branches are tried in vLLM's order: one merged spec, one uniform type, packed
 * pages, one page size for all.
 * Source: vllm/v1/core/kv_cache_planning.py get_global_kv_cache_groups, get_kv_cache_groups,
 * _get_kv_cache_groups_uniform_page_size (0.33.0). Leaves out: HiSparse, platform builders, model-declared grouping.
 */
import { cdiv } from '../../shared/integers.ts';
import { toFixed2 } from '../../shared/python/float.ts';
import { PlanRuleError, planAssert, valueError } from '../spec/rule-error.ts';
import type { HiddenStateCacheSpec, KVCacheSpec } from '../spec/spec.ts';
import {
  areSpecsEqual,
  canMergeSpecs,
  equalityKey,
  isSlidingWindowFamily,
  mergeSpecs,
} from '../spec/spec-equality.ts';
import { pageSizeBytes, replaceSpec } from '../spec/spec-size.ts';
import {
  createGroup,
  type LayerSpecs,
  layerSpecsOf,
  type PlannedGroup,
  uniformTypeGroup,
  uniformTypeSpecs,
} from './kv-cache-group.ts';
import { isBlockOutermost, type KVCacheLayout, pythonList } from './layout.ts';
import { packedGroups } from './packing.ts';
import { appendHiddenStateGroups, unifyPageSizes } from './page-size.ts';
import { fullAllocationFallback, unifyHybridSpecs } from './promotion.ts';

export interface GroupingOptions {
  readonly layout: KVCacheLayout;
  readonly disableHybridKvCacheManager: boolean;
  readonly numPrefillLookaheadTokens: number;
  /** With a draft whose last block a prefix hit drops: groups with draft layers are marked. */
  readonly speculative: { readonly method: string; readonly useEagleBlockDrop: boolean } | null;
  readonly warn: (message: string) => void;
}

/** Which branch made the groups. */
export type GroupingRule =
  /** Attention free. */
  | 'no_layers'
  /** All layers merge into one spec. */
  | 'one_spec'
  /** One block table, pages of the layers' own size. */
  | 'uniform_type'
  /** Pages of several sizes side by side in a block. */
  | 'packed'
  /** Several kinds with one page size, in groups of as many layers each. */
  | 'uniform_page'
  /** Local attention planned as full attention, because pages cannot be unified. */
  | 'full_allocation';

export interface Grouping {
  readonly groups: readonly PlannedGroup[];
  readonly rule: GroupingRule;
}

/** The groups of the whole model, from each worker's layers in order. Throws PlanRuleError with vLLM's words. */
export function getGlobalKVCacheGroups(
  workers: readonly LayerSpecs[],
  options: GroupingOptions,
): Grouping {
  const merged = mergeWorkers(workers);
  for (const [name, spec] of merged) {
    if (spec.kind === 'encoder_only_attention') {
      throw valueError(
        `Unsupported KV cache spec type for layer ${name}: ` +
          "<class 'vllm.v1.kv_cache_interface.EncoderOnlyAttentionSpec'>. " +
          'Please register it using @register_kv_cache_spec decorator.',
      );
    }
  }
  const retained = retainExtraTokens(merged, Math.max(0, options.numPrefillLookaheadTokens - 1));
  const layers = options.disableHybridKvCacheManager
    ? unifyHybridSpecs(retained, options.warn)
    : retained;
  const { groups, rule } = getKVCacheGroups(layers, options);
  checkExactPartition(groups, layers);
  return { groups: markEagleGroups(groups, layers, options), rule };
}

/** Layers of all workers by name, in order of appearance. TP ranks hold the same layers, PP stages different ones. */
function mergeWorkers(workers: readonly LayerSpecs[]): LayerSpecs {
  const merged = new Map<string, KVCacheSpec>();
  for (const layers of workers) {
    for (const [name, spec] of layers) {
      const known = merged.get(name);
      if (known === undefined) merged.set(name, spec);
      planAssert(
        known === undefined || areSpecsEqual(known, spec),
        'The KV cache specs for the same layer are different across workers. This is not supported yet.',
      );
    }
  }
  return merged;
}

/** Drafts that read several tokens ahead keep as many more tokens below every sliding window. */
function retainExtraTokens(layers: LayerSpecs, extraRetainedTokens: number): LayerSpecs {
  const replaced = new Map<KVCacheSpec, KVCacheSpec>();
  return new Map(
    [...layers].map(([name, spec]) => {
      if (!isSlidingWindowFamily(spec)) return [name, spec] as const;
      const result = replaced.get(spec) ?? replaceSpec<KVCacheSpec>(spec, { extraRetainedTokens });
      replaced.set(spec, result);
      return [name, result] as const;
    }),
  );
}

function getKVCacheGroups(layers: LayerSpecs, options: GroupingOptions): Grouping {
  if (layers.size === 0) return { groups: [], rule: 'no_layers' };
  if (canMergeSpecs([...layers.values()])) {
    return { groups: createMergedGroups(layers, [[...layers.keys()]]), rule: 'one_spec' };
  }
  const uniform = uniformTypeSpecs(layers);
  if (uniform !== null) return { groups: [uniformTypeGroup(uniform)], rule: 'uniform_type' };

  // A hidden-state layer has a block table of its own and must not be drawn into an attention bucket.
  const hiddenLayers = new Map<string, HiddenStateCacheSpec>();
  const otherLayers = new Map<string, KVCacheSpec>();
  for (const [name, spec] of layers) {
    if (spec.kind === 'hidden_state_cache') hiddenLayers.set(name, spec);
    else otherLayers.set(name, spec);
  }
  const pageSizes = new Set([...new Set(otherLayers.values())].map(pageSizeBytes));
  if (isBlockOutermost(options.layout) && pageSizes.size > 1) {
    const hiddenGroups = [...hiddenLayers].map(([name, spec]) => createGroup([name], spec));
    return { groups: [...packedGroups(otherLayers), ...hiddenGroups], rule: 'packed' };
  }

  let unified: LayerSpecs;
  try {
    unified = unifyPageSizes(otherLayers);
  } catch (error) {
    if (!(error instanceof PlanRuleError && error.errorType === 'NotImplementedError')) throw error;
    const fallback = fullAllocationFallback(layers, options.warn);
    if (fallback === null) throw error;
    return { groups: fallback, rule: 'full_allocation' };
  }
  const groups = uniformPageGroups(unified, options.warn);
  return {
    groups: hiddenLayers.size > 0 ? appendHiddenStateGroups(groups, hiddenLayers) : groups,
    rule: 'uniform_page',
  };
}

function createMergedGroups(
  layers: LayerSpecs,
  groupedNames: readonly (readonly string[])[],
): PlannedGroup[] {
  return groupedNames.map((names) =>
    createGroup(
      names,
      mergeSpecs(names.map((name) => layers.get(name)).filter((spec) => spec !== undefined)),
    ),
  );
}

/**
 * Hybrid models with one page size: every kind of layer is split into groups of the same number of layers, so that all
 * groups fill a block alike. Layer i of a kind goes to group i mod n, which gives every pipeline stage a share of each.
 */
function uniformPageGroups(layers: LayerSpecs, warn: (message: string) => void): PlannedGroup[] {
  const buckets = mergeableBuckets(layers);
  const counts = buckets.map((names) => names.length);
  if (counts.length === 0) throw valueError('min() arg is an empty sequence');
  const minLayers = Math.min(...counts);
  const maxLayers = Math.max(...counts);
  // One kind slightly larger than the other is padded up rather than cut in two.
  const groupSize = maxLayers < minLayers * 1.5 ? maxLayers : minLayers;
  const groupedNames = buckets.flatMap((names) => {
    const remainder = names.length % groupSize;
    if (remainder !== 0) {
      const padding = groupSize - remainder;
      const waste = toFixed2((padding / names.length) * 100);
      warn(`Add ${padding} padding layers, may waste at most ${waste}% KV cache memory`);
    }
    const numGroups = cdiv(names.length, groupSize);
    return Array.from({ length: numGroups }, (_, index) =>
      names.filter((_name, i) => i % numGroups === index),
    );
  });
  return createMergedGroups(layers, groupedNames);
}

/** Layer names of equal specs, then of specs that merge: each new spec joins the first bucket that takes it. */
function mergeableBuckets(layers: LayerSpecs): string[][] {
  const equal = new Map<string, { spec: KVCacheSpec; names: string[] }>();
  const keys = new Map<KVCacheSpec, string>();
  for (const [name, spec] of layers) {
    const key = keys.get(spec) ?? equalityKey(spec);
    keys.set(spec, key);
    const entry = equal.get(key);
    if (entry === undefined) equal.set(key, { spec, names: [name] });
    else entry.names.push(name);
  }
  const buckets: { specs: KVCacheSpec[]; names: string[] }[] = [];
  for (const { spec, names } of equal.values()) {
    const bucket = buckets.find(({ specs }) => doMerge([...specs, spec]));
    if (bucket === undefined) {
      buckets.push({ specs: [spec], names });
    } else {
      bucket.specs.push(spec);
      bucket.names.push(...names);
    }
  }
  return buckets.map(({ names }) => names);
}

/** Here two distinct windows only mean "not together". */
function doMerge(specs: readonly KVCacheSpec[]): boolean {
  try {
    mergeSpecs(specs);
    return true;
  } catch (error) {
    const isRefusal =
      error instanceof PlanRuleError &&
      (error.errorType === 'AssertionError' || error.errorType === 'ValueError');
    if (!isRefusal) throw error;
    return false;
  }
}

/** Every layer is in exactly one group. */
function checkExactPartition(groups: readonly PlannedGroup[], layers: LayerSpecs): void {
  const grouped = new Set<string>();
  for (const { layerNames } of groups) {
    const overlap = layerNames.filter((name) => grouped.has(name));
    planAssert(
      overlap.length === 0,
      `KV cache group overlaps: {${overlap.map((name) => `'${name}'`).join(', ')}}.`,
    );
    for (const name of layerNames) grouped.add(name);
  }
  const missing = [...layers.keys()].filter((name) => !grouped.has(name));
  planAssert(missing.length === 0, `KV cache groups miss layers: ${pythonList(missing.sort())}.`);
}

function markEagleGroups(
  groups: readonly PlannedGroup[],
  layers: LayerSpecs,
  options: GroupingOptions,
): PlannedGroup[] {
  const { speculative } = options;
  if (speculative === null || !speculative.useEagleBlockDrop) return [...groups];
  const marked = groups.map((group) => ({
    ...group,
    isEagleGroup: group.layerNames.some((name) => layers.get(name)?.isDraft === true),
  }));
  const hasMamba = marked.some((group) =>
    layerSpecsOf(group.spec).some((spec) => spec.kind === 'mamba'),
  );
  if (hasMamba && !marked.some((group) => group.isEagleGroup)) {
    options.warn(
      `Speculative decoding (method=${speculative.method}) is enabled but no KV cache group could be identified as ` +
        "the draft model's.",
    );
  }
  return marked;
}
