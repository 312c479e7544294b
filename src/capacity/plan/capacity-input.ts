/**
 * One planning problem: what a model's workers report of their layers, and the numbers of vLLM's configuration that the
 * planner reads. The model room makes it from a model, the file room from a file.
 */
import type { RequestLimits } from '../spec/spec-size.ts';
import type { LayerSpecs } from './kv-cache-group.ts';

/** The draft, as far as grouping asks. */
export interface SpeculativeMethod {
  /** vLLM's method after its own renaming: `eagle3`, `mtp`, `ngram`, … */
  readonly method: string;
  /** The last block of a prefix hit is dropped, because the draft has not seen the token after it. */
  readonly useEagleBlockDrop: boolean;
}

/** Lengths and sizes are in tokens. Source: vllm/config/*.py (0.33.0), fields of the same names. */
export interface PlannerConfig extends RequestLimits {
  readonly autoFitMaxModelLen: boolean;
  readonly maxNumBatchedTokens: number;
  readonly maxNumSeqs: number;
  readonly asyncScheduling: boolean;
  readonly useV2ModelRunner: boolean;
  /** Batches that run at a time: pipeline stages, one more with async scheduling. */
  readonly maxConcurrentBatches: number;
  readonly numSpeculativeTokens: number;
  readonly numPrefillLookaheadTokens: number;
  readonly speculative: SpeculativeMethod | null;
  readonly disableHybridKvCacheManager: boolean;
  readonly enablePrefixCaching: boolean;
  readonly enableChunkedPrefill: boolean;
  /** Blocks in place of those that the memory holds. */
  readonly numGpuBlocksOverride: number | null;
  readonly prefixMatchUnit: number | null;
  readonly tensorParallelSize: number;
  readonly pipelineParallelSize: number;
  readonly cpKvCacheInterleaveSize: number;
  /** --kv-cache-dtype after the model had its say. */
  readonly cacheDtype: string;
  /** cache_config.block_size before planning. */
  readonly initialBlockSize: number;
}

export interface WorkerInput {
  /** Workers of one pipeline stage share the map. */
  readonly layers: LayerSpecs;
  /** Bytes for the KV cache; negative where the model alone does not fit. */
  readonly availableMemory: number;
}

export interface CapacityInput {
  readonly config: PlannerConfig;
  readonly layout: {
    /** Physical layouts that every worker reports, most preferred first. */
    readonly supported: readonly string[];
    /** VLLM_KV_CACHE_LAYOUT, or null. */
    readonly requested: string | null;
  };
  /** In rank order. */
  readonly workers: readonly WorkerInput[];
}
