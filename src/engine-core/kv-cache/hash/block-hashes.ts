import { assert } from '../../../shared/assert.ts';

const INITIAL_CAPACITY = 16;

/** A request's hashes in token order, as word pairs (low, high). Grows by doubling. */
export class BlockHashes {
  #words = new Int32Array(0);
  #length = 0;
  /** The token count at which the next block is full; the hasher sets it, so 0 before its first call. */
  nextTokens = 0;
  /** Where the multi-modal scan stands. */
  mmIndex = 0;
  /** The whole digest of the last block, which the next one chains over (exact hashes only). */
  lastDigest: Uint8Array | null = null;

  get length(): number {
    return this.#length;
  }

  low(index: number): number {
    assert(index >= 0 && index < this.#length, () => `block hash ${index} of ${this.#length}`);
    return this.#words[2 * index] as number;
  }

  high(index: number): number {
    return this.#words[2 * index + 1] as number;
  }

  push(low: number, high: number): void {
    const at = 2 * this.#length;
    if (at === this.#words.length) {
      const grown = new Int32Array(Math.max(INITIAL_CAPACITY, 2 * at));
      grown.set(this.#words);
      this.#words = grown;
    }
    this.#words[at] = low;
    this.#words[at + 1] = high;
    this.#length++;
  }
}
