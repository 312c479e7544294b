/**
 * The prefix cache's index: block hash and group → the blocks that hold that content, first inserted first.
 * Owned by the block pool. A block is entered once per hash it goes by: nearly always one (its primary), which makes
 * the block id itself the entry's number; further ones (a block reachable at a boundary inside it) get numbers above
 * the pool.
 * Source: vllm/v1/core/block_pool.py BlockHashToBlockMap, cached_block_hashes_by_block (0.33.0).
 */
import { assert } from '../../shared/assert.ts';

/** No block 0 is ever cached, so 0 stands for "no entry" everywhere. */
const NONE = 0;

const GROUP_SPREAD = 0x9e3779b1;

/**
 * Open addressing over typed arrays with linear probing; the slots hold entry numbers. Entries with the same key form
 * a list in insertion order, whose head is in the slot.
 */
export class BlockHashMap {
  readonly #numBlocks: number;
  #slots: Int32Array;
  #mask: number;
  #numKeys = 0;
  // Per entry.
  #low: Int32Array;
  #high: Int32Array;
  #group: Int16Array;
  #next: Int32Array;
  #prev: Int32Array;
  /** Of a list's head: the last entry. */
  #tail: Int32Array;
  /** Entry numbers from `#numBlocks` on: their block. */
  #ownerOf: number[] = [];
  #unusedExtra: number[] = [];
  /** A block's entries besides its primary, oldest first. */
  readonly #extrasOfBlock = new Map<number, number[]>();

  constructor(numBlocks: number) {
    this.#numBlocks = numBlocks;
    let capacity = 16;
    while (capacity < 2 * numBlocks) capacity *= 2;
    this.#slots = new Int32Array(capacity);
    this.#mask = capacity - 1;
    this.#low = new Int32Array(numBlocks);
    this.#high = new Int32Array(numBlocks);
    this.#group = new Int16Array(numBlocks);
    this.#next = new Int32Array(numBlocks);
    this.#prev = new Int32Array(numBlocks);
    this.#tail = new Int32Array(numBlocks);
  }

  /** Distinct keys. */
  get size(): number {
    return this.#numKeys;
  }

  low(entry: number): number {
    return this.#low[entry] as number;
  }

  high(entry: number): number {
    return this.#high[entry] as number;
  }

  group(entry: number): number {
    return this.#group[entry] as number;
  }

  /** The block that was entered first under this key, 0 when there is none. */
  getOneBlock(low: number, high: number, group: number): number {
    const head = this.#slots[this.#findSlot(low, high, group)] as number;
    return head < this.#numBlocks ? head : this.#owner(head);
  }

