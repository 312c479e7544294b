/**
 * From flags to an engine: model and GPU give a memory budget, the planner the KV cache, the ledger the memory, and out
 * come the scheduler's view and what the ready response says. Pure but for reading the model's files.
 * Source: vllm/v1/engine/core.py EngineCore.__init__, _initialize_kv_caches (0.33.0).
 */

import { loadModelPlan } from '../capacity/file/load-model-plan.ts';
import type { ModelPlan } from '../capacity/models/model-plan.ts';
import { modelOptionsOf } from '../capacity/models/options-of-args.ts';
import { type KVCachePlan, planKVCache } from '../capacity/plan/plan-kv-cache.ts';
import type { Clock } from '../shared/clock.ts';
import { kvTransferConfigOf } from '../shared/config/kv-transfer-config.ts';
import { maxCpuLorasOf } from '../shared/config/lora-config.ts';
import type { EngineArgs } from '../shared/config/registry.ts';
import { readStructuredOutputsConfig } from '../shared/config/structured-outputs-config.ts';
import { Prng } from '../shared/prng.ts';
import type { EngineIndex } from '../shared/protocol/ids.ts';
import type { KVEventsConfig } from '../shared/protocol/ready-response.ts';
import { createEngineCore, type EngineCoreOptions } from './create-engine-core.ts';
import type { EngineCore } from './engine-core.ts';
import type { EngineCoreParts, VersionRules } from './engine-core-parts.ts';
import { allocateGpus } from './executor/allocate-gpus.ts';
import type { GpuMemory } from './executor/gpu-memory.ts';
import { latencyModelOf } from './executor/latency-inputs.ts';
import { AdapterCache } from './executor/lora/adapter-cache.ts';
import { loraModulesOf } from './executor/lora/tensor-names.ts';
import { Pooler } from './executor/pooler.ts';
import { ScriptedTokenSource } from './executor/scripted-token-source.ts';
import { SimulatedExecutor } from './executor/simulated-executor.ts';
import { createTokenSource } from './executor/token-source.ts';
import type { EngineProcessControl } from './faults/engine-fault.ts';
import { KVCacheMetricsCollector } from './kv-cache/kv-cache-metrics.ts';
import { createConnector } from './kv-transfer/create-connector.ts';
import { loadCorpus } from './load-corpus.ts';
import { readAdapter } from './read-adapter.ts';
import type { KVTransferOptions } from './scheduler/kv-transfer.ts';
import { DEFAULT_SCHEDULER_CONFIG, type SchedulerConfig } from './scheduler/scheduler-config.ts';
import { drafterOf, schedulerSpeculationOf } from './speculation-setup.ts';
import type { StartupLine } from './startup-line.ts';
import { startupLines } from './startup-log.ts';
import type { StructuredOutputSettings } from './structured-output/compile-job.ts';
import { reasoningEndOf } from './structured-output/reasoning-end.ts';

/** How the engine stands among its data-parallel peers. */
export interface EnginePlacement {
  readonly rank: EngineIndex;
  /** The coordinator balances over ranks: step outputs name finished requests. */
  readonly hasInternalLb: boolean;
  /** Ranks of one mixture-of-experts model step together. */
  readonly isMoeDp: boolean;
  /** What faults may do to the process around it; left out, there is none. */
  readonly processControl?: EngineProcessControl;
  /** Left out: those of the version that the twin follows. */
  readonly versionRules?: VersionRules;
  /** What other engines know this one by. */
  readonly engineId?: string;
  /** Where a KV connector says what it cannot do. */
  readonly warn?: (text: string) => void;
}

export interface EngineSetup {
  readonly args: EngineArgs;
  readonly model: ModelPlan;
  readonly plan: KVCachePlan;
  /** One GPU per worker, with what is allocated on it. */
  readonly gpus: readonly GpuMemory[];
  readonly scheduler: SchedulerConfig;
  /** The log lines of this start, in vLLM's words. */
  readonly logLines: readonly StartupLine[];
}

