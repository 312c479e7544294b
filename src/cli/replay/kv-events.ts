import type { ExternalBlockHash, KVCacheEvent } from '../../shared/protocol/kv-events.ts';
import type { KVEventRecord } from './steps.ts';

/** Replaces block hashes by small integers in the order of their first appearance. */
export class KVEventNumbering {
  readonly #numbers = new Map<bigint | number | string, number>();

  number(events: readonly KVCacheEvent[]): KVEventRecord[] {
    return events.map((event) => this.#toRecord(event));
  }

  #toRecord(event: KVCacheEvent): KVEventRecord {
    switch (event.type) {
      case 'BlockStored':
        return {
          t: event.type,
          hashes: event.blockHashes.map((hash) => this.#numberOf(hash)),
          parent: event.parentBlockHash === null ? null : this.#numberOf(event.parentBlockHash),
          num_tokens: event.tokenIds.length,
          block_size: event.blockSize,
          group: event.groupIdx,
          kind: event.kvCacheSpecKind,
          window: event.kvCacheSpecSlidingWindow,
        };
      case 'BlockRemoved':
        return {
          t: event.type,
          hashes: event.blockHashes.map((hash) => this.#numberOf(hash)),
          group: event.groupIdx,
        };
      case 'AllBlocksCleared':
        return { t: event.type };
    }
  }

  #numberOf(hash: ExternalBlockHash): number {
    const key = hash instanceof Uint8Array ? Buffer.from(hash).toString('hex') : hash;
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    const number = this.#numbers.size;
    this.#numbers.set(key, number);
    return number;
  }
}
