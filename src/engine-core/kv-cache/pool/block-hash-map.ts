/**
 * The prefix cache's index: block hash and group → the blocks that hold that content, first inserted first.
 * Owned by the block pool. A block is entered once per hash it goes by: nearly always one (its primary), which makes
 * the block id itself the entry's number; further ones (a block reachable at a boundary inside it) get numbers above
 * the pool.
 * Source: vllm/v1/core/block_pool.py BlockHashToBlockMap, cached_block_hashes_by_block (0.33.0).
 */
import { assert } from '../../../shared/assert.ts';

/** No block 0 is ever cached, so 0 stands for "no entry" everywhere. */
const NONE = 0;

const GROUP_SPREAD = 0x9e3779b1;

// An entry's words; together, so that they share a cache line.
const LOW = 0;
const HIGH = 1;
const GROUP = 2;
/** Neighbours in the list of entries with the same key. */
const NEXT = 3;
const PREV = 4;
/** Of a list's head: its last entry. */
const TAIL = 5;
const ENTRY_WORDS = 8;

/** A slot's words: an entry number and its spread hash. `slot` is the index of the first of them throughout. */
const SLOT_WORDS = 2;
const SPREAD = 1;

/**
 * Open addressing over typed arrays with linear probing. Entries with the same key form a list in insertion order, whose
 * head is in the slot. The spread hash stands beside it because an entry is a cache miss: probing looks at the entry of an
 * equal hash only (one block evicted and one entered in a full pool of 500,000: 202 ns without it, 121 ns with it).
 */
export class BlockHashMap {
  readonly #numBlocks: number;
  #slots: Int32Array;
  #mask: number;
  #numKeys = 0;
  #entries: Int32Array;
  /** Entry numbers from `#numBlocks` on: their block. */
  #ownerOf: number[] = [];
  #unusedExtra: number[] = [];
  /** A block's entries besides its primary, oldest first. */
  readonly #extrasOfBlock = new Map<number, number[]>();

  constructor(numBlocks: number) {
    this.#numBlocks = numBlocks;
    let capacity = 16;
    while (capacity < 2 * numBlocks) capacity *= 2;
    this.#slots = new Int32Array(SLOT_WORDS * capacity);
    this.#mask = this.#slots.length - 1;
    this.#entries = new Int32Array(ENTRY_WORDS * numBlocks);
  }

  /** Distinct keys. */
  get size(): number {
    return this.#numKeys;
  }

  low(entry: number): number {
    return this.#entries[ENTRY_WORDS * entry + LOW] as number;
  }

  high(entry: number): number {
    return this.#entries[ENTRY_WORDS * entry + HIGH] as number;
  }

  group(entry: number): number {
    return this.#entries[ENTRY_WORDS * entry + GROUP] as number;
  }

  /** The block that was entered first under this key, 0 when there is none. */
  getOneBlock(low: number, high: number, group: number): number {
    const head = this.#slots[this.#findSlot(low, high, group)] as number;
    return head < this.#numBlocks ? head : this.#owner(head);
  }

