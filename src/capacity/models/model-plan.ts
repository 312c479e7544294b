/**
 * From the flags of `serve` and `explain` to the planner's input: the model's layers, each worker's memory, and the facts
 * about the model that engine and frontend need. Reads the model's files and nothing else.
 */

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError } from '../../shared/errors.ts';
import type { CapacityInputRecord, LayerSpecRecord } from '../file/capacity-input.ts';
import { type DerivedLayers, deriveLayers } from './derive-layers.ts';
import { type GpuFacts, requireGpu } from './gpus.ts';
import { isJsonObject, type JsonObject } from './hf-config.ts';
import { overrideConfig } from './hf-overrides.ts';
import { type MemoryBudget, memoryBudgets } from './memory-budget.ts';
import { DEFAULT_GPU, DEFAULT_MODEL, type ModelOptions } from './model-options.ts';
import { findModelSource, type ModelSource, readJson } from './model-source.ts';
import { resolveModel } from './resolve-model.ts';
import type { ResolvedModel } from './resolved-model.ts';

/** What an engine and a frontend need to know of a model, beyond its KV cache. */
export interface ModelFacts {
  readonly name: string;
  readonly servedArchitecture: string;
  readonly source: string;
  readonly dtype: string;
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
  /** Of all layers that slide with one window; null otherwise. */
  readonly slidingWindow: number | null;
  readonly parameterCount: number;
  /** Parameters that one token passes through. */
  readonly activeParameterCount: number;
  /** Of one tensor rank, per pipeline stage. */
  readonly weightsBytes: readonly number[];
}

export interface ModelPlan {
  readonly input: CapacityInputRecord;
  readonly facts: ModelFacts;
  readonly gpu: GpuFacts;
  /** One per worker in rank order; empty where explicit layers bring their own memory. */
  readonly memory: readonly MemoryBudget[];
  /** vLLM's class names. */
  readonly attentionBackends: readonly string[];
  /** vLLM's WARNING lines about model and flags. */
  readonly warnings: readonly string[];
}

/** Throws E_UNKNOWN_MODEL, E_UNKNOWN_GPU, E_BAD_FILE or E_BAD_FLAG. */
export function buildCapacityInput(options: ModelOptions): ModelPlan {
  const source = findModelSource(options.model ?? DEFAULT_MODEL);
  const gpu = withMemory(requireGpu(options.gpu ?? DEFAULT_GPU), options);
  const config = overrideConfig(source.config, options.hfOverrides ?? {});
  const model = resolveModel(config, source.name, options);
  const derived = deriveLayers({ model, gpu, options, draftConfig: draftConfigOf(options) });
  const weightsBytes = derived.weightsBytes.map((bytes) => Math.floor(bytes * source.weightsScale));
  const facts = factsOf({ source, model, derived, weightsBytes });
  if (options.kvCacheSpecs !== undefined) {
    const input = readExplicitLayers(options.kvCacheSpecs, options);
    return {
      input,
      facts: { ...facts, maxModelLen: input.config.max_model_len },
      gpu,
      memory: [],
      attentionBackends: [],
      warnings: model.warnings,
    };
  }
  const memory = memoryBudgets({
    model,
    gpu,
    options,
    maxNumBatchedTokens: derived.config.max_num_batched_tokens,
    maxNumSeqs: derived.config.max_num_seqs,
    weightsBytes,
  });
  const input: CapacityInputRecord = {
    config: derived.config,
    layout: { supported: derived.supportedLayouts, requested: options.requestedLayout ?? null },
    spec_table: derived.specTable,
    layer_sets: derived.layerSets,
    workers: memory.map(({ stage, availableBytes }) => ({
      layer_set: stage,
      available_memory: availableBytes,
    })),
  };
  const { attentionBackends } = derived;
  return { input, facts, gpu, memory, attentionBackends, warnings: model.warnings };
}

function withMemory(gpu: GpuFacts, { gpuMemory }: ModelOptions): GpuFacts {
  return gpuMemory === undefined ? gpu : { ...gpu, memoryBytes: gpuMemory };
}

/** The draft's own config.json, for a draft that --speculative-config names; null for methods without one. */
function draftConfigOf({ speculativeConfig }: ModelOptions): JsonObject | null {
  const draft = speculativeConfig?.['model'];
  if (typeof draft !== 'string' || /^\[?ngram\]?$/.test(draft)) return null;
  return findModelSource(draft).config;
}

function factsOf(parts: {
  readonly source: ModelSource;
  readonly model: ResolvedModel;
  readonly derived: DerivedLayers;
  readonly weightsBytes: readonly number[];
}): ModelFacts {
  const { source, model, derived, weightsBytes } = parts;
  const { text, root } = model;
  const tensorRanks = derived.config.tensor_parallel_size;
  const perRank = derived.parameterCounts.reduce((sum, count) => sum + count, 0);
  const parameterCount = perRank * tensorRanks;
  const bos = text.get('bos_token_id') ?? root.get('bos_token_id');
  return {
    name: source.name,
    servedArchitecture: model.architecture,
    source: source.source,
    dtype: model.dtype,
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
    slidingWindow: model.slidingWindow,
    parameterCount,
    activeParameterCount: activeParameterCountOf(model, parameterCount),
    weightsBytes,
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

/** generation_config.json names them all; else the config.json. */
function eosTokenIdsOf({ folder }: ModelSource, { text, root }: ResolvedModel): readonly number[] {
  const file = folder === null ? null : join(folder, 'generation_config.json');
  const generation = file !== null && existsSync(file) ? readJson(file) : {};
  const own = root.get('eos_token_id') ?? text.get('eos_token_id');
  const first = Array.isArray(own) ? own : [own];
  const more = generation['eos_token_id'];
  const all = [...first, ...(Array.isArray(more) ? more : [more])];
  return [...new Set(all.filter((id): id is number => typeof id === 'number'))];
}

/** `--kv-cache-specs FILE`: the `input` of a capacity case, or the whole case. Flags for length and blocks win over it. */
function readExplicitLayers(path: string, options: ModelOptions): CapacityInputRecord {
  const record = readJson(path);
  const input = isJsonObject(record['input']) ? record['input'] : record;
  for (const key of ['config', 'layout', 'spec_table', 'layer_sets', 'workers']) {
    if (input[key] === undefined) {
      throw new ConfigError(
        'E_BAD_FILE',
        `--kv-cache-specs ${path}: ${key} is missing; the file holds {"config", "layout", "spec_table", "layer_sets", "workers"}`,
      );
    }
  }
  const explicit = input as unknown as CapacityInputRecord & {
    spec_table: readonly LayerSpecRecord[];
  };
  const { maxModelLen, numGpuBlocksOverride } = options;
  const config = {
    ...explicit.config,
    ...(maxModelLen === undefined || maxModelLen === -1 ? {} : { max_model_len: maxModelLen }),
    ...(maxModelLen === -1 ? { auto_fit_max_model_len: true } : {}),
    ...(numGpuBlocksOverride === undefined
      ? {}
      : { num_gpu_blocks_override: numGpuBlocksOverride }),
  };
  return { ...explicit, config };
}
