/**
 * A planned group: layers that share one block table, with one spec for all or one for each.
 * Source: vllm/v1/kv_cache_interface.py KVCacheGroupSpec, UniformTypeKVCacheSpecs (0.33.0).
 */

import { nonZeroDivisor, PlanRuleError, planAssert } from '../spec/rule-error.ts';
import type { KVCacheSpec } from '../spec/spec.ts';
import { isUniformType } from '../spec/spec-equality.ts';
import { maxBlocksPerRequest, pageSizeBytes, type RequestLimits } from '../spec/spec-size.ts';

/** Specs by layer name, in layer order. */
export type LayerSpecs = ReadonlyMap<string, KVCacheSpec>;

/** Several specs of one type: layers that need the same token slots but have pages of their own size. */
export interface UniformTypeSpecs {
  readonly kind: 'uniform_type';
  readonly blockSize: number;
  readonly layers: LayerSpecs;
}

export type GroupSpec = KVCacheSpec | UniformTypeSpecs;

export interface PlannedGroup {
  readonly layerNames: readonly string[];
  readonly spec: GroupSpec;
  /** Holds draft layers and drops the last block of a prefix hit, as EAGLE asks. */
  readonly isEagleGroup: boolean;
}

export function createGroup(layerNames: readonly string[], spec: GroupSpec): PlannedGroup {
  return { layerNames, spec, isEagleGroup: false };
}

/** Null where the layers are not of one type. Throws StopIteration for no layers, as vLLM does. */
export function uniformTypeSpecs(layers: LayerSpecs): UniformTypeSpecs | null {
  const specs = [...layers.values()];
  if (!isUniformType(specs)) return null;
  return { kind: 'uniform_type', blockSize: specs[0]?.blockSize ?? 0, layers };
}

/** A group of one uniform type with the layers in the map's order. */
export function uniformTypeGroup(spec: UniformTypeSpecs): PlannedGroup {
  return createGroup([...spec.layers.keys()], spec);
}

/** The spec that stands for the group in the scheduler: a uniform type's first layer. */
export function representativeSpec(spec: GroupSpec): KVCacheSpec {
  if (spec.kind !== 'uniform_type') return spec;
  const [first] = spec.layers.values();
  if (first === undefined) throw new PlanRuleError('StopIteration', '');
  return first;
}

/** The specs that a group covers: one per layer for a uniform type, else its own. */
export function layerSpecsOf(spec: GroupSpec): readonly KVCacheSpec[] {
  return spec.kind === 'uniform_type' ? [...spec.layers.values()] : [spec];
}

export function specOfLayer(group: PlannedGroup, layerName: string): KVCacheSpec {
  if (group.spec.kind !== 'uniform_type') return group.spec;
  const spec = group.spec.layers.get(layerName);
  planAssert(spec !== undefined, `layer ${layerName} is not in its group`);
  return spec;
}

/** Bytes of one block of the whole group for a uniform type, else of one layer, as vLLM's property of that name. */
export function groupPageSizeBytes(spec: GroupSpec): number {
  return layerSpecsOf(spec).reduce((sum, layer) => sum + pageSizeBytes(layer), 0);
}

/** Blocks that one request can hold in the group's block table: the layer that needs most decides. */
export function groupBlocksPerRequest(spec: GroupSpec, limits: RequestLimits): number {
  const specs = new Set(layerSpecsOf(spec));
  return Math.max(...[...specs].map((layer) => blocksOfLayer(layer, limits)));
}

function blocksOfLayer(spec: KVCacheSpec, limits: RequestLimits): number {
  const blocks = maxBlocksPerRequest(spec, limits);
  // vLLM divides bytes by the page size: without a page there is no answer.
  nonZeroDivisor(pageSizeBytes(spec));
  return blocks;
}
