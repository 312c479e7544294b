/**
 * The engine configuration around a model: batch sizes by GPU, prefix caching, scheduling, speculation; in the end the
 * numbers that the planner reads. Source: vllm/engine/arg_utils.py get_batch_defaults and
 * _set_default_max_num_seqs_and_batched_tokens_args (usage context: OpenAI API server), vllm/config/vllm.py VllmConfig,
 * vllm/config/speculative.py SpeculativeConfig (0.33.0). Leaves out: performance modes, batched data-parallel experts.
 */
import type { JsonObject } from '../../shared/json-object.ts';
import type { PlannerConfig } from '../plan/capacity-input.ts';
import { refused } from './checks/refused.ts';
import { schedulerRefusal } from './checks/scheduler-config.ts';
import { checkSpeculation } from './checks/speculative-config.ts';
import type { GpuFacts } from './gpus.ts';
import type { KnownModel } from './model-family.ts';
import type { ModelOptions } from './model-options.ts';
import type { ResolvedModel } from './resolved-model.ts';

const GIB = 1 << 30;

/** A draft, or none. */
export interface Speculation {
  /** vLLM's method after its own renaming. */
  readonly method: string;
  readonly numSpeculativeTokens: number;
  readonly numPrefillLookaheadTokens: number;
  readonly useEagleBlockDrop: boolean;
}

/** Methods that draft from the target's hidden states. Source: SpeculativeConfig.use_eagle. */
const EAGLE_METHODS = ['eagle', 'eagle3', 'mtp', 'dflash', 'dspark'];
/** Of these the ones that keep their KV apart from the next token. */
const NO_BLOCK_DROP = ['dflash', 'dspark'];

export function usesEagle(method: string): boolean {
  return EAGLE_METHODS.includes(method);
}

/** Chunked attention beside such a draft turns the hybrid KV cache manager off. Source: VllmConfig.__post_init__. */
export function needsOneGroup(model: ResolvedModel, speculation: Speculation | null): boolean {
  return (
    speculation !== null && usesEagle(speculation.method) && model.text.has('attention_chunk_size')
  );
}

/** Source: SpeculativeConfig.suffix_decoding_max_tree_depth. */
const DEFAULT_SUFFIX_DEPTH = 24;
const MTP_ALIASES = /_mtp$|^mtp$/;

/** What vLLM reads out of a draft's name. Source: SpeculativeConfig.__post_init__. */
function methodOfDraft(name: string): string {
  if (name === 'ngram' || name === '[ngram]') return 'ngram';
  const lower = name.toLowerCase();
  if (lower.includes('eagle-')) return 'eagle';
  return ['eagle3', 'dflash', 'dspark'].find((method) => lower.includes(method)) ?? 'draft_model';
}

/** The method that is asked for, by vLLM's own names for it. */
export function speculativeMethod(config: JsonObject): string {
  const asked = typeof config['method'] === 'string' ? config['method'] : null;
  const model = config['model'];
  const named = asked ?? methodOfDraft(typeof model === 'string' ? model : '');
  return MTP_ALIASES.test(named) ? 'mtp' : named === '[ngram]' ? 'ngram' : named;
}

/** What suffix decoding drafts at most where nothing is said. */
function suffixDepth(config: JsonObject): number {
  const depth = config['suffix_decoding_max_tree_depth'];
  return typeof depth === 'number' ? depth : DEFAULT_SUFFIX_DEPTH;
}

/**
 * What model runner v1 alone runs, and without async scheduling.
 * Source: VllmConfig._get_v2_model_runner_unsupported_features, async_scheduling in __post_init__.
 */
const WITHOUT_ASYNC = ['suffix', 'custom_class'];

/** Throws E_BAD_FLAG with vLLM's words where --async-scheduling asks for what the drafts do not go with. */
function resolveAsyncScheduling(
  { isPooling }: ResolvedModel,
  { asyncScheduling: asked }: ModelOptions,
  speculation: Speculation | null,
): boolean {
  const method = speculation?.method ?? '';
  const isPossible = !WITHOUT_ASYNC.includes(method);
  if (asked === true && !isPossible) {
    throw refused(
      `Async scheduling is not supported by the V1 model runner with ${method}-based speculative decoding.`,
    );
  }
  return asked ?? (isPossible && !isPooling);
}

/** Reads --speculative-config; throws E_BAD_FLAG with vLLM's words. */
export function resolveSpeculation(model: KnownModel, options: ModelOptions): Speculation | null {
  const config = options.speculativeConfig;
  if (config === undefined) return null;
  const method = speculativeMethod(config);
  const given = config['num_speculative_tokens'];
  const mtpLayers = method === 'mtp' ? (model.family.mtp?.layers(model.text) ?? 0) : 0;
  const fallback = method === 'suffix' ? suffixDepth(config) : mtpLayers;
  const count = typeof given === 'number' ? given : fallback;
  if (count <= 0) {
    throw refused(
      'A speculative model was provided, but `num_speculative_tokens` was not provided',
    );
  }
  if (method === 'mtp' && mtpLayers > 0 && count > mtpLayers && count % mtpLayers !== 0) {
    throw refused(`num_speculative_tokens:${count} must be divisible by n_predict=${mtpLayers}`);
  }
  checkSpeculation(config, count, options);
  const isEagle = usesEagle(method);
  // Only architectures that count their modules in num_nextn_predict_layers chain them.
  const modules = method === 'mtp' ? model.text.numOr('num_nextn_predict_layers', 1) : 1;
  const chained = method === 'mtp' && Math.min(modules, count) > 1;
  return {
    method,
    numSpeculativeTokens: count,
    numPrefillLookaheadTokens: isEagle ? (chained ? count : 1) : 0,
    useEagleBlockDrop:
      isEagle && !NO_BLOCK_DROP.includes(method) && config['disable_eagle_block_drop'] !== true,
  };
}

