/** Builders for tests of the engine core: every argument has a default, a test names only what it is about. */

import { existsSync } from 'node:fs';
import type { PoolingFacts } from '../../src/capacity/models/pooling/pooling-facts.ts';
import { resolveHashBlockSizes } from '../../src/capacity/plan/hash-block-sizes.ts';
import { createSpec } from '../../src/capacity/spec/create-spec.ts';
import type { KVCacheGroup } from '../../src/capacity/spec/kv-cache-config.ts';
import type { KVCacheSpec } from '../../src/capacity/spec/spec.ts';
import { createEngineCore } from '../../src/engine-core/create-engine-core.ts';
import { EngineCore } from '../../src/engine-core/engine-core.ts';
import type { EngineCoreParts, VersionRules } from '../../src/engine-core/engine-core-parts.ts';
import { AcceptanceDrafter } from '../../src/engine-core/executor/acceptance-drafter.ts';
import {
  createLatencyModel,
  type LatencyModelOptions,
} from '../../src/engine-core/executor/latency-model.ts';
import {
  AdapterCache,
  type AdapterCacheOptions,
} from '../../src/engine-core/executor/lora/adapter-cache.ts';
import { Pooler } from '../../src/engine-core/executor/pooler.ts';
import { ScriptedTokenSource } from '../../src/engine-core/executor/scripted-token-source.ts';
import { SimulatedExecutor } from '../../src/engine-core/executor/simulated-executor.ts';
import {
  createTokenSource,
  type TokenSourceKind,
} from '../../src/engine-core/executor/token-source.ts';
import { WorkerCallError } from '../../src/engine-core/executor/worker-call-error.ts';
import type { KVTransferOptions } from '../../src/engine-core/scheduler/kv-transfer.ts';
import {
  DEFAULT_SCHEDULER_CONFIG,
  type SchedulerConfig,
} from '../../src/engine-core/scheduler/scheduler-config.ts';
import type { SpeculationConfig } from '../../src/engine-core/scheduler/speculation-config.ts';
import type { StructuredOutputSettings } from '../../src/engine-core/structured-output/compile-job.ts';
import { VirtualClock } from '../../src/shared/clock.ts';
import {
  createEngineCoreRequest,
  createSamplingParams,
} from '../../src/shared/protocol/defaults.ts';
import type { EngineCoreRequest, SamplingParams } from '../../src/shared/protocol/request.ts';

const ATTENTION = { blockSize: 16, numKvHeads: 1, headSize: 8, headSizeV: 8, dtype: 'float16' };
const MAMBA = { kind: 'mamba', shapes: [[16, 16]], dtypes: ['float16'] } as const;
export const EOS_TOKEN_ID = 2;

/** One group each of the attention kinds that a scheduler test may mix. */
export const GROUPS = {
  full: createSpec({ kind: 'full_attention', ...ATTENTION }),
  full32: createSpec({ kind: 'full_attention', ...ATTENTION, blockSize: 32 }),
  mla: createSpec({ kind: 'mla_attention', ...ATTENTION }),
  window: createSpec({ kind: 'sliding_window', ...ATTENTION, slidingWindow: 40 }),
  windowMla: createSpec({ kind: 'sliding_window_mla', ...ATTENTION, slidingWindow: 33 }),
  chunked: createSpec({ kind: 'chunked_local_attention', ...ATTENTION, attentionChunkSize: 48 }),
  mambaNone: createSpec({ ...MAMBA, blockSize: 256 }),
  mambaAlign: createSpec({ ...MAMBA, blockSize: 16, mambaCacheMode: 'align' }),
  mambaBig: createSpec({ ...MAMBA, blockSize: 64, mambaCacheMode: 'align' }),
} as const satisfies Record<string, KVCacheSpec>;
export type GroupName = keyof typeof GROUPS;

export interface TestEngineOptions {
  readonly groups?: readonly GroupName[];
  readonly numBlocks?: number;
  readonly enablePrefixCaching?: boolean;
  readonly retentionInterval?: number | null;
  /** The engine pools, and does not generate. */
  readonly pooling?: PoolingFacts;
  readonly scheduler?: Partial<SchedulerConfig>;
  readonly maxConcurrentBatches?: number;
  readonly includeFinishedSet?: boolean;
  readonly logStats?: boolean;
  readonly enableKvCacheEvents?: boolean;
  readonly tokenSource?: TokenSourceKind;
  readonly seed?: number;
  readonly latency?: LatencyModelOptions;
  /** Null where LoRA is off; by default four adapters, whatever their files. */
  readonly adapters?: AdapterCache | null;
  readonly clock?: VirtualClock;
  readonly shutdownTimeoutS?: number;
  readonly versionRules?: VersionRules;
  readonly engineIndex?: number;
  /** As --enable-faults. */
  readonly enableFaults?: boolean;
  /** Left out, nothing is drafted. `rates`: see AcceptanceRule. */
  readonly drafts?: { readonly speculation: SpeculationConfig; readonly rates: readonly number[] };
  readonly structuredOutput?: StructuredOutputSettings;
  readonly kvTransfer?: KVTransferOptions;
}

export const TEST_VOCAB_SIZE = 4000;

