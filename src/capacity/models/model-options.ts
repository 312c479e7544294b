/**
 * What the flags of `serve` and `explain` come to for a model: vLLM's EngineArgs, as far as they bear on the KV cache, in
 * camelCase. An option that is undefined has vLLM's default. Source: vllm/engine/arg_utils.py EngineArgs (0.33.0).
 */
import type { JsonObject } from '../../shared/json-object.ts';

export interface ModelOptions {
  /** Catalogue name or alias, a folder with a config.json, or a config.json file. Default: DEFAULT_MODEL. */
  readonly model?: string | undefined;
  /** auto, generate, pooling or draft. */
  readonly runner?: string | undefined;
  /** auto, none, embed or classify: what a generating model is made of where it pools. */
  readonly convert?: string | undefined;
  /** `--pooler-config` as it is given. */
  readonly poolerConfig?: JsonObject | undefined;
  /** Keys in place of config.json's, nested configs key by key. */
  readonly hfOverrides?: JsonObject | undefined;
  /** VLLM_ALLOW_LONG_MAX_MODEL_LEN: a longer maxModelLen than the model's is a warning, not an error. */
  readonly allowLongMaxModelLen?: boolean | undefined;
  /** The model as it would be unquantized, whatever its config.json and --quantization say. */
  readonly plainWeights?: boolean | undefined;
  /** A file with the `input` of a capacity case; the layers come from it and nothing is derived. */
  readonly kvCacheSpecs?: string | undefined;
  /** -1: the largest length that fits. */
  readonly maxModelLen?: number | undefined;
  readonly dtype?: string | undefined;
  /** --quantization: a method of the checkpoint, or one that quantizes while weights are loaded. */
  readonly quantization?: string | undefined;
  /** --quantization-config: what is quantized how while weights are loaded. */
  readonly quantizationConfig?: JsonObject | undefined;
  readonly allowDeprecatedQuantization?: boolean | undefined;
  readonly enableExpertParallel?: boolean | undefined;
  readonly dataParallelSize?: number | undefined;
  readonly kvCacheDtype?: string | undefined;
  /** Layer indices as strings, or `sliding_window`: these layers keep the model's dtype. */
  readonly kvCacheDtypeSkipLayers?: readonly string[] | undefined;
  readonly blockSize?: number | undefined;
  readonly maxNumBatchedTokens?: number | undefined;
  readonly maxNumSeqs?: number | undefined;
  readonly maxNumActiveSeqs?: number | undefined;
  readonly maxNumScheduledTokens?: number | undefined;
  readonly longPrefillTokenThreshold?: number | undefined;
  readonly tensorParallelSize?: number | undefined;
  readonly pipelineParallelSize?: number | undefined;
  readonly decodeContextParallelSize?: number | undefined;
  readonly cpKvCacheInterleaveSize?: number | undefined;
  readonly enablePrefixCaching?: boolean | undefined;
  readonly enableChunkedPrefill?: boolean | undefined;
  readonly asyncScheduling?: boolean | undefined;
  readonly disableHybridKvCacheManager?: boolean | undefined;
  readonly numGpuBlocksOverride?: number | undefined;
  readonly prefixMatchUnit?: number | undefined;
  readonly mambaBlockSize?: number | undefined;
  readonly mambaCacheDtype?: string | undefined;
  readonly mambaSsmCacheDtype?: string | undefined;
  /** vLLM's backend name (`FLASH_ATTN`, `TRITON_ATTN`, …) for every attention layer. */
  readonly attentionBackend?: string | undefined;
  readonly enableLora?: boolean | undefined;
  readonly enableMfuMetrics?: boolean | undefined;
  /** `{method, num_speculative_tokens, model?, …}` as --speculative-config takes it. */
  readonly speculativeConfig?: JsonObject | undefined;
  /** GPU catalogue name as people write it. Default: DEFAULT_GPU. */
  readonly gpu?: string | undefined;
  /** Bytes; instead of the catalogue's. */
  readonly gpuMemory?: number | undefined;
  readonly gpuMemoryUtilization?: number | undefined;
  /** Bytes for the KV cache of every worker, as they are: nothing is profiled. */
  readonly kvCacheMemoryBytes?: number | undefined;
  /** Bytes of one rank's weights instead of the counted ones; one per pipeline stage where a list. */
  readonly weightsBytes?: number | readonly number[] | undefined;
  /** Bytes of one rank's weights that stand in CPU memory instead. */
  readonly cpuOffloadBytes?: number | undefined;
  /** throughput doubles the defaults of maxNumBatchedTokens and maxNumSeqs. */
  readonly performanceMode?: string | undefined;
  readonly peakActivationBytes?: number | undefined;
  readonly nonTorchBytes?: number | undefined;
  readonly cudaGraphBytes?: number | undefined;
  /** Bytes that the engine asks for instead of ceil(gpuMemory × gpuMemoryUtilization). */
  readonly requestedMemoryBytes?: number | undefined;
  readonly enforceEager?: boolean | undefined;
  /** 0 to 3. */
  readonly optimizationLevel?: number | undefined;
  readonly compilationConfig?: JsonObject | undefined;
  /** Batch sizes in tokens. */
  readonly cudagraphCaptureSizes?: readonly number[] | undefined;
  readonly maxCudagraphCaptureSize?: number | undefined;
  /** VLLM_MEMORY_PROFILER_ESTIMATE_CUDAGRAPHS: whether CUDA graphs are taken from the KV cache. */
  readonly estimateCudagraphs?: boolean | undefined;
  /** VLLM_KV_CACHE_LAYOUT. */
  readonly requestedLayout?: string | null | undefined;
}

/** vLLM's default of --gpu-memory-utilization. Source: vllm/config/cache.py CacheConfig. */
export const DEFAULT_GPU_MEMORY_UTILIZATION = 0.92;

/** The GPU that is simulated when none is named. */
export const DEFAULT_GPU = 'H100';

/** The model that is served when none is named: small, open, and known to everybody who tries vLLM. */
export const DEFAULT_MODEL = 'Qwen/Qwen3-0.6B';
