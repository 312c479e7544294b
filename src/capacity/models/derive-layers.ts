/**
 * The heart of the room: a resolved model, a GPU and the flags become every worker's layer specs, as vLLM's own model classes
 * report them. Source: what vllm/v1/worker/gpu_worker.py does between load_model and get_kv_cache_spec (0.33.0).
 */
import { ConfigError } from '../../shared/errors.ts';
import type { JsonObject } from '../../shared/json-object.ts';
import type { PlannerConfig } from '../plan/capacity-input.ts';
import type { LayerSpecs } from '../plan/kv-cache-group.ts';
import { SpecTable } from '../spec/spec-table.ts';
import type { BackendContext } from './attention/backend.ts';
import { sharedLayouts } from './attention/select.ts';
import {
  boundaryLayers,
  isTurboQuant,
  TURBOQUANT_FLASH_ATTN_VERSION,
} from './attention/turboquant.ts';
import {
  DEFAULT_BLOCK_SIZE,
  distinctBackends,
  resolveCacheSizes,
  stageSpecs,
} from './block-sizes.ts';
import type { CacheSizes, SizingContext } from './cache-sizes.ts';
import { checkAttentionLayers } from './checks/attention-layers.ts';
import { checkCacheDtype } from './checks/cache-config.ts';
import { checkModelClass } from './checks/model-class.ts';
import { checkParallelSizes } from './checks/parallel-config.ts';
import { checkDraftSource, checkDraftVocabulary } from './checks/speculative-config.ts';
import { checkVllmConfig } from './checks/vllm-config.ts';
import { type EngineConfig, resolveEngineConfig, speculativeMethod } from './engine-config.ts';
import { buildEagle3 } from './families/eagle3.ts';
import type { GpuFacts } from './gpus.ts';
import { EXPLICIT_LAYERS_HINT, HfConfig } from './hf-config.ts';
import type { KnownModel } from './model-family.ts';
import type { ModelOptions } from './model-options.ts';
import { isConverted } from './pooling/conversion.ts';
import { buildScore } from './pooling/score.ts';
import { checkpointCacheDtype } from './quantization/kv-cache-scales.ts';
import type { QuantizationConfig } from './quantization/quantization-config.ts';
import { resolveQuantization } from './quantization/resolve-quantization.ts';
import type { ResolvedModel } from './resolved-model.ts';
import type { RunAdjustment, RunConfig } from './run-config.ts';
import { StageBuilder } from './stage-builder.ts';
import type { Parameter } from './stage-weights.ts';

/** Everything about the layers; memory is added by model-plan.ts. */
export interface DerivedLayers {
  readonly config: PlannerConfig;
  readonly supportedLayouts: readonly string[];
  /** One per pipeline stage; equal specs are one object. */
  readonly stages: readonly LayerSpecs[];
  /** Bytes and elements of one tensor rank's weights, per stage; the draft is on the last one. */
  readonly weightsBytes: readonly number[];
  readonly parameterCounts: readonly number[];
  readonly attentionBackends: readonly string[];
  /** Every tensor of one tensor rank, per stage. */
  readonly parameters: readonly (readonly Parameter[])[];
  readonly quantization: QuantizationConfig | null;
  /** Bytes that the modules of each stage take unquantized. */
  readonly plainBytes: readonly number[];
}

export interface DeriveInputs {
  readonly model: KnownModel;
  readonly gpu: GpuFacts;
  readonly options: ModelOptions;
  /** The draft model's config.json, for drafts that have one of their own. */
  readonly draftConfig: JsonObject | null;
}

export function deriveLayers(inputs: DeriveInputs): DerivedLayers {
  const { model, gpu, options } = inputs;
  checkCacheDtype(options.kvCacheDtype ?? 'auto');
  checkParallelSizes(options);
  checkDraft(inputs);
  const engine = resolveEngineConfig(model, gpu, options);
  const { run, adjustment } = runConfig(inputs, engine);
  const context = backendContext(model, run, options, adjustment);
  const quantization = quantizationOf(inputs, run);
  const withoutHead = isConverted(model) || model.family.withoutHead === true;
  const stages = Array.from({ length: run.pipelineParallelSize }, (_, stage) => {
    const builder = new StageBuilder(
      model,
      run,
      { backends: context, quantization, withoutHead },
      stage,
    );
    model.family.build(builder, model);
    buildScore(builder, model);
    if (builder.isLast) buildDraft(builder, inputs, engine);
    checkAttentionLayers(builder.layers, gpu);
    return builder;
  });
  const table = new SpecTable();
  const sized = stages.map((builder) =>
    sizeStage(builder, table, { inputs, engine, run, context }),
  );
  const [firstStage] = stages;
  const [firstSizes] = sized;
  if (firstStage === undefined || firstSizes === undefined)
    throw new ConfigError('E_BAD_FLAG', '--pipeline-parallel-size must be at least 1');
  // With one worker vLLM's engine core sees what the worker made of the configuration; other workers are processes.
  const isShared = run.pipelineParallelSize * run.tensorParallelSize === 1;
  const backends = distinctBackends(stages.flatMap(({ layers }) => layers));
  return {
    config: {
      ...engine.planner,
      cacheDtype: isShared ? firstStage.cacheDtype : run.cacheDtype,
      initialBlockSize: isShared
        ? firstSizes.sizes.blockSize
        : (options.blockSize ?? DEFAULT_BLOCK_SIZE),
    },
    supportedLayouts: sharedLayouts(distinctBackends(firstStage.layers), context),
    stages: sized.map(({ layers }) => layers),
    weightsBytes: stages.map(({ weightsBytes }) => weightsBytes),
    parameterCounts: stages.map(({ parameterCount }) => parameterCount),
    attentionBackends: backends.map(({ className }) => className),
    parameters: stages.map(({ parameters }) => parameters),
    quantization,
    plainBytes: stages.map(({ plainBytes }) => plainBytes),
  };
}