  /** Whether `block` is entered under this key, as primary or not. */
  contains(low: number, high: number, group: number, block: number): boolean {
    let entry = this.#slots[this.#findSlot(low, high, group)] as number;
    for (; entry !== NONE; entry = this.#next[entry] as number) {
      if ((entry < this.#numBlocks ? entry : this.#owner(entry)) === block) return true;
    }
    return false;
  }

  /** Enters the block under its primary hash. */
  insertPrimary(low: number, high: number, group: number, block: number): void {
    assert(block > NONE && block < this.#numBlocks, () => `block ${block} cannot be cached`);
    this.#insert(low, high, group, block);
  }

  /** Enters a block that has a primary hash under one more. */
  insertExtra(low: number, high: number, group: number, block: number): void {
    const entry = this.#newExtraEntry(block);
    const entries = this.#extrasOfBlock.get(block);
    if (entries === undefined) this.#extrasOfBlock.set(block, [entry]);
    else entries.push(entry);
    this.#insert(low, high, group, entry);
  }

  /** The entries of a block besides its primary, oldest first. */
  extrasOf(block: number): readonly number[] | undefined {
    return this.#extrasOfBlock.size === 0 ? undefined : this.#extrasOfBlock.get(block);
  }

  removePrimary(block: number): void {
    this.#remove(block);
  }

  /** Removes all entries of a block besides its primary; their numbers stay readable until the next insert. */
  removeExtras(block: number): void {
    const entries = this.extrasOf(block);
    if (entries === undefined) return;
    for (const entry of entries) {
      this.#remove(entry);
      this.#unusedExtra.push(entry);
    }
    this.#extrasOfBlock.delete(block);
  }

  clear(): void {
    this.#slots.fill(NONE);
    this.#numKeys = 0;
    this.#extrasOfBlock.clear();
    this.#ownerOf = [];
    this.#unusedExtra = [];
  }

  #owner(entry: number): number {
    return this.#ownerOf[entry - this.#numBlocks] as number;
  }

  #newExtraEntry(block: number): number {
    let entry = this.#unusedExtra.pop();
    if (entry === undefined) {
      entry = this.#numBlocks + this.#ownerOf.length;
      if (entry >= this.#low.length) this.#growEntries(2 * entry);
    }
    this.#ownerOf[entry - this.#numBlocks] = block;
    return entry;
  }

  #growEntries(capacity: number): void {
    this.#low = grown(this.#low, capacity);
    this.#high = grown(this.#high, capacity);
    const group = new Int16Array(capacity);
    group.set(this.#group);
    this.#group = group;
    this.#next = grown(this.#next, capacity);
    this.#prev = grown(this.#prev, capacity);
    this.#tail = grown(this.#tail, capacity);
  }

  #insert(low: number, high: number, group: number, entry: number): void {
    this.#low[entry] = low;
    this.#high[entry] = high;
    this.#group[entry] = group;
    this.#next[entry] = NONE;
    let slot = this.#findSlot(low, high, group);
    const head = this.#slots[slot] as number;
    if (head === NONE) {
      if (2 * (this.#numKeys + 1) > this.#slots.length) {
        this.#growSlots();
        slot = this.#findSlot(low, high, group);
      }
      this.#slots[slot] = entry;
      this.#prev[entry] = NONE;
      this.#tail[entry] = entry;
      this.#numKeys++;
      return;
    }
    const last = this.#tail[head] as number;
    this.#next[last] = entry;
    this.#prev[entry] = last;
    this.#tail[head] = entry;
  }

  #remove(entry: number): void {
    const slot = this.#findSlot(this.low(entry), this.high(entry), this.group(entry));
    const head = this.#slots[slot] as number;
    const next = this.#next[entry] as number;
    const prev = this.#prev[entry] as number;
    assert(head !== NONE && (prev !== NONE || head === entry), () => `entry ${entry} not cached`);
    if (head === entry) {
      if (next === NONE) this.#emptySlot(slot);
      else {
        this.#slots[slot] = next;
        this.#prev[next] = NONE;
        this.#tail[next] = this.#tail[entry] as number;
      }
      return;
    }
    this.#next[prev] = next;
    if (next === NONE) this.#tail[head] = prev;
    else this.#prev[next] = prev;
  }

  #home(low: number, group: number): number {
    return (low ^ Math.imul(group, GROUP_SPREAD)) & this.#mask;
  }

  /** The slot of this key's list, or the empty slot where it would go. */
  #findSlot(low: number, high: number, group: number): number {
    const slots = this.#slots;
    const mask = this.#mask;
    let slot = this.#home(low, group);
    for (;;) {
      const entry = slots[slot] as number;
      if (entry === NONE) return slot;
      if (this.#low[entry] === low && this.#high[entry] === high && this.#group[entry] === group) {
        return slot;
      }
      slot = (slot + 1) & mask;
    }
  }

  /** Empties a slot and moves up what was pushed past it, so that no tombstones are needed. */
  #emptySlot(emptied: number): void {
    const slots = this.#slots;
    const mask = this.#mask;
    this.#numKeys--;
    let hole = emptied;
    for (let slot = (hole + 1) & mask; ; slot = (slot + 1) & mask) {
      const entry = slots[slot] as number;
      if (entry === NONE) break;
      const home = this.#home(this.low(entry), this.group(entry));
      if (((slot - home) & mask) >= ((slot - hole) & mask)) {
        slots[hole] = entry;
        hole = slot;
      }
    }
    slots[hole] = NONE;
  }

  #growSlots(): void {
    const heads = this.#slots.filter((entry) => entry !== NONE);
    this.#slots = new Int32Array(2 * this.#slots.length);
    this.#mask = this.#slots.length - 1;
    for (const head of heads) {
      this.#slots[this.#findSlot(this.low(head), this.high(head), this.group(head))] = head;
    }
  }
}

function grown(array: Int32Array, capacity: number): Int32Array {
  const out = new Int32Array(capacity);
  out.set(array);
  return out;
}
