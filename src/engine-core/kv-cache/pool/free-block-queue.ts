/**
 * The free block queue: the order in which blocks will be reused, least recently freed first.
 * Owned by the block pool. It never looks at reference counts or hashes.
 * Source: vllm/v1/core/kv_cache_utils.py FreeKVCacheBlockQueue (0.33.0).
 */
import { assert } from '../../../shared/assert.ts';

/** Block 0 is the null block and never free, so its links are the two ends of the list. */
const ENDS = 0;
const NOT_IN_QUEUE = -1;

/**
 * A doubly linked list over a typed array, so that a block in the middle (a prefix hit) leaves in O(1) and nothing
 * is allocated. It starts with the blocks 1 to numBlocks - 1 in order.
 */
export class FreeBlockQueue {
  /** Two words per block: the next one, the one before. */
  readonly #links: Int32Array;
  #numFreeBlocks: number;

  /** `numBlocks` counts the null block. */
  constructor(numBlocks: number) {
    assert(numBlocks > 0, () => `a pool of ${numBlocks} blocks`);
    this.#links = new Int32Array(2 * numBlocks);
    for (let i = 0; i < numBlocks; i++) {
      this.#links[2 * i] = i + 1 < numBlocks ? i + 1 : ENDS;
      this.#links[2 * i + 1] = i > 0 ? i - 1 : numBlocks - 1;
    }
    this.#numFreeBlocks = numBlocks - 1;
  }

  get numFreeBlocks(): number {
    return this.#numFreeBlocks;
  }

  has(block: number): boolean {
    return block !== ENDS && this.#links[2 * block] !== NOT_IN_QUEUE;
  }

  /** Takes the first block. The caller has checked `numFreeBlocks`. */
  popleft(): number {
    const block = this.#links[2 * ENDS] as number;
    assert(block !== ENDS, () => `no free block left (count says ${this.#numFreeBlocks})`);
    this.remove(block);
    return block;
  }

  /** Takes a block out of the middle. */
  remove(block: number): void {
    const links = this.#links;
    const next = links[2 * block] as number;
    const prev = links[2 * block + 1] as number;
    assert(block !== ENDS && next >= 0, () => `block ${block} is not in the free queue`);
    links[2 * prev] = next;
    links[2 * next + 1] = prev;
    links[2 * block] = NOT_IN_QUEUE;
    links[2 * block + 1] = NOT_IN_QUEUE;
    this.#numFreeBlocks--;
  }

  append(block: number): void {
    this.insertAfter(this.#links[2 * ENDS + 1] as number, block);
  }

  /**
   * Puts `block` behind `cursor`; cursor 0 means the head. A run of blocks that goes to the head in its own order is
   * a chain of these calls, each with the block before it as the cursor.
   */
  insertAfter(cursor: number, block: number): void {
    const links = this.#links;
    assert(block !== ENDS && links[2 * block] === NOT_IN_QUEUE, () => `block ${block} is free`);
    const next = links[2 * cursor] as number;
    links[2 * cursor] = block;
    links[2 * block + 1] = cursor;
    links[2 * block] = next;
    links[2 * next + 1] = block;
    this.#numFreeBlocks++;
  }

  /** Head to tail, until `visitor` says false. */
  visit(visitor: (block: number) => boolean): void {
    const links = this.#links;
    for (let b = links[2 * ENDS] as number; b !== ENDS; b = links[2 * b] as number) {
      if (!visitor(b)) return;
    }
  }

  /** Head to tail. O(free blocks); for tests, traces and checks. */
  toArray(): number[] {
    const blocks: number[] = [];
    const links = this.#links;
    for (let b = links[2 * ENDS] as number; b !== ENDS; b = links[2 * b] as number) {
      blocks.push(b);
      assert(blocks.length <= this.#numFreeBlocks, 'the free queue has a loop');
    }
    return blocks;
  }
}