/** max_num_batched_tokens and max_num_seqs of a GPU before the model has its say. Source: get_batch_defaults. */
function batchDefaults(gpu: GpuFacts): { tokens: number; seqs: number } {
  const gib = gpu.memoryBytes / GIB;
  const isGb10 = gpu.computeCapability.major === 12 && gpu.computeCapability.minor === 1;
  if (gib >= 160) return { tokens: 16384, seqs: 1024 };
  if (gib >= 70 && !gpu.deviceName.toLowerCase().includes('a100') && !isGb10) {
    return { tokens: 8192, seqs: 1024 };
  }
  return { tokens: 2048, seqs: 256 };
}

function batchSizes(
  model: ResolvedModel,
  gpu: GpuFacts,
  options: ModelOptions,
  enableChunkedPrefill: boolean,
): { maxNumBatchedTokens: number; maxNumSeqs: number } {
  const own = batchDefaults(gpu);
  const factor = options.performanceMode === 'throughput' ? 2 : 1;
  const defaults = { tokens: own.tokens * factor, seqs: own.seqs * factor };
  const seqs = options.maxNumSeqs ?? defaults.seqs;
  let tokens = options.maxNumBatchedTokens ?? defaults.tokens;
  if (options.maxNumBatchedTokens === undefined) {
    if (!enableChunkedPrefill) tokens = Math.max(model.maxModelLen, tokens);
    tokens = Math.min(seqs * model.maxModelLen, tokens);
  }
  const maxNumSeqs = options.maxNumSeqs === undefined ? Math.min(seqs, tokens) : seqs;
  return { maxNumBatchedTokens: tokens, maxNumSeqs };
}

/** What the layers need to know of the configuration before they are built. */
export interface EngineConfig {
  readonly planner: Omit<PlannerConfig, 'initialBlockSize' | 'cacheDtype'>;
  readonly speculation: Speculation | null;
}

/** Source: is_chunked_prefill_supported and is_prefix_caching_supported in vllm/config/model.py. */
function cachingDefaults(model: ResolvedModel): { chunked: boolean; prefix: boolean } {
  const { pooling } = model;
  if (pooling !== null)
    return {
      chunked: pooling.isChunkedPrefillSupported,
      prefix: pooling.isPrefixCachingSupported,
    };
  if (model.isEncoderDecoder) return { chunked: false, prefix: false };
  return { chunked: true, prefix: !model.isAttentionFree };
}

export function resolveEngineConfig(
  model: KnownModel,
  gpu: GpuFacts,
  options: ModelOptions,
): EngineConfig {
  const supported = cachingDefaults(model);
  const asksForChunks = options.enableChunkedPrefill ?? supported.chunked;
  // An encoder-decoder's budget is chosen as for the flag, and chunks are off all the same.
  const enableChunkedPrefill = asksForChunks && !model.isEncoderDecoder;
  const enablePrefixCaching = options.enablePrefixCaching ?? supported.prefix;
  const speculation = resolveSpeculation(model, options);
  const batch = batchSizes(model, gpu, options, asksForChunks);
  const refusal = schedulerRefusal({
    ...batch,
    maxModelLen: model.maxModelLen,
    enableChunkedPrefill,
    maxNumActiveSeqs: options.maxNumActiveSeqs ?? null,
    longPrefillTokenThreshold: options.longPrefillTokenThreshold ?? 0,
  });
  if (refusal !== null) throw refused(refusal);
  const asyncScheduling = resolveAsyncScheduling(model, options, speculation);
  const stages = options.pipelineParallelSize ?? 1;
  const concurrent = asyncScheduling ? stages + 1 : stages;
  const hasState = model.isHybrid || model.isAttentionFree;
  return {
    speculation,
    planner: {
      maxModelLen: model.maxModelLen,
      autoFitMaxModelLen: model.autoFitMaxModelLen,
      maxNumBatchedTokens: batch.maxNumBatchedTokens,
      maxNumSeqs: batch.maxNumSeqs,
      maxNumEncoderInputTokens: batch.maxNumBatchedTokens,
      asyncScheduling,
      useV2ModelRunner: true,
      maxConcurrentBatches: concurrent,
      maxInFlightTokens: concurrent * batch.maxNumBatchedTokens,
      numSpeculativeTokens: speculation?.numSpeculativeTokens ?? 0,
      numPrefillLookaheadTokens: speculation?.numPrefillLookaheadTokens ?? 0,
      speculative:
        speculation === null
          ? null
          : { method: speculation.method, useEagleBlockDrop: speculation.useEagleBlockDrop },
      disableHybridKvCacheManager:
        options.disableHybridKvCacheManager ?? needsOneGroup(model, speculation),
      enablePrefixCaching,
      enableChunkedPrefill,
      numGpuBlocksOverride: options.numGpuBlocksOverride ?? null,
      prefixMatchUnit: options.prefixMatchUnit ?? null,
      mambaCacheMode: hasState && enablePrefixCaching ? 'align' : 'none',
      tensorParallelSize: options.tensorParallelSize ?? 1,
      pipelineParallelSize: stages,
      decodeContextParallelSize: options.decodeContextParallelSize ?? 1,
      cpKvCacheInterleaveSize: options.cpKvCacheInterleaveSize ?? 1,
    },
  };
}
