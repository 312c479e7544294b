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
  /** Any of the groups is the draft's: a hit of all of them loses a block. */
  dropsBlock: boolean;
}

export class HybridKVCacheCoordinator extends KVCacheCoordinator {
  readonly #specGroups: readonly SpecGroup[];
  /** Full attention and one other kind: one pass settles the length. */
  readonly #isSimpleHybrid: boolean;
  readonly #hashBlockSize: number;

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
    this.#hashBlockSize = hashBlockSize;
    for (const { dropsBlock, groups: ids } of this.#specGroups) {
      if (!dropsBlock) continue;
      for (const id of ids) (this.managers[id] as SingleTypeKVCacheManager).dropsBlock = true;
    }
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
    // Whose lost block is settled at the length that is looked at: it is lost once.
    const settled = new Set<SpecGroup>();
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
        const dropsBlock = group.dropsBlock && !settled.has(group);
        const maxLength = dropsBlock ? this.#withMargin(request, group, candidate) : candidate;
        const found = group.manager.findLongestCacheHit(
          request,
          maxLength,
          group.groups,
          hits,
          dropsBlock,
        );
        if (dropsBlock) settled.add(group);
        else if (found < candidate) settled.clear();
        candidate = found;
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

  /** A group that loses a block looks one further. Mamba states lose none. Source: eagle_proof_margin. */
  #withMargin(request: KVCacheRequest, { manager }: SpecGroup, candidate: number): number {
    if (manager.spec.kind === 'mamba') return candidate;
    const isFine = this.enablePartialHashHits && manager.supportsFineGrainedHashLookup;
    const size = this.#hashBlockSize;
    const margin = isFine && manager.blockSize > size ? size : manager.blockSize;
    return Math.min(candidate + margin, request.blockHashes.length * size);
  }

  protected override getNumCacheableTokens(
    numComputedTokens: number,
    manager: SingleTypeKVCacheManager,
  ): number {
    const aligned = this.#alignCacheable(numComputedTokens);
    if (!manager.dropsBlock || aligned <= 0) return aligned;
    // It matches one block past the aligned boundary, and drops it.
    const final = Math.max(0, numComputedTokens - this.numReprefillableTokens);
    return Math.min(final, this.#alignCacheable(final) + manager.blockSize);
  }

  #alignCacheable(numTokens: number): number {
    if (this.enablePartialHashHits) return numTokens;
    return numTokens - (numTokens % this.schedulerBlockSize);
  }

  protected override alignCacheLimit(limit: number): number {
    if (this.enablePartialHashHits || limit < 0 || this.managers.some((m) => m.dropsBlock))
      return limit;
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
    if (same !== undefined) {
      same.groups.push(manager.group);
      same.dropsBlock ||= manager.dropsBlock;
    } else {
      specGroups.push({
        key,
        manager,
        groups: [manager.group],
        isFullAttention: isFullAttention(manager.spec),
        dropsBlock: manager.dropsBlock,
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