  /** Whether `block` is entered under this key, as primary or not. */
  contains(low: number, high: number, group: number, block: number): boolean {
    let entry = this.#slots[this.#findSlot(low, high, group)] as number;
    while (entry !== NONE) {
      if ((entry < this.#numBlocks ? entry : this.#owner(entry)) === block) return true;
      entry = this.#entries[ENTRY_WORDS * entry + NEXT] as number;
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
      if (ENTRY_WORDS * entry >= this.#entries.length) {
        const grown = new Int32Array(2 * ENTRY_WORDS * entry);
        grown.set(this.#entries);
        this.#entries = grown;
      }
    }
    this.#ownerOf[entry - this.#numBlocks] = block;
    return entry;
  }

  #insert(low: number, high: number, group: number, entry: number): void {
    const entries = this.#entries;
    const at = ENTRY_WORDS * entry;
    entries[at + LOW] = low;
    entries[at + HIGH] = high;
    entries[at + GROUP] = group;
    entries[at + NEXT] = NONE;
    let slot = this.#findSlot(low, high, group);
    const head = this.#slots[slot] as number;
    if (head === NONE) {
      if (2 * SLOT_WORDS * (this.#numKeys + 1) > this.#slots.length) {
        this.#growSlots();
        slot = this.#findSlot(low, high, group);
      }
      this.#slots[slot] = entry;
      this.#slots[slot + SPREAD] = spread(low, group);
      entries[at + PREV] = NONE;
      entries[at + TAIL] = entry;
      this.#numKeys++;
      return;
    }
    const last = entries[ENTRY_WORDS * head + TAIL] as number;
    entries[ENTRY_WORDS * last + NEXT] = entry;
    entries[at + PREV] = last;
    entries[ENTRY_WORDS * head + TAIL] = entry;
  }

  #remove(entry: number): void {
    const entries = this.#entries;
    const at = ENTRY_WORDS * entry;
    const slot = this.#findSlot(this.low(entry), this.high(entry), this.group(entry));
    const head = this.#slots[slot] as number;
    const next = entries[at + NEXT] as number;
    const prev = entries[at + PREV] as number;
    assert(head !== NONE && (prev !== NONE || head === entry), () => `entry ${entry} not cached`);
    if (head === entry) {
      if (next === NONE) this.#emptySlot(slot);
      else {
        this.#slots[slot] = next;
        entries[ENTRY_WORDS * next + PREV] = NONE;
        entries[ENTRY_WORDS * next + TAIL] = entries[at + TAIL] as number;
      }
      return;
    }
    entries[ENTRY_WORDS * prev + NEXT] = next;
    if (next === NONE) entries[ENTRY_WORDS * head + TAIL] = prev;
    else entries[ENTRY_WORDS * next + PREV] = prev;
  }

  #home(spreadHash: number): number {
    return (SLOT_WORDS * spreadHash) & this.#mask;
  }

  /** The slot of this key's list, or the empty slot where it would go. */
  #findSlot(low: number, high: number, group: number): number {
    const slots = this.#slots;
    const entries = this.#entries;
    const mask = this.#mask;
    const spreadHash = spread(low, group);
    let slot = this.#home(spreadHash);
    for (;;) {
      const entry = slots[slot] as number;
      if (entry === NONE) return slot;
      if (slots[slot + SPREAD] === spreadHash) {
        const at = ENTRY_WORDS * entry;
        // Of one group, equal spread hashes are equal low words.
        if (entries[at + HIGH] === high && entries[at + GROUP] === group) return slot;
      }
      slot = (slot + SLOT_WORDS) & mask;
    }
  }

  /** Empties a slot and moves up what was pushed past it, so that no tombstones are needed. */
  #emptySlot(emptied: number): void {
    const slots = this.#slots;
    const mask = this.#mask;
    this.#numKeys--;
    let hole = emptied;
    for (let slot = (hole + SLOT_WORDS) & mask; ; slot = (slot + SLOT_WORDS) & mask) {
      const entry = slots[slot] as number;
      if (entry === NONE) break;
      const spreadHash = slots[slot + SPREAD] as number;
      if (((slot - this.#home(spreadHash)) & mask) >= ((slot - hole) & mask)) {
        slots[hole] = entry;
        slots[hole + SPREAD] = spreadHash;
        hole = slot;
      }
    }
    slots[hole] = NONE;
  }

  #growSlots(): void {
    const before = this.#slots;
    this.#slots = new Int32Array(2 * before.length);
    this.#mask = this.#slots.length - 1;
    for (let i = 0; i < before.length; i += SLOT_WORDS) {
      const head = before[i] as number;
      if (head === NONE) continue;
      const slot = this.#findSlot(this.low(head), this.high(head), this.group(head));
      this.#slots[slot] = head;
      this.#slots[slot + SPREAD] = before[i + SPREAD] as number;
    }
  }
}

/** Keys of different groups and the same content start at different slots. */
function spread(low: number, group: number): number {
  return low ^ Math.imul(group, GROUP_SPREAD);
}
