/**
 * A request's block tables, one per KV cache group, and what the managers remember next to them. Kept on the request
 * (`kvState`), so that a decode step finds them without a lookup. Only the KV cache manager and its parts touch it.
 * Source: vllm/v1/core/single_type_kv_cache_manager.py, the per-request dicts (0.33.0).
 */
import { assert } from '../../shared/assert.ts';

const INITIAL_TABLE_LENGTH = 8;

/** More tokens than there ever are. A small integer, which an object holds in place: an Infinity is one more cache miss. */
export const NO_LIMIT = 2 ** 31 - 1;

/** One group's block table: ids in token order, 0 where there is no block (any more). Grows by doubling. */
export class GroupTable {
  ids = new Int32Array(INITIAL_TABLE_LENGTH);
  length = 0;
  /** Blocks that were offered to the prefix cache already; -1 before the first (vLLM: not in num_cached_block). */
  numCachedBlocks = -1;
  /** Processed tokens from which another block leaves the window; NO_LIMIT where none ever does. */
  nextSkipTokens = 0;
  /** The tokens that the last `cacheBlocks` covered. */
  lastCachedTokens = 0;
  /** A prefix hit that ends inside a block: the table index of the shared block, -1 = none. */
  partialHitIndex = -1;
  partialHitBlock = 0;
  /** Mamba 'align' only, see mamba-manager.ts. */
  hasAllocated = false;
  lastStateBlockIndex = -1;
  numRetiredBlocks = 0;
  /** The token position of a state that the worker saves inside the chunk; 0 = none. */
  checkpointPosition = 0;
  checkpointIndex = 0;

  get(index: number): number {
    assert(index >= 0 && index < this.length, () => `table index ${index} of ${this.length}`);
    return this.ids[index] as number;
  }

  push(block: number): void {
    if (this.length === this.ids.length) this.#grow(this.length + 1);
    this.ids[this.length++] = block;
  }

  pushNulls(count: number): void {
    if (count <= 0) return;
    if (this.length + count > this.ids.length) this.#grow(this.length + count);
    this.ids.fill(0, this.length, this.length + count);
    this.length += count;
  }

  /** A copy of the ids from `start` on. */
  slice(start = 0): number[] {
    const out: number[] = new Array(Math.max(0, this.length - start));
    for (let i = start; i < this.length; i++) out[i - start] = this.ids[i] as number;
    return out;
  }

  /** Empty again, ready for another request; the array is kept. */
  reset(): void {
    this.length = 0;
    this.numCachedBlocks = -1;
    this.nextSkipTokens = 0;
    this.lastCachedTokens = 0;
    this.partialHitIndex = -1;
    this.partialHitBlock = 0;
    this.hasAllocated = false;
    this.lastStateBlockIndex = -1;
    this.numRetiredBlocks = 0;
    this.checkpointPosition = 0;
    this.checkpointIndex = 0;
  }

  #grow(needed: number): void {
    let capacity = this.ids.length;
    while (capacity < needed) capacity *= 2;
    const ids = new Int32Array(capacity);
    ids.set(this.ids.subarray(0, this.length));
    this.ids = ids;
  }
}

/**
 * The tables of one request, and three limits that let a decode step return at once: while all of them hold, nothing
 * can be allocated, cached or freed. The manager recomputes them whenever it did something.
 */
export class RequestKVState {
  readonly tables: readonly GroupTable[];
  /** Tokens that have a slot in every group. */
  slotLimit = -1;
  /** Computed tokens from which some group has a block to cache. */
  cacheLimit = -1;
  /** Processed tokens from which some group has a block to free. */
  skipLimit = -1;
  /** A number that no state of the tables before had, of any request. */
  tablesVersion = 0;

  constructor(numGroups: number) {
    this.tables = Array.from({ length: numGroups }, () => new GroupTable());
  }

  reset(): void {
    for (const table of this.tables) table.reset();
    this.slotLimit = -1;
    this.cacheLimit = -1;
    this.skipLimit = -1;
  }
}