export function createTestEngine(options?: TestEngineOptions): {
  core: EngineCore;
  clock: VirtualClock;
};
export function createTestEngine<C extends EngineCore>(
  options: TestEngineOptions,
  Core: new (parts: EngineCoreParts) => C,
): { core: C; clock: VirtualClock };
export function createTestEngine(
  options: TestEngineOptions = {},
  Core: new (parts: EngineCoreParts) => EngineCore = EngineCore,
): { core: EngineCore; clock: VirtualClock } {
  const clock = options.clock ?? new VirtualClock();
  const names = options.groups ?? ['full'];
  const groups: KVCacheGroup[] = names.map((name, index) => ({
    layerNames: [`layers.${index}`],
    spec: GROUPS[name],
    isEagleGroup: false,
  }));
  const enablePrefixCaching = options.enablePrefixCaching ?? true;
  // An engine without a KV cache keeps the default.
  const blockSize =
    groups.length === 0 ? 16 : Math.min(...groups.map(({ spec }) => spec.blockSize));
  const sizes = resolveHashBlockSizes({
    groups,
    cacheBlockSize: blockSize,
    enablePrefixCaching,
    prefixMatchUnit: null,
    decodeContextParallelSize: 1,
  });
  const asyncScheduling = (options.maxConcurrentBatches ?? 1) > 1;
  const scheduler: SchedulerConfig = {
    ...DEFAULT_SCHEDULER_CONFIG,
    maxNumSeqs: 16,
    maxNumBatchedTokens: 2048,
    maxModelLen: 256,
    asyncScheduling,
    numSampledTokensPerStep: options.pooling === undefined ? 1 : 0,
    mambaAlign: names.some((name) => name === 'mambaAlign' || name === 'mambaBig'),
    ...(options.drafts === undefined ? {} : { speculation: options.drafts.speculation }),
    ...options.scheduler,
  };
  const tokenSource = createTokenSource({
    kind: options.tokenSource ?? 'rule',
    seed: options.seed ?? 0,
    vocabSize: TEST_VOCAB_SIZE,
    eosTokenId: EOS_TOKEN_ID,
    maxModelLen: scheduler.maxModelLen,
  });
  const coreOptions = {
    enableFaults: options.enableFaults === true,
    engineIndex: options.engineIndex ?? 0,
    clock,
    executor: new SimulatedExecutor({
      tokenSource:
        options.enableFaults === true ? new ScriptedTokenSource(tokenSource) : tokenSource,
      latencyModel: createLatencyModel(options.latency ?? { kind: 'zero' }),
      vocabSize: TEST_VOCAB_SIZE,
      ...(options.pooling === undefined ? {} : { pooler: new Pooler(options.pooling, 0) }),
      numWorkers: 1,
      adapters: options.adapters === undefined ? createTestAdapters() : options.adapters,
      drafter:
        options.drafts === undefined
          ? null
          : new AcceptanceDrafter({
              rates: options.drafts.rates,
              seed: options.seed ?? 0,
              vocabSize: TEST_VOCAB_SIZE,
              maxModelLen: scheduler.maxModelLen,
            }),
    }),
    kvCacheConfig: { numBlocks: options.numBlocks ?? 65, groups },
    cache: {
      blockSize,
      ...sizes,
      enablePrefixCaching,
      prefixCachingHashAlgo: 'sha256_cbor' as const,
      prefixCacheRetentionInterval: options.retentionInterval ?? 0,
      enableKvCacheEvents: options.enableKvCacheEvents ?? false,
    },
    scheduler,
    maxConcurrentBatches: options.maxConcurrentBatches ?? 1,
    logStats: options.logStats ?? true,
    includeFinishedSet: options.includeFinishedSet ?? false,
    shutdownTimeoutS: options.shutdownTimeoutS ?? 0,
    ...(options.structuredOutput === undefined
      ? {}
      : { structuredOutput: options.structuredOutput }),
    kvTransfer: options.kvTransfer ?? null,
    ...(options.versionRules === undefined ? {} : { versionRules: options.versionRules }),
  };
  return { core: createEngineCore(coreOptions, Core), clock };
}

/** Adapters load where their folder is there. */
export function adaptersInFolders(): AdapterCache {
  return createTestAdapters({
    load: ({ loraName, loraPath }) => {
      if (existsSync(loraPath)) return;
      throw new WorkerCallError(
        `Loading lora ${loraName} failed: No adapter found for ${loraPath}`,
      );
    },
  });
}

/** A cache of adapters that all load. */
export function createTestAdapters(options: Partial<AdapterCacheOptions> = {}): AdapterCache {
  return new AdapterCache({ maxLoras: 4, maxCpuLoras: 4, load: () => {}, ...options });
}

let lastId = 0;

export type TestRequest = Partial<Omit<EngineCoreRequest, 'samplingParams'>> & {
  readonly numPromptTokens?: number;
  readonly sampling?: Partial<SamplingParams>;
};

/** A request with a prompt of `numPromptTokens` (20) different tokens and 5 tokens to make. */
export function createTestRequest(options: TestRequest = {}): EngineCoreRequest {
  const { numPromptTokens = 20, sampling, ...fields } = options;
  lastId += 1;
  const first = 100 + ((lastId * 37) % 1000);
  const stopTokenIds = sampling?.stopTokenIds ?? [];
  return createEngineCoreRequest({
    requestId: `request-${lastId}`,
    promptTokenIds: Array.from({ length: numPromptTokens }, (_, i) => first + i),
    arrivalTime: lastId,
    ...fields,
    samplingParams: createSamplingParams({
      maxTokens: 5,
      eosTokenId: sampling?.ignoreEos === true ? null : EOS_TOKEN_ID,
      allStopTokenIds: [EOS_TOKEN_ID, ...stopTokenIds],
      ...sampling,
      stopTokenIds,
    }),
  });
}
