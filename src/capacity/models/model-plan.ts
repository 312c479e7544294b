/**
 * From a model, a GPU and the flags of `serve` and `explain` to the planner's input: the model's layers, each worker's
 * memory, and the facts about the model that engine and frontend need. Pure: what comes from files is handed in.
 */

import { ConfigError } from '../../shared/errors.ts';
import type { JsonObject } from '../../shared/json-object.ts';
import type { CapacityInput } from '../plan/capacity-input.ts';
import { type DerivedLayers, deriveLayers } from './derive-layers.ts';
import { limitedByDraft } from './drafts/draft-length.ts';
import { type GpuFacts, requireGpu } from './gpus.ts';
import { overrideConfig, withoutQuantization } from './hf-overrides.ts';
import { type MemoryBudget, memoryBudgets } from './memory-budget.ts';
import { DEFAULT_GPU, type ModelOptions } from './model-options.ts';
import type { PoolingFacts } from './pooling/pooling-facts.ts';
import type { SentenceTransformers } from './pooling/sentence-transformers.ts';
import { resolveModel } from './resolve-model.ts';
import type { ResolvedModel } from './resolved-model.ts';
import type { Parameter } from './stage-weights.ts';

/** A model as its files describe it. */
export interface ModelSource {
  /** What people call it: the catalogue's name, or the path as given. */
  readonly name: string;
  /** Where the facts come from. */
  readonly source: string;
  /** config.json. */
  readonly config: JsonObject;
  /** eos_token_id of generation_config.json. */
  readonly generationEosTokenIds: readonly number[];
  /** What lies beside the config.json of an embedding model; left out, nothing does. */
  readonly sentenceTransformers?: SentenceTransformers;
  /** The draft's own config.json, for a draft that has one. */
  readonly draftConfig: JsonObject | null;
}

/** What an engine and a frontend need to know of a model, beyond its KV cache. */
export interface ModelFacts {
  readonly name: string;
  readonly servedArchitecture: string;
  /** `model_type` of the config; empty where it has none. */
  readonly modelType: string;
  readonly source: string;
  readonly dtype: string;
  /** What --kv-cache-dtype came to by the checkpoint and the architecture: cache_config.cache_dtype of the frontend. */
  readonly cacheDtype: string;
  readonly maxModelLen: number;
  readonly derivedMaxModelLen: number;
  readonly vocabSize: number;
  /** The first one ends a request; the others are stop tokens. */
  readonly eosTokenIds: readonly number[];
  readonly bosTokenId: number | null;
  readonly hiddenSize: number;
  readonly numHiddenLayers: number;
  readonly numAttentionHeads: number;
  readonly headSize: number;
  readonly isMoe: boolean;
  readonly isHybrid: boolean;
  readonly isAttentionFree: boolean;
  readonly isEncoderDecoder: boolean;
  /** Null for a model that generates. */
  readonly pooling: PoolingFacts | null;
  /** Of all layers that slide with one window; null otherwise. */
  readonly slidingWindow: number | null;
  readonly parameterCount: number;
  /** Parameters that one token passes through. */
  readonly activeParameterCount: number;
  /** Of one tensor rank, per pipeline stage. */
  readonly weightsBytes: readonly number[];
  /** Of these the draft's; 0 without one. */
  readonly draftWeightsBytes: number;
}

export interface QuantizationFacts {
  /** vLLM's name of the method. */
  readonly method: string;
  /** For people. */
  readonly description: string;
  readonly plainBytes: readonly number[];
}

export interface ModelPlan {
  readonly input: CapacityInput;
  readonly facts: ModelFacts;
  readonly gpu: GpuFacts;
  /** One per worker in rank order; empty where explicit layers bring their own memory. */
  readonly memory: readonly MemoryBudget[];
  /** vLLM's class names. */
  readonly attentionBackends: readonly string[];
  /** Every tensor of one tensor rank, per pipeline stage. */
  readonly parameters: readonly (readonly Parameter[])[];
  /** How the checkpoint is quantized, and the bytes of one rank's weights if it were not, per stage; null: it is not. */
  readonly quantization: QuantizationFacts | null;
  /** vLLM's INFO lines about what it takes the model for. */
  readonly notes: readonly string[];
  /** vLLM's WARNING lines about model and flags. */
  readonly warnings: readonly string[];
}

/** Throws E_UNKNOWN_MODEL, E_UNKNOWN_GPU or E_BAD_FLAG. */
export function planModel(given: ModelSource, asked: ModelOptions): ModelPlan {
  const { source, options } =
    asked.plainWeights === true ? plainOf(given, asked) : { source: given, options: asked };
  const gpu = withMemory(requireGpu(options.gpu ?? DEFAULT_GPU), options);
  const config = overrideConfig(source.config, options.hfOverrides ?? {});
  const alone = resolveModel(config, source.name, options, source.sentenceTransformers);
  const model = limitedByDraft(alone, source.draftConfig, options);
  const derived = deriveLayers({ model, gpu, options, draftConfig: source.draftConfig });
  const { weightsBytes } = derived;
  const memory = memoryBudgets({
    model,
    gpu,
    options,
    maxNumBatchedTokens: derived.config.maxNumBatchedTokens,
    maxNumSeqs: derived.config.maxNumSeqs,
    numSpeculativeTokens: derived.config.numSpeculativeTokens,
    numHiddenLayers: numLayersOf(model),
    weightsBytes,
  });
  return {
    input: {
      config: derived.config,
      layout: { supported: derived.supportedLayouts, requested: options.requestedLayout ?? null },
      workers: memory.map(({ stage, availableBytes }) => ({
        layers: derived.stages[stage] ?? new Map(),
        availableMemory: availableBytes,
      })),
    },
    facts: factsOf({ source, model, derived, weightsBytes }),
    gpu,
    memory,
    attentionBackends: derived.attentionBackends,
    parameters: derived.parameters,
    quantization:
      derived.quantization === null
        ? null
        : {
            method: derived.quantization.name,
            description: derived.quantization.description,
            plainBytes: derived.plainBytes,
          },
    notes: model.notes,
    warnings: [...model.warnings, ...poolingWarnings(model, options)],
  };
}

