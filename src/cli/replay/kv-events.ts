import type { KVCacheEvent } from '../../shared/protocol/kv-events.ts';
import { HashNumbers } from './hash-numbers.ts';
import type { KVEventRecord } from './steps.ts';

/** Replaces block hashes by small integers in the order of their first appearance. */
export class KVEventNumbering {
  readonly #numbers = new HashNumbers();

  number(events: readonly KVCacheEvent[]): KVEventRecord[] {
    return events.map((event) => this.#toRecord(event));
  }

  #toRecord(event: KVCacheEvent): KVEventRecord {
    switch (event.type) {
      case 'BlockStored':
        return {
          t: event.type,
          hashes: event.blockHashes.map((hash) => this.#numbers.of(hash)),
          parent: event.parentBlockHash === null ? null : this.#numbers.of(event.parentBlockHash),
          num_tokens: event.tokenIds.length,
          block_size: event.blockSize,
          group: event.groupIdx,
          kind: event.kvCacheSpecKind,
          window: event.kvCacheSpecSlidingWindow,
        };
      case 'BlockRemoved':
        return {
          t: event.type,
          hashes: event.blockHashes.map((hash) => this.#numbers.of(hash)),
          group: event.groupIdx,
        };
      case 'AllBlocksCleared':
        return { t: event.type };
    }
  }
}
