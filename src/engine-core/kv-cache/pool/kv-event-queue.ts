/**
 * The KV cache events of a step, in the order things happened, for whoever mirrors the prefix cache (a KV-aware
 * router). Filled by the block pool, taken by the scheduler.
 * Source: vllm/v1/core/block_pool.py kv_event_queue, kv_cache_manager.py take_events, vllm/distributed/kv_events.py
 * (0.33.0). Leaves out: digests as bytes (VLLM_KV_EVENTS_USE_INT_BLOCK_HASHES=0).
 */

import type { KVCacheGroup } from '../../../capacity/spec/kv-cache-config.ts';
import {
  getKVCacheSpecKind,
  getKVCacheSpecSlidingWindow,
} from '../../../capacity/spec/spec-traits.ts';
import type { BlockStored, KVCacheEvent } from '../../../shared/protocol/kv-events.ts';
import { toExternalBlockHash } from '../hash/block-hash.ts';
import {
  type ExtraKeys,
  generateBlockHashExtraKeys,
  toEventExtraKeys,
} from '../hash/block-hash-extra-keys.ts';
import type { KVCacheRequest } from '../kv-cache-request.ts';

/** Where the blocks live. Source: kv_events.MEDIUM_GPU. */
const MEDIUM_GPU = 'GPU';

export interface StoredBlocks {
  readonly request: KVCacheRequest;
  readonly group: number;
  readonly blockSize: number;
  /** The tokens that the event covers, blocks without a hash included. */
  readonly startToken: number;
  readonly endToken: number;
  readonly blockHashes: readonly bigint[];
  readonly parentBlockHash: bigint | null;
  /** First token of each block that got a hash. */
  readonly hashedBlockStarts: readonly number[];
  /** Tokens of such a block. */
  readonly hashedBlockSize: number;
}

export class KVEventQueue {
  readonly #groups: readonly { kind: string; slidingWindow: number | null }[];
  readonly #numHashLookaheadTokens: number;
  #events: KVCacheEvent[] = [];

  /** `numHashLookaheadTokens`: the tokens after a block that its hash covers. */
  constructor(groups: readonly KVCacheGroup[], numHashLookaheadTokens = 0) {
    this.#numHashLookaheadTokens = numHashLookaheadTokens;
    this.#groups = groups.map(({ spec }) => ({
      kind: getKVCacheSpecKind(spec),
      slidingWindow: getKVCacheSpecSlidingWindow(spec),
    }));
  }

  blockStored(stored: StoredBlocks): void {
    const { request } = stored;
    const lora = request.loraRequest;
    const group = this.#groups[stored.group];
    const event: BlockStored = {
      type: 'BlockStored',
      blockHashes: stored.blockHashes,
      parentBlockHash: stored.parentBlockHash,
      tokenIds: request.allTokenIds.slice(stored.startToken, stored.endToken),
      blockSize: stored.blockSize,
      loraId: lora?.loraIntId ?? null,
      medium: MEDIUM_GPU,
      loraName: lora?.loraName ?? null,
      extraKeys: toEventExtraKeys(this.#extraKeys(stored)),
      groupIdx: stored.group,
      kvCacheSpecKind: group?.kind ?? null,
      kvCacheSpecSlidingWindow: group?.slidingWindow ?? null,
      locality: null,
      ownership: null,
      sessionId: request.sessionId,
      lookaheadTokenIds: this.#lookaheadTokens(stored),
    };
    this.#events.push(event);
  }

  blockRemoved(low: number, high: number, group: number): void {
    this.#events.push({
      type: 'BlockRemoved',
      blockHashes: [toExternalBlockHash(low, high)],
      medium: MEDIUM_GPU,
      groupIdx: group,
      locality: null,
      ownership: null,
    });
  }

  allBlocksCleared(): void {
    this.#events.push({ type: 'AllBlocksCleared' });
  }

  take(): KVCacheEvent[] {
    const events = this.#events;
    if (events.length > 0) this.#events = [];
    return events;
  }

  #lookaheadTokens(stored: StoredBlocks): number[][] | null {
    const count = this.#numHashLookaheadTokens;
    if (count === 0) return null;
    const { allTokenIds } = stored.request;
    return stored.hashedBlockStarts.map((start) => {
      const end = start + stored.hashedBlockSize;
      return allTokenIds.slice(end, end + count);
    });
  }

  #extraKeys(stored: StoredBlocks): (ExtraKeys | null)[] {
    let mmIndex = 0;
    return stored.hashedBlockStarts.map((startToken) => {
      const found = generateBlockHashExtraKeys(stored.request, {
        startToken,
        endToken: startToken + stored.hashedBlockSize,
        startMmIndex: mmIndex,
      });
      mmIndex = found.nextMmIndex;
      return found.extraKeys;
    });
  }
}
