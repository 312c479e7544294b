/**
 * The heart of the room: a resolved model, a GPU and the flags become every worker's layer specs, as vLLM's own model classes
 * report them. Source: what vllm/v1/worker/gpu_worker.py does between load_model and get_kv_cache_spec (0.33.0).
 */
import { ConfigError } from '../../shared/errors.ts';
import type { JsonObject } from '../../shared/json-object.ts';
import type { PlannerConfig } from '../plan/capacity-input.ts';
import type { LayerSpecs } from '../plan/kv-cache-group.ts';
import type { KVCacheSpec } from '../spec/spec.ts';
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
import { buildDraft, readsStates } from './drafts/build-draft.ts';
import { type EngineConfig, resolveEngineConfig, speculativeMethod } from './engine-config.ts';
import type { GpuFacts } from './gpus.ts';
import { contradiction, EXPLICIT_LAYERS_HINT } from './hf-config.ts';
import type { KnownModel } from './model-family.ts';
import type { ModelOptions } from './model-options.ts';
import { isConverted } from './pooling/conversion.ts';
import { buildScore } from './pooling/score.ts';
import { checkpointCacheDtype } from './quantization/kv-cache-scales.ts';
import { draftQuantization, modelQuantization } from './quantization/model-quantization.ts';
import type { QuantizationConfig } from './quantization/quantization-config.ts';
import { resolveModel } from './resolve-model.ts';
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
  /** cache_config.cache_dtype before any layer is built, as the frontend has it too. */
  readonly cacheDtype: string;
  /** Bytes and elements of one tensor rank's weights, per stage; the draft is on the last one. */
  readonly weightsBytes: readonly number[];
  /** Of these the draft's. */
  readonly draftWeightsBytes: number;
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
  checkCounted(inputs);
  const engine = resolveEngineConfig(model, gpu, options);
  const { run, adjustment } = runConfig(inputs, engine);
  const context = backendContext(model, run, options, adjustment);
  const quantization = modelQuantization({ model, run, options });
  const withoutHead = isConverted(model) || model.family.withoutHead === true;
  let draftWeightsBytes = 0;
  const stages = Array.from({ length: run.pipelineParallelSize }, (_, stage) => {
    const builder = new StageBuilder(
      model,
      run,
      { backends: context, quantization, withoutHead },
      stage,
    );
    model.family.build(builder, model);
    buildScore(builder, model);
    const method = engine.speculation?.method;
    if (builder.isLast && method !== undefined) {
      const targetBytes = builder.weightsBytes;
      addDraft(builder, inputs, method);
      draftWeightsBytes = builder.weightsBytes - targetBytes;
    }
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
    cacheDtype: run.cacheDtype,
    supportedLayouts: sharedLayouts(distinctBackends(firstStage.layers), context),
    stages: sized.map(({ layers }) => layers),
    weightsBytes: stages.map(({ weightsBytes }) => weightsBytes),
    draftWeightsBytes,
    parameterCounts: stages.map(({ parameterCount }) => parameterCount),
    attentionBackends: backends.map(({ className }) => className),
    parameters: stages.map(({ parameters }) => parameters),
    quantization,
    plainBytes: stages.map(({ plainBytes }) => plainBytes),
  };
}

/** Parts that are not counted do not matter where the weights are given in bytes. */
function checkCounted({ model, options }: DeriveInputs): void {
  const { uncounted } = model.family;
  if (uncounted === undefined || options.weightsBytes !== undefined) return;
  throw new ConfigError(
    'E_UNKNOWN_MODEL',
    `${model.label}: ${model.architecture}: the weights of ${uncounted} are not counted; give all weights with --weights-bytes`,
  );
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
    draftReadsEmbedding: readsStates(engine.speculation?.method ?? ''),
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

/** The draft on its stage: what of the target's configuration it shares, and what it has of its own. */
function addDraft(builder: StageBuilder, inputs: DeriveInputs, method: string): void {
  const { model, options, draftConfig } = inputs;
  const { run } = builder;
  const asked = options.speculativeConfig?.['quantization'];
  const quantization = typeof asked === 'string' ? asked : undefined;
  buildDraft(builder, {
    method,
    model,
    draftConfig,
    quantizationOf: (draft) => draftQuantization({ model, run, options }, draft, quantization),
    buildIndependent: (config) => buildIndependentDraft(inputs, run, config, quantization),
  });
}

/** A draft that is a model of its own keeps a cache like any other. */
function buildIndependentDraft(
  { options, ...inputs }: DeriveInputs,
  run: RunConfig,
  config: JsonObject,
  quantization: string | undefined,
): StageBuilder {
  const label = `draft of ${inputs.model.label}`;
  const model = resolveModel(config, label, { dtype: inputs.model.dtype });
  if (run.pipelineParallelSize > 1 || model.isHybrid || model.isAttentionFree) {
    throw new ConfigError(
      'E_UNKNOWN_MODEL',
      `${label}: a draft model with states, or beside a target in pipeline stages, is not known; ${EXPLICIT_LAYERS_HINT}`,
    );
  }
  const adjustment = model.family.adjustRun?.(model, run) ?? {};
  const backends = backendContext(model, run, options, adjustment);
  const own = { ...options, quantization, quantizationConfig: undefined };
  const kept = modelQuantization({ model, run, options: own });
  const stage = new StageBuilder(
    model,
    run,
    { backends, quantization: kept, withoutHead: false },
    0,
  );
  stage.within('draft_model', () => model.family.build(stage, model));
  return stage;
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
  if (builder.weightsBytes === 0) throw contradiction(model.label, 'there would be no weights');
  for (const { name, spec } of specs) checkPage(model.label, `layer ${name}`, spec);
  return { sizes, layers: new Map(specs.map(({ name, spec }) => [name, table.intern(spec)])) };
}

/** Throws E_UNKNOWN_MODEL for a size that nothing has. */
function checkSizes(label: string, what: string, value: unknown): void {
  if (typeof value === 'object' && value !== null) {
    for (const item of Object.values(value)) checkSizes(label, what, item);
  }
  if (typeof value !== 'number' || (Number.isSafeInteger(value) && value >= 0)) return;
  throw contradiction(label, `${what} would have ${sizeInWords(value)}`);
}

function sizeInWords(size: number): string {
  return Number.isFinite(size) ? `a size of ${size}` : 'no size that can be computed';
}

/** Heads that are there but have no width, and layers without heads: pages of nothing. */
function checkPage(label: string, what: string, spec: KVCacheSpec): void {
  checkSizes(label, what, spec);
  if ('headSize' in spec && spec.headSize * spec.numKvHeads === 0) {
    throw contradiction(label, `${what} would have ${spec.numKvHeads} heads of ${spec.headSize}`);
  }
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