/** Throws E_BAD_FLAG for a model that is not quantized. */
function plainOf(
  source: ModelSource,
  options: ModelOptions,
): { source: ModelSource; options: ModelOptions } {
  const config = withoutQuantization(source.config);
  if (config === null && options.quantization === undefined) {
    throw new ConfigError(
      'E_BAD_FLAG',
      `--compare plain: ${source.name} is not quantized: its config.json has no quantization_config, and no --quantization is ` +
        'given',
    );
  }
  return {
    source: { ...source, config: config ?? source.config },
    options: { ...options, quantization: undefined },
  };
}

/** Source: vllm/engine/arg_utils.py _set_default_chunked_prefill_and_prefix_caching_args. */
function poolingWarnings({ pooling }: ResolvedModel, options: ModelOptions): readonly string[] {
  if (pooling === null) return [];
  const unofficial = (what: string): string =>
    `This model does not officially support ${what}. Enabling this manually may cause the engine to crash or produce ` +
    'incorrect outputs.';
  return [
    ...(options.enableChunkedPrefill === true && !pooling.isChunkedPrefillSupported
      ? [unofficial('chunked prefill')]
      : []),
    ...(options.enablePrefixCaching === true && !pooling.isPrefixCachingSupported
      ? [unofficial('prefix caching')]
      : []),
  ];
}

/** The same model with layers that the user describes; they bring their own memory. */
export function withExplicitLayers(plan: ModelPlan, input: CapacityInput): ModelPlan {
  return {
    ...plan,
    input,
    facts: { ...plan.facts, maxModelLen: input.config.maxModelLen },
    memory: [],
    attentionBackends: [],
    parameters: [],
    quantization: null,
  };
}

function withMemory(gpu: GpuFacts, { gpuMemory }: ModelOptions): GpuFacts {
  return gpuMemory === undefined ? gpu : { ...gpu, memoryBytes: gpuMemory };
}

function factsOf(parts: {
  readonly source: ModelSource;
  readonly model: ResolvedModel;
  readonly derived: DerivedLayers;
  readonly weightsBytes: readonly number[];
}): ModelFacts {
  const { source, model, derived, weightsBytes } = parts;
  const { text, root } = model;
  const tensorRanks = derived.config.tensorParallelSize;
  const perRank = derived.parameterCounts.reduce((sum, count) => sum + count, 0);
  const parameterCount = perRank * tensorRanks;
  const bos = text.get('bos_token_id') ?? root.get('bos_token_id');
  return {
    name: source.name,
    servedArchitecture: model.architecture,
    modelType: model.modelType,
    source: source.source,
    dtype: model.dtype,
    cacheDtype: derived.cacheDtype,
    maxModelLen: model.maxModelLen,
    derivedMaxModelLen: model.derivedMaxModelLen,
    vocabSize: text.numOr('vocab_size', root.numOr('vocab_size', 0)),
    eosTokenIds: eosTokenIdsOf(source, model),
    bosTokenId: typeof bos === 'number' ? bos : null,
    hiddenSize: text.numOr('hidden_size', text.numOr('d_model', text.numOr('n_embd', 0))),
    numHiddenLayers: numLayersOf(model),
    numAttentionHeads: model.totalNumAttentionHeads,
    headSize: model.headSize,
    isMoe: model.numExperts > 0,
    isHybrid: model.isHybrid,
    isAttentionFree: model.isAttentionFree,
    isEncoderDecoder: model.isEncoderDecoder,
    pooling: model.pooling,
    slidingWindow: model.slidingWindow,
    parameterCount,
    activeParameterCount: activeParameterCountOf(model, parameterCount),
    weightsBytes,
    draftWeightsBytes: derived.draftWeightsBytes,
  };
}

function numLayersOf({ text }: ResolvedModel): number {
  return text.numOr('num_hidden_layers', text.numOr('n_layer', text.numOr('decoder_layers', 1)));
}

/** All parameters without the experts that a token is not sent to. An estimate: experts are counted as gated MLPs. */
function activeParameterCountOf(model: ResolvedModel, parameterCount: number): number {
  const { text, numExperts } = model;
  if (numExperts === 0) return parameterCount;
  const active = text.numOr('num_experts_per_tok', text.numOr('num_experts_per_token', 1));
  const width = text.numOr('moe_intermediate_size', text.numOr('intermediate_size', 0));
  const perExpert = 3 * text.numOr('hidden_size', 0) * Number(width);
  const moeLayers = Math.max(0, numLayersOf(model) - text.numOr('first_k_dense_replace', 0));
  const idle = moeLayers * Math.max(0, numExperts - Number(active)) * perExpert;
  // Models that have experts on some layers only would come out negative: keep what is certainly active.
  return Math.max(
    parameterCount - idle,
    Math.round((parameterCount * Number(active)) / numExperts),
  );
}

/** Those of the config.json first, then those of the generation_config.json. */
function eosTokenIdsOf(source: ModelSource, { text, root }: ResolvedModel): readonly number[] {
  const own = root.get('eos_token_id') ?? text.get('eos_token_id');
  const first = Array.isArray(own) ? own : [own];
  const all = [...first, ...source.generationEosTokenIds];
  return [...new Set(all.filter((id): id is number => typeof id === 'number'))];
}
