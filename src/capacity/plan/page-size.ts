/**
 * One page size for all layers, so that groups can overlay each other block by block.
 * Source: vllm/v1/core/kv_cache_planning.py unify_kv_cache_spec_page_size, _ensure_min_page_size and the hidden-state
 * part of get_kv_cache_groups (0.33.0).
 */
import { cdiv, gcd } from '../../shared/integers.ts';
import { dtypeBytes } from '../spec/dtypes.ts';
import { exactProduct, nonZeroDivisor, PlanRuleError, planAssert } from '../spec/rule-error.ts';
import type { HiddenStateCacheSpec, KVCacheSpec } from '../spec/spec.ts';
import { isMLAFamily } from '../spec/spec-equality.ts';
import { pageSizeBytes, replaceSpec } from '../spec/spec-size.ts';
import {
  createGroup,
  type LayerSpecs,
  type PlannedGroup,
  representativeSpec,
} from './kv-cache-group.ts';

/**
 * Layers with smaller pages get longer blocks, or a padded page where that does not come out even.
 * Throws NotImplementedError for an MLA layer that would need padding.
 */
export function unifyPageSizes(layers: LayerSpecs): LayerSpecs {
  const pageSizes = new Set([...new Set(layers.values())].map(pageSizeBytes));
  if (pageSizes.size <= 1) return layers;
  const maxPageSize = Math.max(...pageSizes);
  return new Map(
    [...layers].map(([name, spec]) => [name, withPageSize(name, spec, maxPageSize)] as const),
  );
}

function withPageSize(layerName: string, spec: KVCacheSpec, maxPageSize: number): KVCacheSpec {
  const pageSize = pageSizeBytes(spec);
  if (pageSize === maxPageSize) return spec;
  let result: KVCacheSpec;
  if (spec.kind === 'mamba') {
    // A state has its size whatever the block size, so only padding helps.
    result = replaceSpec(spec, { pageSizePadded: maxPageSize });
  } else if (maxPageSize % nonZeroDivisor(pageSize, 'modulo') === 0) {
    const blockSize = exactProduct(spec.blockSize, maxPageSize / pageSize);
    result = replaceSpec<KVCacheSpec>(spec, { blockSize });
  } else if (!isMLAFamily(spec)) {
    result = replaceSpec<KVCacheSpec>(spec, { pageSizePadded: maxPageSize });
  } else {
    throw new PlanRuleError(
      'NotImplementedError',
      `Layer ${layerName}: page size is not divisible by the maximum page size and cannot be padded. ` +
        'Padding is only supported for non-MLA attention layers.',
    );
  }
  planAssert(pageSizeBytes(result) === maxPageSize);
  return result;
}

/**
 * Appends each hidden-state layer as a group of its own, its page padded to the common one; the other groups' blocks
 * grow first where a single token's hidden state would not fit the common page.
 */
export function appendHiddenStateGroups(
  groups: readonly PlannedGroup[],
  hiddenLayers: ReadonlyMap<string, HiddenStateCacheSpec>,
): PlannedGroup[] {
  const commonPage = uniformPageSize(groups);
  const scaled = ensureMinPageSize(groups, commonPage, hiddenLayers);
  const blockSizes = scaled.groups.map((group) => representativeSpec(group.spec).blockSize);
  const groupBlockSize = blockSizes.reduce(gcd);
  const hiddenGroups = [...hiddenLayers].map(([name, spec]) => {
    const perToken = bytesPerToken(spec);
    const maxBlockSize = Math.max(Math.floor(scaled.commonPage / nonZeroDivisor(perToken)), 1);
    const blockSize = largestDivisorAtMost(groupBlockSize, maxBlockSize);
    return createGroup([name], replaceSpec(spec, { blockSize, pageSizePadded: scaled.commonPage }));
  });
  return [...scaled.groups, ...hiddenGroups];
}

function uniformPageSize(groups: readonly PlannedGroup[]): number {
  const [pageSize, ...others] = new Set(
    groups.map((group) => pageSizeBytes(representativeSpec(group.spec))),
  );
  planAssert(pageSize !== undefined && others.length === 0);
  return pageSize;
}

function ensureMinPageSize(
  groups: readonly PlannedGroup[],
  commonPage: number,
  hiddenLayers: ReadonlyMap<string, HiddenStateCacheSpec>,
): { groups: readonly PlannedGroup[]; commonPage: number } {
  const maxPerToken = Math.max(...[...hiddenLayers.values()].map(bytesPerToken));
  if (maxPerToken <= commonPage) return { groups, commonPage };
  const scale = cdiv(maxPerToken, nonZeroDivisor(commonPage));
  return {
    commonPage: exactProduct(commonPage, scale),
    groups: groups.map((group) =>
      createGroup(group.layerNames, scaleBlock(representativeSpec(group.spec), scale)),
    ),
  };
}

function scaleBlock(spec: KVCacheSpec, scale: number): KVCacheSpec {
  const padded = spec.pageSizePadded;
  return replaceSpec<KVCacheSpec>(spec, {
    blockSize: exactProduct(spec.blockSize, scale),
    pageSizePadded: padded === null ? null : exactProduct(padded, scale),
  });
}

function bytesPerToken(spec: HiddenStateCacheSpec): number {
  return exactProduct(spec.numKvHeads, spec.headSize, dtypeBytes(spec.dtype));
}

function largestDivisorAtMost(value: number, limit: number): number {
  for (let candidate = Math.min(value, limit); candidate > 0; candidate -= 1) {
    if (value % candidate === 0) return candidate;
  }
  return 1;
}
