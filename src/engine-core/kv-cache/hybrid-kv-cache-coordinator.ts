/**
 * Several KV cache groups with prefix caching: the hit is the longest prefix that all groups have.
 * Source: vllm/v1/core/kv_cache_coordinator.py HybridKVCacheCoordinator, kv_cache_utils.py partial_hash_hits_enabled
 * (0.33.0).
 */

import type { KVCacheGroup } from '../../capacity/spec/kv-cache-config.ts';
import { equalityKey } from '../../capacity/spec/spec-equality.ts';
import { isFullAttention, isPrefixCacheable } from '../../capacity/spec/spec-traits.ts';
import { assert } from '../../shared/assert.ts';
import { cdiv, roundUp } from '../../shared/integers.ts';
import {
  type CacheHit,
  type CoordinatorOptions,
  KVCacheCoordinator,
} from './kv-cache-coordinator.ts';
import type { KVCacheRequest } from './kv-cache-request.ts';
import { truncate } from './managers/full-attention-manager.ts';
import type { SingleTypeKVCacheManager } from './managers/single-type-kv-cache-manager.ts';

/** Groups with the same spec; they are looked up together. */
interface SpecGroup {
  readonly key: string;
  readonly manager: SingleTypeKVCacheManager;
  readonly groups: number[];
  readonly isFullAttention: boolean;
}

export class HybridKVCacheCoordinator extends KVCacheCoordinator {
  readonly #specGroups: readonly SpecGroup[];
  /** Full attention and one other kind: one pass settles the length. */
  readonly #isSimpleHybrid: boolean;

  constructor(options: CoordinatorOptions) {
    super(options);
    const { groups } = options.kvCacheConfig;
    const { hashBlockSize, schedulerBlockSize } = options;
    for (const { spec } of groups) {
      assert(
        !isPrefixCacheable(spec) || spec.blockSize % hashBlockSize === 0,
        () => `block size ${spec.blockSize} is no multiple of hash block size ${hashBlockSize}`,
      );
    }
    this.enablePartialHashHits = partialHashHitsEnabled(groups, hashBlockSize, this.managers);
    for (const manager of this.managers) {
      manager.cacheHitAlignmentTokens = this.enablePartialHashHits
        ? hashBlockSize
        : schedulerBlockSize;
    }
    this.#specGroups = splitBySpec(this.managers);
    this.#isSimpleHybrid =
      this.#specGroups.length === 2 && this.#specGroups[0]?.isFullAttention === true;
  }

  /**
   * Each kind either accepts the candidate length or shortens it, and whoever shortens it makes the others look again,
   * until nobody does. What one kind found beyond the common length is reported, so that the sparse kinds keep it next
   * time.
   */
  override findLongestCacheHit(request: KVCacheRequest, maxCacheHitLength: number): CacheHit {
    const blocks: number[][] = this.managers.map(() => []);
    const fullHits = new Map<SpecGroup, number>();
    let hitLength = maxCacheHitLength;
    let longest = 0;
    for (;;) {
      let candidate = hitLength;
      for (const group of this.#specGroups) {
        const known = fullHits.get(group);
        if (known !== undefined) {
          // A prefix of a full-attention hit is a hit: no second lookup.
          candidate = Math.min(candidate, known);
          continue;
        }
        const hits: number[][] = group.groups.map(() => []);
        candidate = group.manager.findLongestCacheHit(request, candidate, group.groups, hits);
        group.groups.forEach((id, i) => {
          blocks[id] = hits[i] as number[];
        });
        if (group.isFullAttention) fullHits.set(group, candidate);
        longest = Math.max(longest, candidate);
      }
      if (candidate >= hitLength) break;
      hitLength = candidate;
      if (this.#isSimpleHybrid) break;
    }
    for (const group of this.#specGroups) {
      if (!group.isFullAttention) continue;
      const numBlocks = cdiv(hitLength, group.manager.blockSize);
      for (const id of group.groups) truncate(blocks[id] as number[], numBlocks);
    }
    return { blocks, hitLength, numUncachedCommonPrefixTokens: longest - hitLength };
  }

  protected override getNumCacheableTokens(numComputedTokens: number): number {
    if (this.enablePartialHashHits) return numComputedTokens;
    return numComputedTokens - (numComputedTokens % this.schedulerBlockSize);
  }

  protected override alignCacheLimit(limit: number): number {
    if (this.enablePartialHashHits || limit < 0) return limit;
    return roundUp(limit, this.schedulerBlockSize);
  }
}

/** Full attention comes first: its scan gives the others a short limit at once. */
function splitBySpec(managers: readonly SingleTypeKVCacheManager[]): SpecGroup[] {
  const specGroups: SpecGroup[] = [];
  for (const manager of managers) {
    if (!isPrefixCacheable(manager.spec)) continue;
    const key = equalityKey(manager.spec);
    const same = specGroups.find((group) => group.key === key);
    if (same !== undefined) same.groups.push(manager.group);
    else {
      specGroups.push({
        key,
        manager,
        groups: [manager.group],
        isFullAttention: isFullAttention(manager.spec),
      });
    }
  }
  assert(specGroups.length > 0, 'several groups, none of them cacheable');
  return specGroups.sort((a, b) => Number(b.isFullAttention) - Number(a.isFullAttention));
}

/** Whether hits may end inside a mamba block. */
function partialHashHitsEnabled(
  groups: readonly KVCacheGroup[],
  hashBlockSize: number,
  managers: readonly SingleTypeKVCacheManager[],
): boolean {
  const hasFineMamba = groups.some(
    ({ spec }) =>
      spec.kind === 'mamba' && spec.mambaCacheMode === 'align' && spec.blockSize > hashBlockSize,
  );
  return (
    hasFineMamba &&
    managers.every(
      (manager) =>
        !isPrefixCacheable(manager.spec) ||
        manager.supportsFineGrainedHashLookup ||
        manager.blockSize === hashBlockSize,
    )
  );
}
