/** Puts an engine core together from a planned KV cache and its settings. */

import type { KVCacheConfig } from '../capacity/spec/kv-cache-config.ts';
import type { Clock } from '../shared/clock.ts';
import type { EngineIndex } from '../shared/protocol/ids.ts';
import { WIRE_VERSIONS } from '../shared/protocol/versions/wire-versions.ts';
import { VLLM_VERSION } from '../shared/version.ts';
import { EngineCore } from './engine-core.ts';
import type { EngineCoreParts, VersionRules } from './engine-core-parts.ts';
import type { SimulatedExecutor } from './executor/simulated-executor.ts';
import type { EngineProcessControl } from './faults/engine-fault.ts';
import { FaultError } from './faults/fault-error.ts';
import { FaultPoints } from './faults/fault-points.ts';
import type { DraftCaching } from './kv-cache/draft-caching.ts';
import { createBlockHasher, type PrefixCachingHashAlgo } from './kv-cache/hash/block-hash.ts';
import { KVCacheManager } from './kv-cache/kv-cache-manager.ts';
import type { KVCacheMetricsCollector } from './kv-cache/kv-cache-metrics.ts';
import { KVTransfer, type KVTransferOptions } from './scheduler/kv-transfer.ts';
import { createMambaSplit } from './scheduler/mamba-split.ts';
import { Scheduler } from './scheduler/scheduler.ts';
import type { SchedulerConfig } from './scheduler/scheduler-config.ts';
import { StepClock } from './step-clock.ts';
import {
  DEFAULT_STRUCTURED_OUTPUT_SETTINGS,
  type StructuredOutputSettings,
} from './structured-output/compile-job.ts';
import { StructuredOutputManager } from './structured-output/structured-output-manager.ts';

/** Source: vllm/config/cache.py CacheConfig, as far as the engine core reads it. */
export interface EngineCacheConfig {
  /** The smallest block size of the groups that take part in prefix caching. */
  readonly blockSize: number;
  readonly schedulerBlockSize: number;
  readonly hashBlockSize: number;
  readonly enablePrefixCaching: boolean;
  readonly prefixCachingHashAlgo: PrefixCachingHashAlgo;
  /** Tokens; 0 keeps only what a replay needs in sparse groups, null keeps all. */
  readonly prefixCacheRetentionInterval: number | null;
  readonly enableKvCacheEvents: boolean;
}

export interface EngineCoreOptions {
  readonly engineIndex: EngineIndex;
  readonly clock: Clock;
  readonly executor: SimulatedExecutor;
  readonly kvCacheConfig: KVCacheConfig;
  readonly cache: EngineCacheConfig;
  readonly scheduler: SchedulerConfig;
  readonly maxConcurrentBatches: number;
  readonly pipelineParallelSize?: number;
  readonly logStats: boolean;
  /** Send the ids of finished requests with each step (internal data-parallel load balancing). */
  readonly includeFinishedSet: boolean;
  readonly shutdownTimeoutS?: number;
  /** The class of vLLM that this engine core is the twin of; EngineCoreProc where left out. */
  readonly vllmClass?: string;
  /** Left out: those of the version that the twin follows. */
  readonly versionRules?: VersionRules;
  /** Samples how long evicted blocks lived; null is off. */
  readonly kvCacheMetrics?: KVCacheMetricsCollector | null;
  /** Requests may carry faults; not where left out. */
  readonly enableFaults?: boolean;
  /** Left out: seed 0, and vLLM's defaults. */
  readonly structuredOutput?: StructuredOutputSettings;
  /** What faults may do to the process around it; left out, there is none. */
  readonly processControl?: EngineProcessControl;
  /** Left out without a KV connector. */
  readonly kvTransfer?: KVTransferOptions | null;
}

type CoreClass = new (parts: EngineCoreParts) => EngineCore;