/** Where the weights are given in bytes, a method that is not understood does not matter. */
function quantizationOf(
  { model, options }: DeriveInputs,
  run: RunConfig,
): QuantizationConfig | null {
  const { root, text, dtype, family } = model;
  try {
    return resolveQuantization(
      {
        label: model.label,
        root,
        text,
        dtype,
        capability: run.capability,
        tensorParallelSize: run.tensorParallelSize,
        expertParallelSize: run.expertParallelSize,
        totalNumAttentionHeads: model.totalNumAttentionHeads,
        totalNumKvHeads: model.totalNumKvHeads,
        packedModules: family.packedModules ?? PACKED_MODULES,
        vllmName: family.vllmName?.bind(family) ?? null,
      },
      options.quantization,
    );
  } catch (error) {
    if (options.weightsBytes !== undefined && error instanceof ConfigError) return null;
    throw error;
  }
}

function checkDraft({ model, options, draftConfig }: DeriveInputs): void {
  const config = options.speculativeConfig;
  if (config === undefined) return;
  const method = speculativeMethod(config);
  checkDraftSource(config, { method, hasDraft: draftConfig !== null }, model);
  if (method !== 'draft_model' || draftConfig === null) return;
  checkDraftVocabulary(model.text.numOr('vocab_size', 0), draftConfig);
}

function runConfig(
  { model, gpu, options }: DeriveInputs,
  engine: EngineConfig,
): { run: RunConfig; adjustment: Partial<RunAdjustment> } {
  const said = options.kvCacheDtype ?? 'auto';
  const cacheDtype = said === 'auto' ? checkpointCacheDtype(model.root) : said;
  const asked: RunConfig = {
    tensorParallelSize: engine.planner.tensorParallelSize,
    pipelineParallelSize: engine.planner.pipelineParallelSize,
    decodeContextParallelSize: engine.planner.decodeContextParallelSize,
    expertParallelSize:
      options.enableExpertParallel === true
        ? engine.planner.tensorParallelSize * (options.dataParallelSize ?? 1)
        : 1,
    // ROCm has backends of its own, which are left out; its layers come out as on a GPU without special kernels.
    capability: gpu.vendor === 'amd' ? { major: 8, minor: 0 } : gpu.computeCapability,
    cacheDtype,
    skipLayers: skippedLayers(model, cacheDtype, options),
    numSpeculativeTokens: engine.planner.numSpeculativeTokens,
    mambaCacheMode: engine.planner.mambaCacheMode === 'align' ? 'align' : 'none',
    mambaCacheDtype: options.mambaCacheDtype ?? 'auto',
    mambaSsmCacheDtype: options.mambaSsmCacheDtype ?? 'auto',
    maxModelLen: model.maxModelLen,
  };
  const adjustment = model.family.adjustRun?.(model, asked) ?? {};
  const run = {
    ...asked,
    cacheDtype: adjustment.cacheDtype ?? asked.cacheDtype,
    mambaSsmCacheDtype: adjustment.mambaSsmCacheDtype ?? asked.mambaSsmCacheDtype,
  };
  checkVllmConfig(model, engine, options, run.cacheDtype);
  checkModelClass(model, run);
  return { run, adjustment };
}

/** Those of --kv-cache-dtype-skip-layers, and what the format itself leaves alone. */
function skippedLayers(
  { text, isHybrid }: ResolvedModel,
  cacheDtype: string,
  { kvCacheDtypeSkipLayers: asked = [] }: ModelOptions,
): readonly string[] {
  if (!isTurboQuant(cacheDtype)) return asked;
  return [...asked, ...boundaryLayers(text.num('num_hidden_layers'), isHybrid)];
}

/** packed_modules_mapping of most model classes. */
const PACKED_MODULES = {
  qkv_proj: ['q_proj', 'k_proj', 'v_proj'],
  gate_up_proj: ['gate_proj', 'up_proj'],
};

