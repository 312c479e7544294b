/**
 * The free block queue: the order in which blocks will be reused, least recently freed first.
 * Owned by the block pool. It never looks at reference counts or hashes.
 * Source: vllm/v1/core/kv_cache_utils.py FreeKVCacheBlockQueue (0.33.0).
 */
import { assert } from '../../shared/assert.ts';

/** Block 0 is the null block and never free, so its links are the two ends of the list. */
const ENDS = 0;
const NOT_IN_QUEUE = -1;

/**
 * A doubly linked list over two typed arrays, so that a block in the middle (a prefix hit) leaves in O(1) and nothing
 * is allocated. It starts with the blocks 1 to numBlocks - 1 in order.
 */
export class FreeBlockQueue {
  readonly #next: Int32Array;
  readonly #prev: Int32Array;
  #numFreeBlocks: number;

  /** `numBlocks` counts the null block. */
  constructor(numBlocks: number) {
    assert(numBlocks > 0, () => `a pool of ${numBlocks} blocks`);
    this.#next = new Int32Array(numBlocks);
    this.#prev = new Int32Array(numBlocks);
    for (let i = 0; i < numBlocks; i++) {
      this.#next[i] = i + 1 < numBlocks ? i + 1 : ENDS;
      this.#prev[i] = i > 0 ? i - 1 : numBlocks - 1;
    }
    this.#numFreeBlocks = numBlocks - 1;
  }

  get numFreeBlocks(): number {
    return this.#numFreeBlocks;
  }

  has(block: number): boolean {
    return block !== ENDS && this.#next[block] !== NOT_IN_QUEUE;
  }

  /** Takes the first block. The caller has checked `numFreeBlocks`. */
  popleft(): number {
    const block = this.#next[ENDS] as number;
    assert(block !== ENDS, () => `no free block left (count says ${this.#numFreeBlocks})`);
    this.remove(block);
    return block;
  }

  /** Takes a block out of the middle. */
  remove(block: number): void {
    const next = this.#next[block] as number;
    const prev = this.#prev[block] as number;
    assert(block !== ENDS && next >= 0, () => `block ${block} is not in the free queue`);
    this.#next[prev] = next;
    this.#prev[next] = prev;
    this.#next[block] = NOT_IN_QUEUE;
    this.#prev[block] = NOT_IN_QUEUE;
    this.#numFreeBlocks--;
  }

  append(block: number): void {
    this.insertAfter(this.#prev[ENDS] as number, block);
  }

  /**
   * Puts `block` behind `cursor`; cursor 0 means the head. A run of blocks that goes to the head in its own order is
   * a chain of these calls, each with the block before it as the cursor.
   */
  insertAfter(cursor: number, block: number): void {
    assert(block !== ENDS && this.#next[block] === NOT_IN_QUEUE, () => `block ${block} is free`);
    const next = this.#next[cursor] as number;
    this.#next[cursor] = block;
    this.#prev[block] = cursor;
    this.#next[block] = next;
    this.#prev[next] = block;
    this.#numFreeBlocks++;
  }

  /** Head to tail. O(free blocks); for tests, traces and checks. */
  toArray(): number[] {
    const blocks: number[] = [];
    for (let b = this.#next[ENDS] as number; b !== ENDS; b = this.#next[b] as number) {
      blocks.push(b);
      assert(blocks.length <= this.#numFreeBlocks, 'the free queue has a loop');
    }
    return blocks;
  }
}
