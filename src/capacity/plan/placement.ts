/**
 * Where the pages of a worker's layers lie in its one allocation, and so what a block costs.
 * All groups overlay the same bytes: a block belongs to one group at a time.
 *
 * block-outermost:  group 0  | block 0: A B pad | block 1: A B pad | …      (every block has the same bytes)
 *                   group 1  | block 0: C   D   | block 1: C   D   | …
 * layer-outermost:  group 0  | A: block 0, block 1, … | B: block 0, … |
 *                   group 1  | C: block 0, block 1, … | D: block 0, … |
 *
 * Source: vllm/v1/core/kv_cache_planning.py _get_kv_cache_bytes_per_block, validate_kv_cache_layout,
 * get_kv_cache_config_from_groups; kv_cache_interface.py compute_layout_strides (0.33.0).
 */

import { exactInteger, PlanRuleError, planAssert, valueError } from '../spec/rule-error.ts';
import type { KVCacheSpec } from '../spec/spec.ts';
import { equalityKey } from '../spec/spec-equality.ts';
import {
  blockStrideAlignmentBytes,
  layerBlockStride,
  numHeads,
  numStates,
  pageSizeBytes,
  stateContentSizeBytes,
} from '../spec/spec-size.ts';
import { type PlannedGroup, specOfLayer } from './kv-cache-group.ts';
import { isBlockCompact, isBlockOutermost, isLayerCompact, type KVCacheLayout } from './layout.ts';

/** Layers of one spec in the allocation: layer l's page of block b starts at offset + l·layerStride + b·blockStride. */
export interface KVCacheTensor {
  readonly layerNames: readonly string[];
  readonly offset: number;
  readonly layerStride: number;
  readonly blockStride: number;
}

/**
 * Bytes that one block takes of the worker's memory, after checking that the layout can hold the groups at all.
 * `groups` is not empty, but a pipeline stage may have no layer of some of them. A bigint, because the common multiple
 * of unusual stride alignments has no bound.
 * Throws ValueError, AssertionError or (for a stage without any layer) ZeroDivisionError.
 */
export function placedBytesPerBlock(
  groups: readonly PlannedGroup[],
  layout: KVCacheLayout,
): bigint {
  const bytesPerBlock = bytesOfLargestGroup(groups, layout);
  validateLayout(groups, layout);
  if (bytesPerBlock === 0n) {
    throw new PlanRuleError('ZeroDivisionError', 'integer division or modulo by zero');
  }
  placeTensors(groups, { layout, bytesPerBlock, numBlocks: 1 });
  return bytesPerBlock;
}

function bytesOfLargestGroup(groups: readonly PlannedGroup[], layout: KVCacheLayout): bigint {
  const isBlockOuter = isBlockOutermost(layout);
  const bytesPerBlock = groups
    .map((group) =>
      group.layerNames
        .map((name) => specOfLayer(group, name))
        .reduce(
          (sum, spec) => sum + (isBlockOuter ? pageSizeBytes(spec) : layerBlockStride(spec)),
          0,
        ),
    )
    .reduce((largest, bytes) => Math.max(largest, bytes));
  if (!isBlockOuter) return BigInt(bytesPerBlock);
  planAssert(bytesPerBlock > 0);
  const alignments = new Set(
    groups.flatMap((group) =>
      group.layerNames.map((name) => blockStrideAlignmentBytes(specOfLayer(group, name))),
    ),
  );
  return roundUpBigInt(BigInt(bytesPerBlock), [...alignments].map(BigInt).reduce(lcmBigInt, 1n));
}

function roundUpBigInt(value: bigint, multiple: bigint): bigint {
  if (multiple === 0n) {
    throw new PlanRuleError('ZeroDivisionError', 'integer division or modulo by zero');
  }
  return ((value + multiple - 1n) / multiple) * multiple;
}

function lcmBigInt(a: bigint, b: bigint): bigint {
  if (a === 0n || b === 0n) return 0n;
  let [x, y] = [a, b];
  while (y !== 0n) [x, y] = [y, x % y];
  return (a / x) * b;
}

/** Pages of several sizes need blocks (or, with one group, layers) that are runs of bytes. */
function validateLayout(groups: readonly PlannedGroup[], layout: KVCacheLayout): void {
  const pageSizes = new Set(
    groups.flatMap((group) =>
      group.layerNames.map((name) => pageSizeBytes(specOfLayer(group, name))),
    ),
  );
  if (pageSizes.size === 1) return;
  if (!isBlockCompact(layout) || (groups.length > 1 && isLayerCompact(layout))) {
    const sizes = [...pageSizes].sort((a, b) => a - b).join(', ');
    throw valueError(
      `KV cache layout ${layout} cannot express this model's mixed page sizes ([${sizes}]); a backend should declare ` +
        'block-outermost supported layouts (e.g. BLHNC), or set VLLM_KV_CACHE_LAYOUT=BLHNC.',
    );
  }
}

