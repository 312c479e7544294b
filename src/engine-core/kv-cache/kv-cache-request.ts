/**
 * What the KV cache manager reads of a request. The scheduler's Request implements it; the KV cache never changes
 * anything of it but `blockHashes` (through the block hasher) and `kvState`.
 * Source: vllm/v1/request.py Request (0.33.0), the fields that vllm/v1/core reads.
 */
import type { NdArray } from '../../shared/protocol/outputs.ts';
import type { LoRARequest } from '../../shared/protocol/request.ts';
import type { BlockHashes } from './hash/block-hashes.ts';
import type { RequestKVState } from './request-kv-state.ts';

/** Where a multi-modal input stands in the prompt. Source: vllm/multimodal/inputs.py MultiModalFeatureSpec. */
export interface MultiModalFeature {
  /** The content hash; part of the block key. */
  readonly identifier: string;
  /** First placeholder token. */
  readonly offset: number;
  /** Placeholder tokens. */
  readonly length: number;
}

export interface KVCacheRequest {
  readonly requestId: string;
  /** Prompt and output. */
  readonly allTokenIds: readonly number[];
  readonly numTokens: number;
  readonly numPromptTokens: number;
  readonly numComputedTokens: number;
  /** Scheduled, but their step's output is not processed yet. */
  readonly numInFlightTokens: number;
  readonly numPreemptions: number;
  readonly skipReadingPrefixCache: boolean;
  readonly loraRequest: LoRARequest | null;
  readonly cacheSalt: string | null;
  readonly sessionId: string | null;
  /** What the prompt is in place of its tokens; null: it is them. */
  readonly promptEmbeds: NdArray | null;
  /** In order of offset. */
  readonly mmFeatures: readonly MultiModalFeature[];
  /** Token position of a prefix that other requests share and a sparse group has not cached; 0 = none. */
  readonly sharedPrefixBoundary: number;
  readonly blockHashes: BlockHashes;
  /** The manager's own corner of the request: null until it holds blocks, and again after `free`. */
  kvState: RequestKVState | null;
}
