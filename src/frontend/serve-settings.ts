/**
 * What the frontend makes of its arguments for the rooms that it starts: the served model, the cache config that
 * `/metrics` shows, the process commands. Pure but for reading the model's files.
 */
import type { ModelPlan } from '../capacity/models/model-plan.ts';
import { argsOfRank } from '../shared/config/engine-overrides.ts';
import { encodeProcessConfig } from '../shared/config/engine-process-config.ts';
import type { EngineArgs } from '../shared/config/registry.ts';
import { readStructuredOutputsConfig } from '../shared/config/structured-outputs-config.ts';
import type { ScheduledFault } from '../shared/faults/scheduled-fault.ts';
import { ownProgram } from '../shared/own-files.ts';
import type { EngineIndex } from '../shared/protocol/ids.ts';
import { usesBuiltInTokenizer } from '../shared/tokenizer/load-tokenizer.ts';
import { modelFolderOf, tokenizerFolderOf } from '../shared/tokenizer/tokenizer-folder.ts';
import { isBefore } from '../shared/version.ts';
import { getMinMaxModelLen, type ReadyEngines } from './engine-client/ready-engines.ts';
import type { ChildCommand } from './launch/child.ts';
import type { CoordinatorConfig, EngineHandshakeAddresses } from './launch/launch.ts';
import type { ParallelPlan } from './launch/parallel-plan.ts';
import { readGenerationConfig, type ServedModel, systemFingerprint } from './llm/served-model.ts';
import type { CacheConfigSettings } from './metrics/cache-config-info.ts';
import { createVllmConfig, type VllmConfigViews } from './vllm-config/vllm-config.ts';

/** Source: vllm/config/cache.py CacheConfig.DEFAULT_BLOCK_SIZE. */
const DEFAULT_BLOCK_SIZE = 16;

type Environment = Readonly<Record<string, string | undefined>>;

/** For processes that answer no client: what they do not know, neither their dumps nor /proc can tell. */
export function withoutApiKey({ VLLM_API_KEY: _key, ...env }: Environment): Environment {
  return env;
}

export function createEngineCommand(
  args: EngineArgs,
  env: Environment,
  faultPlanOf: (rank: EngineIndex) => readonly ScheduledFault[],
): (rank: EngineIndex, localRank: number, addresses: EngineHandshakeAddresses) => ChildCommand {
  const modulePath = ownProgram('engine-core/main');
  return (rank, localRank, addresses) => ({
    name: `EngineCore_DP${rank}`,
    modulePath,
    args: [
      encodeProcessConfig({
        args: argsOfRank(args, rank),
        rank,
        localRank,
        ...addresses,
        headless: false,
        faultPlan: faultPlanOf(rank),
      }),
    ],
    env: withoutApiKey(env),
  });
}

export function createCoordinatorCommand(
  args: EngineArgs,
  env: Environment,
): (config: CoordinatorConfig) => ChildCommand {
  const modulePath = ownProgram('frontend/dp-coordinator/main');
  const { vllmVersion, logLevel, logFormat, record, tap, handshakeStep } = args;
  return (config) => ({
    name: 'DPCoordinator',
    modulePath,
    args: [
      JSON.stringify({ ...config, vllmVersion, logLevel, logFormat, record, tap, handshakeStep }),
    ],
    env: withoutApiKey(env),
  });
}

/** What a start says where a model's own tokenizer is not here; null where it is. */
export function standInSentence(args: EngineArgs): string | null {
  if (!usesBuiltInTokenizer({ folder: tokenizerFolderOf(args) })) return null;
  const own = args.tokenizer ?? args.model;
  return `The built-in tokenizer stands in for that of ${own}; --tokenizer FOLDER takes the model's own`;
}

export function servedModelNamesOf(args: EngineArgs): readonly string[] {
  return args.servedModelName.length === 0 ? [args.model] : args.servedModelName;
}

/** The engines behind one API server, and which of its plan's servers that is. */
export interface ServingEngines {
  /** In order of arrival. */
  readonly engines: ReadyEngines;
  readonly plan: ParallelPlan;
  readonly clientIndex: number;
}

