/** The layers that a stage declares, before block sizes are known. */

import type { AttentionSpec } from '../spec/spec.ts';
import type { AttentionBackend, AttentionType } from './attention/backend.ts';
import type { StateShape } from './run-config.ts';

interface LayerBase {
  readonly name: string;
  readonly backend: AttentionBackend;
  readonly isDraft: boolean;
}

/** Keys and values per head. */
export interface AttentionLayer extends LayerBase {
  readonly type: 'attention';
  readonly attnType: AttentionType;
  /** Of this rank. */
  readonly numKvHeads: number;
  readonly headSize: number;
  readonly headSizeV: number;
  readonly slidingWindow: number | null;
  readonly attentionChunkSize: number | null;
  readonly cacheDtype: string;
  /** Uses the cache of an earlier layer and has none of its own. */
  readonly sharesCache: boolean;
  readonly nonCausal: boolean;
}

/** One compressed latent per token. */
export interface MlaLayer extends LayerBase {
  readonly type: 'mla';
  readonly headSize: number;
  readonly cacheDtype: string;
  readonly topkBufferWidth: number | null;
  readonly isIndexGroupLeader: boolean;
}

export interface StateLayer extends LayerBase {
  readonly type: 'state';
  readonly state: StateShape;
  /** A state inside a prefill can be kept: `any` position, or on the prefix-cache `grid`. */
  readonly checkpoints: 'none' | 'any' | 'grid';
}

/** A cache that the model class describes itself; `blockSize` is cache_config.block_size. */
export interface CustomLayer extends LayerBase {
  readonly type: 'custom';
  spec(blockSize: number): AttentionSpec;
}

export type DeclaredLayer = AttentionLayer | MlaLayer | StateLayer | CustomLayer;
