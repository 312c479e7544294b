/**
 * Groups for pages of several sizes that lie side by side in a block (block-outermost layouts).
 * Source: vllm/v1/core/kv_cache_planning.py _get_packed_kv_cache_groups, _approximate_gcd (0.33.0).
 */
import { cdiv } from '../../shared/integers.ts';
import { nonZeroDivisor } from '../spec/rule-error.ts';
import type { KVCacheSpec } from '../spec/spec.ts';
import { isSlidingWindowFamily, isUniformWith } from '../spec/spec-equality.ts';
import { pageSizeBytes } from '../spec/spec-size.ts';
import {
  createGroup,
  type PlannedGroup,
  type UniformTypeSpecs,
  uniformTypeGroup,
  uniformTypeSpecs,
} from './kv-cache-group.ts';

/** Layers of one uniform type. */
interface Bucket {
  readonly uniform: UniformTypeSpecs;
  readonly first: KVCacheSpec;
  /** Layer names by page size, in order of first appearance. */
  readonly namesByPageSize: ReadonlyMap<number, readonly string[]>;
  /** Every page size has the same number of layers: the bucket is a repeated pattern of one layer of each size. */
  readonly isBalanced: boolean;
  /** The largest number of layers of one page size; for a balanced bucket the repeats of its pattern. */
  readonly repeats: number;
}

/** `layers` is not empty and has more than one page size; the layout is block-outermost. */
export function packedGroups(layers: ReadonlyMap<string, KVCacheSpec>): PlannedGroup[] {
  const buckets = uniformTypeBuckets(layers).map(describeBucket);
  const repeatsPerGroup = chooseRepeatsPerGroup(buckets);
  const baseGroups = (bucket: Bucket): number =>
    bucket.isBalanced && repeatsPerGroup !== null ? cdiv(bucket.repeats, repeatsPerGroup) : 1;
  // A state bucket can go down to one state per group; every other bucket's split is fixed by the repeated pattern.
  const isState = (bucket: Bucket): boolean =>
    bucket.first.kind === 'mamba' ||
    bucket.first.kind === 'circular_buffer' ||
    (repeatsPerGroup === null && isSlidingWindowFamily(bucket.first));

  // Bytes that a block must hold however the state buckets are split.
  const anchorBytes = Math.max(
    ...buckets.map((bucket) =>
      widestGroupBytes(bucket, isState(bucket) ? bucket.uniform.layers.size : baseGroups(bucket)),
    ),
  );
  return buckets.flatMap((bucket) => {
    let numGroups = baseGroups(bucket);
    if (anchorBytes > 0 && isState(bucket)) {
      const statePage = nonZeroDivisor(pageSizeBytes(bucket.first));
      const statesPerBlock = Math.max(Math.floor(anchorBytes / statePage), 1);
      numGroups = Math.max(numGroups, cdiv(bucket.uniform.layers.size, statesPerBlock));
    }
    return splitBucket(bucket, numGroups);
  });
}

/** Each layer goes into the first bucket that stays of uniform type with it. */
function uniformTypeBuckets(
  layers: ReadonlyMap<string, KVCacheSpec>,
): ReadonlyMap<string, KVCacheSpec>[] {
  const buckets: { first: KVCacheSpec; layers: Map<string, KVCacheSpec> }[] = [];
  for (const [name, spec] of layers) {
    const bucket = buckets.find(
      ({ first }) =>
        spec.blockSize === first.blockSize &&
        spec.dcpSharded === first.dcpSharded &&
        isUniformWith(first, spec),
    );
    if (bucket === undefined) buckets.push({ first: spec, layers: new Map([[name, spec]]) });
    else bucket.layers.set(name, spec);
  }
  return buckets.map((bucket) => bucket.layers);
}

function describeBucket(layers: ReadonlyMap<string, KVCacheSpec>): Bucket {
  const namesByPageSize = new Map<number, string[]>();
  for (const [name, spec] of layers) {
    const pageSize = pageSizeBytes(spec);
    const names = namesByPageSize.get(pageSize);
    if (names === undefined) namesByPageSize.set(pageSize, [name]);
    else names.push(name);
  }
  const counts = [...namesByPageSize.values()].map((names) => names.length);
  const [first] = layers.values();
  const uniform = uniformTypeSpecs(layers);
  if (first === undefined || uniform === null) throw new Error('a bucket is of one uniform type');
  return {
    uniform,
    first,
    namesByPageSize,
    isBalanced: new Set(counts).size === 1,
    repeats: Math.max(...counts),
  };
}

/**
 * How many repeats of its pattern a group of a balanced bucket covers; null where no bucket needs packing.
 * A balanced bucket of several page sizes stays whole, so the largest of those is the least that a group holds.
 */
function chooseRepeatsPerGroup(buckets: readonly Bucket[]): number | null {
  const balanced = buckets.filter((bucket) => bucket.isBalanced);
  const floor = Math.max(
    0,
    ...balanced.filter((bucket) => bucket.namesByPageSize.size > 1).map((bucket) => bucket.repeats),
  );
  return floor === 0
    ? null
    : approximateGcd(
        balanced.map((bucket) => bucket.repeats),
        floor,
      );
}

/**
 * The divisor from `floor` to the largest value that needs the least padding when each value is rounded up to a
 * multiple of it; the larger of equals.
 */
export function approximateGcd(values: readonly number[], floor: number): number {
  let best = floor;
  let bestPadding = Number.POSITIVE_INFINITY;
  for (let divisor = floor; divisor <= Math.max(...values); divisor += 1) {
    const padding = values.reduce(
      (sum, value) => sum + ((divisor - (value % divisor)) % divisor),
      0,
    );
    if (padding <= bestPadding) {
      best = divisor;
      bestPadding = padding;
    }
  }
  return best;
}

/** Page bytes of the largest of the groups that a bucket would be split into. */
function widestGroupBytes(bucket: Bucket, numGroups: number): number {
  let bytes = 0;
  for (const [pageSize, names] of bucket.namesByPageSize) {
    bytes += cdiv(names.length, numGroups) * pageSize;
  }
  return bytes;
}

/**
 * Group i gets repeats i, i + n, … of the bucket's pattern. In an unbalanced bucket the layers beyond the shortest
 * page size are in no repeat; the partition check of the caller refuses that, as vLLM's does.
 */
function splitBucket(bucket: Bucket, numGroups: number): PlannedGroup[] {
  if (numGroups === 1) return [uniformTypeGroup(bucket.uniform)];
  const columns = [...bucket.namesByPageSize.values()];
  const numRepeats = Math.min(...columns.map((names) => names.length));
  return Array.from({ length: numGroups }, (_, index) => {
    const layerNames: string[] = [];
    for (let repeat = index; repeat < numRepeats; repeat += numGroups) {
      for (const names of columns) layerNames.push(names[repeat] ?? '');
    }
    const layers = new Map<string, KVCacheSpec>();
    for (const name of layerNames) {
      const spec = bucket.uniform.layers.get(name);
      if (spec !== undefined) layers.set(name, spec);
    }
    const uniform = uniformTypeSpecs(layers);
    if (uniform === null) throw new Error('a part of a uniform type is of that type');
    return createGroup(layerNames, uniform);
  });
}