/** Throws what vLLM's planner says (E_KV_CACHE), E_GPU_OUT_OF_MEMORY, or a config error of the model. */
export function setUpEngine(args: EngineArgs): EngineSetup {
  const model = loadModelPlan(modelOptionsOf(args));
  const plan = planKVCache(model.input);
  const gpus = allocateGpus(model.memory, plan.workers, model.gpu.memoryBytes);
  const logLines = startupLines(args, model, plan);
  return { args, model, plan, gpus, scheduler: schedulerConfigOf(args, model, plan), logLines };
}

function schedulerConfigOf(args: EngineArgs, model: ModelPlan, plan: KVCachePlan): SchedulerConfig {
  const { config } = model.input;
  return {
    ...DEFAULT_SCHEDULER_CONFIG,
    maxNumSeqs: config.maxNumSeqs,
    maxNumActiveSeqs: args.maxNumActiveSeqs,
    maxNumBatchedTokens: config.maxNumBatchedTokens,
    maxNumScheduledTokens: args.maxNumScheduledTokens,
    maxModelLen: plan.maxModelLen,
    policy: args.schedulingPolicy,
    // Without KV cache groups there is nothing to continue a chunk from.
    enableChunkedPrefill: plan.enableChunkedPrefill && plan.groups.length > 0,
    longPrefillTokenThreshold: args.longPrefillTokenThreshold,
    longPrefillTokenThresholdAdaptive: args.longPrefillTokenThresholdAdaptive,
    prefillScheduleInterval: args.prefillScheduleInterval,
    schedulerReserveFullIsl: args.schedulerReserveFullIsl,
    watermark: args.watermark,
    asyncScheduling: config.asyncScheduling,
    numSampledTokensPerStep: model.facts.pooling === null ? 1 : 0,
    maxLoras: args.enableLora === true ? args.maxLoras : null,
    speculation: schedulerSpeculationOf(args, model),
    mambaAlign: config.mambaCacheMode === 'align',
  };
}

export type EngineCoreClass = new (parts: EngineCoreParts) => EngineCore;

/** The engine itself, in its class for its place among peers. */
export function buildEngineCore(
  setup: EngineSetup,
  placement: EnginePlacement,
  clock: Clock,
  kvEvents: KVEventsConfig | null,
  Core?: EngineCoreClass,
): EngineCore {
  const { args, model, plan, scheduler } = setup;
  const { config } = model.input;
  const options: EngineCoreOptions = {
    engineIndex: placement.rank,
    clock,
    executor: createExecutor(setup),
    kvCacheConfig: plan.schedulerConfig,
    cache: {
      blockSize: plan.cacheBlockSize,
      schedulerBlockSize: plan.schedulerBlockSize,
      hashBlockSize: plan.hashBlockSize,
      enablePrefixCaching: plan.enablePrefixCaching,
      prefixCachingHashAlgo: args.prefixCachingHashAlgo,
      prefixCacheRetentionInterval: args.prefixCacheRetentionInterval,
      enableKvCacheEvents: kvEvents?.enableKvCacheEvents === true,
    },
    // Mixture-of-experts ranks throttle prefills by their common step counter, not each by its own.
    scheduler: placement.isMoeDp ? { ...scheduler, prefillScheduleInterval: 1 } : scheduler,
    maxConcurrentBatches: config.maxConcurrentBatches,
    pipelineParallelSize: args.pipelineParallelSize,
    logStats: !args.disableLogStats,
    includeFinishedSet: placement.hasInternalLb,
    shutdownTimeoutS: args.shutdownTimeout,
    vllmClass: placement.isMoeDp ? 'DPEngineCoreProc' : 'EngineCoreProc',
    kvCacheMetrics: args.kvCacheMetrics ? createResidencyMetrics(args, clock) : null,
    structuredOutput: structuredOutputSettingsOf(args),
    enableFaults: args.enableFaults && args.faults !== 'none',
    kvTransfer: createKVTransfer(setup, placement, clock),
    ...(placement.versionRules === undefined ? {} : { versionRules: placement.versionRules }),
    ...(placement.processControl === undefined ? {} : { processControl: placement.processControl }),
  };
  return Core === undefined ? createEngineCore(options) : createEngineCore(options, Core);
}