/** `Core` lets a data-parallel engine bring its own class. */
export function createEngineCore(
  options: EngineCoreOptions,
  Core: CoreClass = EngineCore,
): EngineCore {
  const { cache, clock, executor, kvCacheConfig } = options;
  const config = options.scheduler;
  const metrics = options.kvCacheMetrics ?? null;
  const draftCaching = draftCachingOf(options);
  const kvCacheManager = new KVCacheManager({
    kvCacheConfig,
    maxModelLen: config.maxModelLen,
    schedulerBlockSize: cache.schedulerBlockSize,
    hashBlockSize: cache.hashBlockSize,
    maxInFlightTokens: config.maxNumBatchedTokens * options.maxConcurrentBatches,
    enableCaching: cache.enablePrefixCaching,
    retentionInterval: cache.prefixCacheRetentionInterval,
    logStats: options.logStats,
    enableKvCacheEvents: cache.enableKvCacheEvents,
    watermark: config.watermark,
    numLookaheadTokens: config.speculation.numLookaheadTokens,
    draftCaching,
    ...(metrics === null ? {} : { metricsCollector: metrics }),
  });
  const scheduler = new Scheduler({
    config,
    kvCacheManager,
    mambaSplit: createSplit(options, kvCacheManager),
    clock,
    logStats: options.logStats,
    includeFinishedSet: options.includeFinishedSet,
    decodeStagger: options.pipelineParallelSize ?? 1,
    kvTransfer: createKVTransfer(options, kvCacheManager),
    ...(metrics === null ? {} : { drainEvictionEvents: () => metrics.drainEvents() }),
  });
  const blockHasher =
    cache.enablePrefixCaching || options.kvTransfer
      ? createBlockHasher({
          hashBlockSize: cache.hashBlockSize,
          algorithm: cache.prefixCachingHashAlgo,
          exact: cache.enableKvCacheEvents,
          numLookaheadTokens: draftCaching.numHashLookaheadTokens,
        })
      : null;
  const stepClock = new StepClock();
  const faults = new FaultPoints(
    {
      setSlowFactor: (factor) => {
        stepClock.faultFactor = factor;
      },
      setReservedShare: (share) => kvCacheManager.reservation.setShare(share),
      fillReservation: () => kvCacheManager.reservation.fill(),
      preempt: (count) => scheduler.preemptRunning(count),
    },
    options.processControl ?? NO_PROCESS,
  );
  return new Core({
    engineIndex: options.engineIndex,
    clock,
    scheduler,
    executor,
    kvCacheConfig,
    blockHasher,
    maxModelLen: config.maxModelLen,
    maxConcurrentBatches: options.maxConcurrentBatches,
    shutdownTimeoutS: options.shutdownTimeoutS ?? 0,
    vllmClass: options.vllmClass ?? 'EngineCoreProc',
    versionRules: options.versionRules ?? WIRE_VERSIONS[VLLM_VERSION],
    stepClock,
    structuredOutput: new StructuredOutputManager(
      options.structuredOutput ?? DEFAULT_STRUCTURED_OUTPUT_SETTINGS,
      options.engineIndex,
    ),
    faults,
    enableFaults: options.enableFaults ?? false,
  });
}

function createKVTransfer(
  options: EngineCoreOptions,
  kvCacheManager: KVCacheManager,
): KVTransfer | null {
  const { kvTransfer = null, kvCacheConfig, maxConcurrentBatches, logStats } = options;
  if (kvTransfer === null) return null;
  const blockSize = options.cache.schedulerBlockSize;
  const parts = { kvCacheManager, kvCacheConfig, maxConcurrentBatches, blockSize, logStats };
  const { numSpecTokens, numLookaheadTokens } = options.scheduler.speculation;
  const numStepTokens = numSpecTokens > 0 ? 1 + numSpecTokens + numLookaheadTokens : 0;
  return new KVTransfer({ ...kvTransfer, ...parts, numDraftStepTokens: numStepTokens });
}

/** Hashes that cover what the drafter reads ahead make the dropped block good; a KV connector keeps the plain ones. */
function draftCachingOf(options: EngineCoreOptions): DraftCaching {
  const { speculation } = options.scheduler;
  const isCovered = options.cache.enablePrefixCaching && (options.kvTransfer ?? null) === null;
  const numHashLookaheadTokens = isCovered ? speculation.numHashLookaheadTokens : 0;
  return {
    dropsBlock: speculation.dropsBlock && numHashLookaheadTokens === 0,
    numHashLookaheadTokens,
    numPrefillLookahead: speculation.numPrefillLookahead,
  };
}

const NO_PROCESS: EngineProcessControl = {
  kill: refuseProcess,
  exit: refuseProcess,
  sendDead: refuseProcess,
};

function refuseProcess(): never {
  throw new FaultError('there is no process around this engine');
}

function createSplit(options: EngineCoreOptions, kvCacheManager: KVCacheManager) {
  const config = options.scheduler;
  const { blockSize, schedulerBlockSize, hashBlockSize } = options.cache;
  const budget = config.maxNumScheduledTokens ?? config.maxNumBatchedTokens;
  const threshold = config.longPrefillTokenThreshold;
  return createMambaSplit(options.kvCacheConfig, {
    mambaAlign: config.mambaAlign,
    cacheBlockSize: blockSize,
    schedulerBlockSize,
    hashBlockSize,
    draftCaching: draftCachingOf(options),
    partialCacheHit: hashBlockSize < schedulerBlockSize && kvCacheManager.enablePartialHashHits,
    maxPrefillTokens: threshold > 0 ? Math.min(budget, threshold) : budget,
  });
}