export function createServedModel(
  args: EngineArgs,
  model: ModelPlan,
  { engines, plan, clientIndex }: ServingEngines,
): ServedModel {
  const maxModelLen = Math.min(getMinMaxModelLen(engines), model.input.config.maxModelLen);
  let vllmConfig: VllmConfigViews | null = null;
  const [servedModelName = args.model] = servedModelNamesOf(args);
  return {
    model: args.model,
    modelType: model.facts.modelType,
    architecture: model.facts.servedArchitecture,
    servedModelNames: servedModelNamesOf(args),
    maxModelLen,
    vocabSize: model.facts.vocabSize,
    eosTokenId: model.facts.eosTokenIds[0] ?? null,
    ...readSamplingDefaults(args),
    structuredOutputBackend: readStructuredOutputsConfig(args.structuredOutputsConfig).backend,
    pooling:
      model.facts.pooling === null
        ? null
        : { ...model.facts.pooling, architecture: model.facts.servedArchitecture },
    promptEmbeds: args.enablePromptEmbeds
      ? { hiddenSize: model.facts.promptEmbedsSize, dtype: model.facts.dtype }
      : null,
    fingerprint: systemFingerprint({
      vllmVersion: args.vllmVersion,
      mode: args.fingerprintMode,
      customValue: args.fingerprintValue,
      tensorParallelSize: args.tensorParallelSize,
      pipelineParallelSize: args.pipelineParallelSize,
      dataParallelSize: args.dataParallelSize,
      isExpertParallel: args.enableExpertParallel,
      // Whoever looks at a server changes nothing of what it answers.
      settings: { ...args, apiKey: [], record: null, tap: 0 },
    }),
    asksForWatermarks: isBefore(args.vllmVersion, '0.32.0'),
    worldSize: args.tensorParallelSize * args.pipelineParallelSize,
    dataParallelSize: plan.dataParallelSize,
    /** Made for who asks: it is a long text. */
    get vllmConfig() {
      vllmConfig ??= createVllmConfig({
        args,
        model,
        plan,
        engines,
        tokenizer: args.tokenizer ?? args.model,
        servedModelName,
        maxModelLen,
        apiProcessRank: clientIndex,
      });
      return vllmConfig;
    },
  };
}

/** `--generation-config`: `auto` reads the model's folder, `vllm` nothing, else a folder; single values by the override. */
function readSamplingDefaults(
  args: EngineArgs,
): Pick<ServedModel, 'defaultSamplingParams' | 'generationEosTokenIds'> {
  const { generationConfig } = args;
  const folder = generationConfig === 'auto' ? modelFolderOf(args.model) : generationConfig;
  const read = readGenerationConfig(generationConfig === 'vllm' ? null : folder);
  const overrides = Object.entries(args.overrideGenerationConfig ?? {}).filter(
    (entry): entry is [string, number] => typeof entry[1] === 'number',
  );
  return {
    ...read,
    defaultSamplingParams: { ...read.defaultSamplingParams, ...Object.fromEntries(overrides) },
  };
}

export function createCacheConfigSettings(
  args: EngineArgs,
  { facts, input }: ModelPlan,
  ranks: readonly EngineIndex[],
): CacheConfigSettings {
  const { config } = input;
  return {
    userSpecifiedBlockSize: args.blockSize !== null,
    gpuMemoryUtilization: args.gpuMemoryUtilization,
    cacheDtype: facts.cacheDtype,
    isAttentionFree: facts.isAttentionFree,
    numGpuBlocksOverride:
      args.engineOverrides === null
        ? args.numGpuBlocksOverride
        : new Map(ranks.map((rank) => [rank, argsOfRank(args, rank).numGpuBlocksOverride])),
    slidingWindow: facts.slidingWindow,
    enablePrefixCaching: config.enablePrefixCaching,
    prefixCachingHashAlgo: args.prefixCachingHashAlgo,
    prefixCacheRetentionInterval: args.prefixCacheRetentionInterval,
    prefixMatchUnit: args.prefixMatchUnit,
    kvCacheDtypeSkipLayers: args.kvCacheDtypeSkipLayers,
    mambaPageSizePadded: null,
    mambaBlockSize: ownMambaBlockSize(args, { facts, input }),
    userSpecifiedMambaBlockSize: args.mambaBlockSize !== null,
    mambaCacheDtype: args.mambaCacheDtype,
    mambaSsmCacheDtype: args.mambaSsmCacheDtype,
    mambaCacheMode: config.mambaCacheMode,
    kvCacheMemoryBytes: args.kvCacheMemoryBytes,
    kvOffloadingSize: args.kvOffloadingSize,
    kvOffloadingBackend: args.kvOffloadingBackend,
  };
}

/** Source: vllm/model_executor/models/config.py MambaModelConfig (0.28.0 to 0.33.0). */
function ownMambaBlockSize(
  { mambaBlockSize, blockSize }: EngineArgs,
  { facts, input }: Pick<ModelPlan, 'facts' | 'input'>,
): number | null {
  const hasState = facts.isHybrid || facts.isAttentionFree;
  if (mambaBlockSize !== null || !hasState) return mambaBlockSize;
  const { enablePrefixCaching, maxModelLen } = input.config;
  return enablePrefixCaching ? (blockSize ?? DEFAULT_BLOCK_SIZE) : maxModelLen;
}