function structuredOutputSettingsOf(args: EngineArgs): StructuredOutputSettings {
  const config = readStructuredOutputsConfig(args.structuredOutputsConfig);
  return {
    seed: args.seed,
    disableAnyWhitespace: config.disableAnyWhitespace,
    reasoningEnd: reasoningEndOf(args.reasoningParser || config.reasoningParser),
    enableInReasoning: config.enableInReasoning,
  };
}

function createKVTransfer(
  { args, plan }: EngineSetup,
  { rank, engineId, warn }: EnginePlacement,
  clock: Clock,
): KVTransferOptions | null {
  const config = kvTransferConfigOf(args);
  if (config === null) return null;
  const worker = plan.workers[0];
  const connector = createConnector({
    config,
    engineId: engineId ?? '',
    kvCacheConfig: plan.schedulerConfig,
    hashBlockSize: plan.hashBlockSize,
    blockSize: plan.schedulerBlockSize,
    maxModelLen: plan.maxModelLen,
    workerBytesPerBlock: worker?.bytesPerBlock ?? 0,
    bytesPerBlock: plan.workers.reduce((sum, { bytesPerBlock }) => sum + bytesPerBlock, 0),
    numRegions: worker?.tensors.length ?? 1,
    tpSize: args.tensorParallelSize,
    dcpSize: args.decodeContextParallelSize,
    ppSize: args.pipelineParallelSize,
    sideChannelHost: args.nixlSideChannelHost,
    sideChannelPort: args.nixlSideChannelPort + rank,
    bandwidth: args.kvTransferBandwidth,
    latencyMs: args.kvTransferLatencyMs,
    clock,
    warn: warn ?? (() => {}),
  });
  return { connector, role: config.role, loadFailurePolicy: config.loadFailurePolicy };
}

function createResidencyMetrics(args: EngineArgs, clock: Clock): KVCacheMetricsCollector {
  return new KVCacheMetricsCollector({
    sampleRate: args.kvCacheMetricsSample,
    clock,
    prng: new Prng(args.seed),
  });
}

function createExecutor(setup: EngineSetup): SimulatedExecutor {
  const { args, model, plan } = setup;
  const { facts } = model;
  const tokenSource = createTokenSource({
    kind: args.tokenSource,
    seed: args.seed,
    vocabSize: facts.vocabSize,
    eosTokenId: facts.eosTokenIds[0] ?? null,
    maxModelLen: plan.maxModelLen,
    corpus: args.tokenSource === 'corpus' ? loadCorpus(args) : null,
  });
  return new SimulatedExecutor({
    tokenSource: args.enableFaults ? new ScriptedTokenSource(tokenSource) : tokenSource,
    latencyModel: latencyModelOf(setup),
    vocabSize: facts.vocabSize,
    pooler: facts.pooling === null ? null : new Pooler(facts.pooling, args.seed),
    numWorkers: plan.workers.length,
    adapters: args.enableLora === true ? createAdapterCache(setup) : null,
    drafter: drafterOf(args, model, plan.maxModelLen),
    perf: args.disableLogStats ? null : model.perf,
    logprobsMode: args.logprobsMode,
    returnsSamplingMask: args.returnSamplingMask,
  });
}

function createAdapterCache({ args, model }: EngineSetup): AdapterCache {
  const rules = {
    maxLoraRank: args.maxLoraRank,
    modules: loraModulesOf(model.facts.servedArchitecture),
  };
  return new AdapterCache({
    maxLoras: args.maxLoras,
    maxCpuLoras: maxCpuLorasOf(args),
    load: (lora) => readAdapter(lora, rules),
  });
}
