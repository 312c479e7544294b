/**
 * A model as vLLM's ModelConfig sees it once its config.json and the flags are read: what the engine configuration, the
 * attention backends and the families ask about it.
 */
import type { HfConfig } from './hf-config.ts';
import type { PoolingFacts } from './pooling/pooling-facts.ts';

export interface ResolvedModel {
  /** What people call it. */
  readonly label: string;
  readonly architecture: string;
  /** The outer config.json and, for multimodal models, the language model's part of it; else both are the same. */
  readonly root: HfConfig;
  readonly text: HfConfig;
  readonly modelType: string;
  readonly dtype: string;
  readonly maxModelLen: number;
  /** What the config.json allows. */
  readonly derivedMaxModelLen: number;
  readonly autoFitMaxModelLen: boolean;
  /** What vLLM says of how it runs the model. */
  readonly notes: readonly string[];
  /** What vLLM warns of while it reads config.json and flags. */
  readonly warnings: readonly string[];
  /** model_config.get_head_size(), get_total_num_kv_heads() and so on. */
  readonly headSize: number;
  readonly totalNumKvHeads: number;
  readonly totalNumAttentionHeads: number;
  readonly numExperts: number;
  readonly isHybrid: boolean;
  readonly isAttentionFree: boolean;
  readonly isEncoderDecoder: boolean;
  readonly isPooling: boolean;
  /** Null for a model that generates. */
  readonly pooling: PoolingFacts | null;
  readonly useMla: boolean;
  readonly isMmPrefixLm: boolean;
  /** cache_config.sliding_window: the window of layers that name none. */
  readonly slidingWindow: number | null;
}