/** The tensors of a worker for a pool of `numBlocks` blocks. Throws AssertionError where padding does not fit. */
export function placeTensors(
  groups: readonly PlannedGroup[],
  options: { layout: KVCacheLayout; bytesPerBlock: bigint; numBlocks: number },
): KVCacheTensor[] {
  const isBlockOuter = isBlockOutermost(options.layout);
  return groups.flatMap((group) => {
    let offset = 0n;
    return layersBySpec(group).map(({ spec, layerNames }) => {
      const { layerStride, blockStride } = strides(spec, layerNames.length, options);
      const tensor = {
        layerNames,
        offset: exactInteger(offset),
        layerStride: exactInteger(layerStride),
        blockStride: exactInteger(blockStride),
      };
      // In a block-outermost layout the layers share each block; otherwise each has a region of its own.
      const perLayer = isBlockOuter ? BigInt(pageSizeBytes(spec)) : layerStride;
      offset += BigInt(layerNames.length) * perLayer;
      return tensor;
    });
  });
}

/** Layers of equal specs together. A uniform type that has no layer on this worker still lists the whole model's. */
function layersBySpec(group: PlannedGroup): { spec: KVCacheSpec; layerNames: string[] }[] {
  if (group.spec.kind !== 'uniform_type') {
    const { spec, layerNames } = group;
    return layerNames.length > 0 ? [{ spec, layerNames: [...layerNames] }] : [];
  }
  const bySpec = new Map<string, { spec: KVCacheSpec; layerNames: string[] }>();
  const keys = new Map<KVCacheSpec, string>();
  for (const [name, spec] of group.spec.layers) {
    const key = keys.get(spec) ?? equalityKey(spec);
    keys.set(spec, key);
    const entry = bySpec.get(key);
    if (entry === undefined) bySpec.set(key, { spec, layerNames: [name] });
    else entry.layerNames.push(name);
  }
  return [...bySpec.values()];
}

/** Source: compute_layout_strides with the block stride that get_kv_cache_config_from_groups fixes. */
function strides(
  spec: KVCacheSpec,
  numLayers: number,
  options: { layout: KVCacheLayout; bytesPerBlock: bigint; numBlocks: number },
): { layerStride: bigint; blockStride: bigint } {
  const { layout, numBlocks } = options;
  let fixedBlockStride: bigint | null = isBlockOutermost(layout) ? options.bytesPerBlock : null;
  const paddedPage = layerBlockStride(spec);
  if (fixedBlockStride === null && paddedPage !== pageSizeBytes(spec)) {
    planAssert(isBlockCompact(layout), `${layout} cannot pad pages`);
    fixedBlockStride = BigInt(paddedPage);
  }

  const shape = {
    L: numLayers,
    B: numBlocks,
    H: numHeads(spec),
    N: numStates(spec),
    C: stateContentSizeBytes(spec),
  };
  const pageGridEnd = Math.max(layout.indexOf('L'), layout.indexOf('B')) + 1;
  if (spec.pageSizePadded !== null) {
    const outside = [...layout.slice(0, pageGridEnd)].map(
      (dim) => shape[dim as keyof typeof shape],
    );
    planAssert(
      outside.reduce((product, size) => product * size, 1) === numLayers * numBlocks,
      'Page padding requires dimensions outside the page tail to be L, B, or singleton; got ' +
        `${layout} with shape (${Object.values(shape).join(', ')}).`,
    );
  }

  const result = { L: 0n, B: 0n };
  let current = 1n;
  for (let i = layout.length - 1; i >= 0; i -= 1) {
    const dim = layout[i] as keyof typeof shape;
    if (spec.pageSizePadded !== null && i === pageGridEnd - 1) {
      const padded = BigInt(spec.pageSizePadded);
      if (padded > current) current = padded;
      planAssert(current % padded === 0n);
    }
    if (dim === 'B' && fixedBlockStride !== null) current = fixedBlockStride;
    if (dim === 'L' || dim === 'B') result[dim] = current;
    current *= BigInt(shape[dim]);
  }
  return { layerStride: result.L, blockStride: result.B };
}
