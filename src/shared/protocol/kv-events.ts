/** KV cache events as published. Source: vllm/distributed/kv_events.py (0.33.0). */

/** A block hash on the wire: the low 8 bytes of the digest as an unsigned integer, or the whole digest. */
export type ExternalBlockHash = bigint | number | Uint8Array;

export interface BlockStored {
  readonly type: 'BlockStored';
  readonly blockHashes: readonly ExternalBlockHash[];
  readonly parentBlockHash: ExternalBlockHash | null;
  readonly tokenIds: readonly number[];
  readonly blockSize: number;
  readonly loraId: number | null;
  readonly medium: string | null;
  readonly loraName: string | null;
  /** One entry per block: null or the extra key values of that block. */
  readonly extraKeys: readonly (readonly unknown[] | null)[] | null;
  readonly groupIdx: number | null;
  readonly kvCacheSpecKind: string | null;
  readonly kvCacheSpecSlidingWindow: number | null;
  /** LOCAL or REMOTE as the publisher sees it. */
  readonly locality: string | null;
  /** The offloading tier that made the event. */
  readonly ownership: string | null;
  readonly sessionId: string | null;
  /** Tokens beyond each block that its hash covers, where that is on. */
  readonly lookaheadTokenIds: readonly (readonly number[])[] | null;
}

export interface BlockRemoved {
  readonly type: 'BlockRemoved';
  readonly blockHashes: readonly ExternalBlockHash[];
  readonly medium: string | null;
  readonly groupIdx: number | null;
  readonly locality: string | null;
  readonly ownership: string | null;
}

export interface AllBlocksCleared {
  readonly type: 'AllBlocksCleared';
}

export type KVCacheEvent = BlockStored | BlockRemoved | AllBlocksCleared;

export interface KVEventBatch {
  /** Wall-clock seconds. */
  readonly ts: number;
  readonly events: readonly KVCacheEvent[];
  readonly dataParallelRank: number | null;
}

/** A batch as subscribers get it: `[topic, sequence number, msgpack]`. */
export interface KVEventMessage {
  readonly topic: string;
  /** Counts the publisher's batches from 0; 8 bytes, big endian. */
  readonly seq: number;
  readonly batch: KVEventBatch;
}

/** What a subscriber gets back for a replay request, message by message: buffered batches, then the end mark. */
export type KVEventReplayReply =
  | { readonly type: 'batch'; readonly message: KVEventMessage }
  | { readonly type: 'end' };
