/**
 * The chunks of KV cache that CPU memory holds, least recently used first: which are there, which are being written or read
 * and so stay, and which go when there is no room. Knows keys, not what they stand for.
 * Source: vllm/v1/kv_offload/cpu/manager.py CPUOffloadingManager, policies/lru.py (0.33.0). Leaves out: the ARC policy, the
 * threshold of reuse before a store.
 */
import { assert } from '../../../shared/assert.ts';

interface Chunk {
  isReady: boolean;
  numReaders: number;
}

/** 'pending': it is being written. */
export type ChunkLookup = 'hit' | 'pending' | 'miss';

export class CpuTier {
  readonly numChunks: number;
  /** In the order in which they would go. */
  readonly #chunks = new Map<string, Chunk>();
  #numWriting = 0;
  #numReading = 0;

  constructor(numChunks: number) {
    this.numChunks = numChunks;
  }

  get numStored(): number {
    return this.#chunks.size;
  }

  /** The share of the tier that transfers hold: 0 to 1. */
  get usage(): { readonly writing: number; readonly reading: number } {
    const share = (count: number): number => (this.numChunks === 0 ? 0 : count / this.numChunks);
    return { writing: share(this.#numWriting), reading: share(this.#numReading) };
  }

  lookUp(key: string): ChunkLookup {
    const chunk = this.#chunks.get(key);
    if (chunk === undefined) return 'miss';
    return chunk.isReady ? 'hit' : 'pending';
  }

  /** They are used: they go last, the first of them last of all. */
  touch(keys: readonly string[]): void {
    for (const key of keys.toReversed()) {
      const chunk = this.#chunks.get(key);
      if (chunk === undefined) continue;
      this.#chunks.delete(key);
      this.#chunks.set(key, chunk);
    }
  }

  /**
   * Makes room for those of `keys` that are not there, which are written from now on. Null where there is none: what is
   * being read or written, and `keys` themselves, stay.
   */
  prepareStore(
    keys: readonly string[],
  ): { readonly stored: readonly string[]; readonly evicted: readonly string[] } | null {
    const stored = keys.filter((key) => !this.#chunks.has(key));
    const evicted: string[] = [];
    let missing = stored.length - (this.numChunks - this.#chunks.size);
    if (missing > 0) {
      const kept = new Set(keys);
      for (const [key, chunk] of this.#chunks) {
        if (missing === 0) break;
        if (!chunk.isReady || chunk.numReaders > 0 || kept.has(key)) continue;
        evicted.push(key);
        missing -= 1;
      }
      if (missing > 0) return null;
      for (const key of evicted) this.#chunks.delete(key);
    }
    for (const key of stored) this.#chunks.set(key, { isReady: false, numReaders: 0 });
    this.#numWriting += stored.length;
    return { stored, evicted };
  }

  completeStore(keys: readonly string[]): void {
    for (const key of keys) {
      const chunk = this.#chunks.get(key);
      if (chunk === undefined || chunk.isReady) continue;
      chunk.isReady = true;
      this.#numWriting -= 1;
    }
  }

  prepareLoad(keys: readonly string[]): void {
    for (const key of keys) {
      const chunk = this.#chunks.get(key);
      assert(chunk?.isReady === true, () => `chunk ${key} is not there to be read`);
      if (chunk.numReaders === 0) this.#numReading += 1;
      chunk.numReaders += 1;
    }
  }

  completeLoad(keys: readonly string[]): void {
    for (const key of keys) {
      const chunk = this.#chunks.get(key);
      if (chunk === undefined) continue;
      chunk.numReaders -= 1;
      if (chunk.numReaders === 0) this.#numReading -= 1;
    }
  }

  clear(): void {
    this.#chunks.clear();
    this.#numWriting = 0;
    this.#numReading = 0;
  }
}
