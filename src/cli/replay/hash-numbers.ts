import { assert } from '../../shared/assert.ts';
import type { ExternalBlockHash } from '../../shared/protocol/kv-events.ts';

/** Words of an entry: the hash's two halves, its number plus 1 (0 is an empty entry). */
const ENTRY_WORDS = 3;
const INITIAL_ENTRIES = 1024;

/**
 * Small integers for block hashes, in the order of their first appearance. Every hash that ever was is kept, since it may
 * come back: a table over typed arrays takes 18 to 36 bytes for one, and a Map of bigints three times that and the time.
 */
export class HashNumbers {
  #entries = new Int32Array(ENTRY_WORDS * INITIAL_ENTRIES);
  #mask = INITIAL_ENTRIES - 1;
  #size = 0;
  readonly #hash = new BigUint64Array(1);
  readonly #halves = new Int32Array(this.#hash.buffer);

  of(hash: ExternalBlockHash): number {
    assert(typeof hash === 'bigint', 'the engine tells of hashes as integers');
    this.#hash[0] = hash;
    const first = this.#halves[0] as number;
    const second = this.#halves[1] as number;
    const at = this.#find(first, second);
    const known = this.#entries[at + 2] as number;
    if (known > 0) return known - 1;
    this.#entries[at] = first;
    this.#entries[at + 1] = second;
    this.#size += 1;
    this.#entries[at + 2] = this.#size;
    const number = this.#size - 1;
    // At most two thirds are taken: a search ends soon.
    if (3 * this.#size > 2 * (this.#mask + 1)) this.#grow();
    return number;
  }

  /** Where the hash stands, or the empty entry where it would. Its own bits are spread well enough. */
  #find(first: number, second: number): number {
    const entries = this.#entries;
    for (let slot = (first ^ second) & this.#mask; ; slot = (slot + 1) & this.#mask) {
      const at = ENTRY_WORDS * slot;
      if (entries[at + 2] === 0 || (entries[at] === first && entries[at + 1] === second)) return at;
    }
  }

  #grow(): void {
    const before = this.#entries;
    this.#entries = new Int32Array(2 * before.length);
    this.#mask = 2 * this.#mask + 1;
    for (let at = 0; at < before.length; at += ENTRY_WORDS) {
      if (before[at + 2] === 0) continue;
      const entry = before.subarray(at, at + ENTRY_WORDS);
      this.#entries.set(entry, this.#find(entry[0] as number, entry[1] as number));
    }
  }
}