function backendContext(
  model: ResolvedModel,
  run: RunConfig,
  options: ModelOptions,
  adjustment: Partial<RunAdjustment>,
): BackendContext {
  const { text } = model;
  return {
    capability: run.capability,
    userBlockSize: options.blockSize ?? null,
    decodeContextParallelSize: run.decodeContextParallelSize,
    modelHeadSize: model.headSize,
    modelNumHeads: Math.floor(model.totalNumAttentionHeads / run.tensorParallelSize),
    modelNumKvHeads: model.useMla
      ? 1
      : Math.max(1, Math.floor(model.totalNumKvHeads / run.tensorParallelSize)),
    runCacheDtype: run.cacheDtype,
    hasLogitSoftcap: text.flag('attn_logit_softcapping'),
    isMmPrefixLm: model.isMmPrefixLm,
    flashAttnVersion: isTurboQuant(run.cacheDtype)
      ? TURBOQUANT_FLASH_ATTN_VERSION
      : (adjustment.flashAttnVersion ?? null),
    forcedBackend: options.attentionBackend ?? adjustment.forcedBackend ?? null,
    mla: model.useMla
      ? {
          qkNopeHeadDim: text.numOr('qk_nope_head_dim', 1),
          qkRopeHeadDim: text.numOr('qk_rope_head_dim', 64),
          kvLoraRank: text.numOr('kv_lora_rank', 0),
          indexTopk: text.numOr('index_topk', null),
        }
      : null,
  };
}

/** Drafts that read the target's states register layers of their own; n-gram drafts have none. */
function buildDraft(builder: StageBuilder, inputs: DeriveInputs, engine: EngineConfig): void {
  const method = engine.speculation?.method;
  const { model, draftConfig } = inputs;
  if (method === undefined || ['ngram', 'ngram_gpu', 'suffix'].includes(method)) return;
  if (method === 'mtp' && model.family.mtp !== undefined) {
    const { mtp } = model.family;
    builder.asDraft(() => mtp.build(builder, model));
    return;
  }
  if (method === 'eagle3' && draftConfig !== null) {
    const draft = new HfConfig(draftConfig, `draft of ${model.label}`, {
      tie_word_embeddings: false,
    });
    const target = {
      numLayers: model.text.num('num_hidden_layers'),
      vocabSize: model.text.num('vocab_size'),
    };
    builder.asDraft(() => buildEagle3(builder, draft, target));
    return;
  }
  throw new ConfigError(
    'E_UNKNOWN_MODEL',
    `${model.label}: --speculative-config method "${method}" ${method === 'eagle3' ? 'needs the draft model as a catalogue name or folder' : 'is not known for this model'}; ${EXPLICIT_LAYERS_HINT}`,
  );
}

interface StageSizing {
  readonly inputs: DeriveInputs;
  readonly engine: EngineConfig;
  readonly run: RunConfig;
  readonly context: BackendContext;
}

function sizeStage(
  builder: StageBuilder,
  table: SpecTable,
  { inputs, engine, run, context }: StageSizing,
): { sizes: CacheSizes; layers: LayerSpecs } {
  const { model, options } = inputs;
  const sizing: SizingContext = {
    model,
    run,
    backends: { ...context, runCacheDtype: builder.cacheDtype },
    cacheDtype: builder.cacheDtype,
    state: model.family.state?.(model, run) ?? null,
    prefixMatchUnit: options.prefixMatchUnit ?? null,
  };
  const sizes = resolveCacheSizes(builder.layers, initialSizes(options, engine, model), sizing);
  const specs = stageSpecs(builder.layers, sizes, sizing);
  checkSizes(model.label, 'the weights', Math.floor(builder.weightsBytes));
  for (const { name, spec } of specs) checkSizes(model.label, `layer ${name}`, spec);
  return { sizes, layers: new Map(specs.map(({ name, spec }) => [name, table.intern(spec)])) };
}

/** A config.json can contradict itself: heads of no width, or hidden sizes that its heads do not divide. */
function checkSizes(label: string, what: string, value: unknown): void {
  if (typeof value === 'object' && value !== null) {
    for (const item of Object.values(value)) checkSizes(label, what, item);
  }
  if (typeof value !== 'number' || (Number.isSafeInteger(value) && value >= 0)) return;
  throw new ConfigError(
    'E_UNKNOWN_MODEL',
    `${label}: config.json fields contradict each other: ${what} would have a size of ${value}; ${EXPLICIT_LAYERS_HINT}`,
  );
}

/** Before the backends are asked. Source: vllm/model_executor/models/config.py MambaModelConfig. */
function initialSizes(
  options: ModelOptions,
  engine: EngineConfig,
  model: ResolvedModel,
): CacheSizes {
  const blockSize = options.blockSize ?? DEFAULT_BLOCK_SIZE;
  const isAlign = engine.planner.mambaCacheMode === 'align';
  return {
    blockSize,
    mambaBlockSize: options.mambaBlockSize ?? (isAlign ? blockSize : model.maxModelLen),
    mambaPagePadded: null,
    skipPagePadded: null,
  };
}
