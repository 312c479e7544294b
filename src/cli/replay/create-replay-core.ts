/** An engine core for a workload: its scheduler and cache as vLLM would configure them, a model that says what is scripted. */
import type { KVCacheConfig } from '../../capacity/spec/kv-cache-config.ts';
import { createEngineCore } from '../../engine-core/create-engine-core.ts';
import type { EngineCore } from '../../engine-core/engine-core.ts';
import { createLatencyModel } from '../../engine-core/executor/latency-model.ts';
import { AdapterCache } from '../../engine-core/executor/lora/adapter-cache.ts';
import { ScriptedTokenSource } from '../../engine-core/executor/scripted-token-source.ts';
import { SimulatedExecutor } from '../../engine-core/executor/simulated-executor.ts';
import { createTokenSource } from '../../engine-core/executor/token-source.ts';
import type { KVTransferOptions } from '../../engine-core/scheduler/kv-transfer.ts';
import { DEFAULT_SCHEDULER_CONFIG } from '../../engine-core/scheduler/scheduler-config.ts';
import type { VirtualClock } from '../../shared/clock.ts';
import { EOS_TOKEN_ID } from './convert.ts';
import type { ResolvedRecord, TraceConfigRecord, TraceRecord } from './record.ts';
import { ScriptedConnector } from './scripted-connector.ts';
import { drafterOf, speculationOf } from './speculation.ts';

/** The vocabulary of the golden recordings; ids beyond it only matter to log probabilities. */
const VOCAB_SIZE = 32_000;
const CPU_LORAS = 64;
/** Source: vllm/config/lora.py LoRAConfig.max_loras (0.33.0). */
const DEFAULT_MAX_LORAS = 1;

export interface ReplayOptions {
  readonly trace: TraceRecord;
  readonly resolved: ResolvedRecord;
  readonly kvCacheConfig: KVCacheConfig;
  /** False where nobody reads the KV cache events: they are not made then. */
  readonly recordsKvEvents?: boolean;
}

export function createReplayCore(options: ReplayOptions, clock: VirtualClock): EngineCore {
  const { resolved, kvCacheConfig } = options;
  const { config } = options.trace;
  return createEngineCore({
    engineIndex: 0,
    clock,
    executor: new SimulatedExecutor({
      tokenSource: new ScriptedTokenSource(
        createTokenSource({
          kind: 'rule',
          seed: 0,
          vocabSize: VOCAB_SIZE,
          eosTokenId: EOS_TOKEN_ID,
          maxModelLen: resolved.max_model_len,
        }),
      ),
      latencyModel: createLatencyModel({ kind: 'zero' }),
      vocabSize: VOCAB_SIZE,
      numWorkers: 1,
      drafter: drafterOf(config),
      // A record has no adapter's files: all of them load.
      adapters: new AdapterCache({
        maxLoras: CPU_LORAS,
        maxCpuLoras: CPU_LORAS,
        load: () => {},
      }),
    }),
    kvCacheConfig,
    cache: {
      blockSize: resolved.block_size,
      schedulerBlockSize: resolved.scheduler_block_size,
      hashBlockSize: resolved.hash_block_size,
      enablePrefixCaching: resolved.enable_prefix_caching,
      // Records number the hashes as they appear, so that any hash gives the same ones; a digest would be a third of the run.
      prefixCachingHashAlgo: 'xxhash',
      prefixCacheRetentionInterval: resolved.prefix_cache_retention_interval,
      enableKvCacheEvents: options.recordsKvEvents ?? true,
    },
    scheduler: {
      ...DEFAULT_SCHEDULER_CONFIG,
      maxNumSeqs: resolved.max_num_seqs,
      maxNumActiveSeqs: config.max_num_active_seqs ?? null,
      maxNumBatchedTokens: resolved.max_num_batched_tokens,
      maxNumScheduledTokens: config.max_num_scheduled_tokens ?? null,
      maxModelLen: resolved.max_model_len,
      policy: resolved.policy === 'priority' ? 'priority' : 'fcfs',
      enableChunkedPrefill: config.enable_chunked_prefill ?? true,
      longPrefillTokenThreshold: config.long_prefill_token_threshold ?? 0,
      longPrefillTokenThresholdAdaptive: config.long_prefill_token_threshold_adaptive ?? false,
      prefillScheduleInterval: config.prefill_schedule_interval ?? 1,
      schedulerReserveFullIsl: config.scheduler_reserve_full_isl ?? true,
      watermark: config.watermark ?? 0,
      asyncScheduling: resolved.max_concurrent_batches > 1,
      maxLoras: maxLorasOf(config),
      speculation: speculationOf(config),
      mambaAlign: resolved.groups.some((group) => group.mamba_cache_mode === 'align'),
    },
    maxConcurrentBatches: resolved.max_concurrent_batches,
    logStats: config.log_stats ?? true,
    includeFinishedSet: config.include_finished_set ?? false,
    kvTransfer: createKVTransfer(options.trace),
    // What the recordings were made with.
    vllmClass: 'InprocCore',
  });
}

/** What the requests say of a connector's finds is played by one of our own, whatever its name. */
function createKVTransfer({ config, requests }: TraceRecord): KVTransferOptions | null {
  const { kv_transfer_config: settings = null } = config;
  if (settings === null) return null;
  return {
    connector: new ScriptedConnector(requests),
    role: settings.kv_role ?? 'kv_both',
    loadFailurePolicy: settings.kv_load_failure_policy ?? 'fail',
  };
}

/** vLLM has a limit only with LoRA on, and then one adapter unless told otherwise. */
function maxLorasOf({ enable_lora, max_loras }: TraceConfigRecord): number | null {
  if (enable_lora === false) return null;
  return max_loras ?? (enable_lora === true ? DEFAULT_MAX_LORAS : null);
}
