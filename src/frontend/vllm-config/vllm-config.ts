/**
 * VllmConfig as `/server_info` shows it: vLLM's dump with all flags at their defaults (template.json, which
 * producers/server_info.py makes), with what the flags, the model and the engines say filled in. Keys and their order
 * are vLLM's. What only a GPU has an answer to (compilation, kernels, attention) stays as the template has it.
 * Source: vllm/entrypoints/serve/dev/server_info/api_router.py, vllm/config/vllm.py VllmConfig.__str__ (0.33.0).
 */
import { readFileSync } from 'node:fs';
import type { ModelPlan } from '../../capacity/models/model-plan.ts';
import {
  type PoolerConfig,
  poolerConfigJson,
} from '../../capacity/models/pooling/pooler-config.ts';
import { kvTransferConfigOf } from '../../shared/config/kv-transfer-config.ts';
import type { EngineArgs } from '../../shared/config/registry.ts';
import type { JsonObject } from '../../shared/json-object.ts';
import { ownFile } from '../../shared/own-files.ts';
import { pythonFloatRepr } from '../../shared/python/float.ts';
import { pyRepr, pyStr } from '../../shared/python/str.ts';
import { PyFloat, type PyValue } from '../../shared/python/values.ts';
import type { ReadyEngines } from '../engine-client/ready-engines.ts';
import type { ParallelPlan } from '../launch/parallel-plan.ts';

export interface VllmConfigOptions {
  readonly args: EngineArgs;
  readonly model: ModelPlan;
  readonly plan: ParallelPlan;
  /** In order of arrival: vLLM's cache config takes the first one's capacity. Empty before any has reported. */
  readonly engines: ReadyEngines;
  readonly tokenizer: string;
  readonly servedModelName: string;
  /** Tokens. */
  readonly maxModelLen: number;
  /** Of this API server among `plan.apiServerCount`. */
  readonly apiProcessRank: number;
}

export interface VllmConfigViews {
  readonly json: JsonObject;
  readonly text: string;
}

interface Template {
  readonly json: Readonly<Record<string, JsonObject | null>>;
  readonly text: string;
  readonly lora_config: JsonObject;
  readonly kv_events_config: JsonObject;
}

export function createVllmConfig(options: VllmConfigOptions): VllmConfigViews {
  const path = ownFile('frontend/vllm-config/template.json');
  const template = JSON.parse(readFileSync(path, 'utf8')) as Template;
  const filled = sectionsOf(options, template);
  const json = Object.fromEntries(
    Object.entries(template.json).map(([name, section]) => {
      const own = filled[name];
      return [name, isSection(own) && section !== null ? fill(section, own) : (own ?? section)];
    }),
  );
  return { json, text: textOf(template.text, options, json) };
}

/** By section what differs from the template; a section that is null there comes whole. */
function sectionsOf(options: VllmConfigOptions, template: Template): Record<string, unknown> {
  const { args, model } = options;
  const [instance] = options.engines.values();
  return {
    model_config: modelConfig(options),
    cache_config: cacheConfig(options),
    parallel_config: parallelConfig(options),
    scheduler_config: schedulerConfig(options),
    lora_config:
      args.enableLora === true
        ? fill(template.lora_config, {
            max_lora_rank: args.maxLoraRank,
            max_loras: args.maxLoras,
            // 0 is unset there too.
            max_cpu_loras: args.maxCpuLoras || args.maxLoras,
            lora_dtype: `torch.${model.facts.dtype}`,
          })
        : null,
    speculative_config: args.speculativeConfig,
    observability_config: {
      per_request_spec_decode_metrics: args.perRequestSpecDecodeMetrics,
      kv_cache_metrics: args.kvCacheMetrics,
      kv_cache_metrics_sample: args.kvCacheMetricsSample,
      enable_mfu_metrics: args.enableMfuMetrics,
    },
    structured_outputs_config: structuredOutputsConfig(args),
    kv_transfer_config: kvTransferConfig(args),
    kv_events_config:
      args.kvEventsConfig === null ? null : fill(template.kv_events_config, args.kvEventsConfig),
    instance_id: instance?.instanceId ?? '?',
    shutdown_timeout: args.shutdownTimeout,
  };
}

/** `--reasoning-parser` goes before what the configuration says itself. */
function structuredOutputsConfig({
  structuredOutputsConfig: given,
  reasoningParser,
}: EngineArgs): JsonObject {
  return { ...given, ...(reasoningParser ? { reasoning_parser: reasoningParser } : {}) };
}

/** Null without a KV connector. The engine's id, where no flag has it, is known to the engine alone. */
function kvTransferConfig(args: EngineArgs): JsonObject | null {
  const config = kvTransferConfigOf(args);
  if (config === null) return null;
  const given = args.kvTransferConfig ?? {};
  return {
    kv_connector: config.connector,
    engine_id: config.engineId ?? '?',
    kv_buffer_device: given['kv_buffer_device'] ?? 'cuda',
    kv_role: config.role,
    kv_port: given['kv_port'] ?? 14_579,
    kv_connector_extra_config: config.extraConfig,
    kv_connector_module_path: null,
    enable_permute_local_kv: given['enable_permute_local_kv'] ?? false,
    kv_load_failure_policy: config.loadFailurePolicy,
  };
}

function modelConfig(options: VllmConfigOptions): JsonObject {
  const { args, model, ...given } = options;
  return {
    model: args.model,
    tokenizer: given.tokenizer,
    dtype: `torch.${model.facts.dtype}`,
    seed: args.seed,
    max_model_len: given.maxModelLen,
    quantization: quantizationOf(options),
    max_logprobs: args.maxLogprobs,
    logprobs_mode: args.logprobsMode,
    return_sampling_mask: args.returnSamplingMask,
    served_model_name: given.servedModelName,
    hf_overrides: args.hfOverrides ?? {},
    generation_config: args.generationConfig,
    override_generation_config: args.overrideGenerationConfig ?? {},
    enable_prompt_embeds: args.enablePromptEmbeds,
    enable_sleep_mode: args.enableSleepMode,
    runner: args.runner,
    convert: args.convert,
    pooler_config: model.facts.pooling && poolerConfigJson(model.facts.pooling.pooler),
  };
}

/** The method that the model runs with, whether the flag names it or the checkpoint. */
function quantizationOf({ args, model }: VllmConfigOptions): string | null {
  return model.quantization?.method ?? args.quantization;
}

function cacheConfig({ args, model, engines }: VllmConfigOptions): JsonObject {
  const [first] = engines.values();
  const blocks = Array.from(engines.values(), ({ numGpuBlocks }) => numGpuBlocks);
  const { config } = model.input;
  return {
    block_size: first?.blockSize ?? args.blockSize ?? 16,
    user_specified_block_size: args.blockSize !== null,
    prefix_match_unit: args.prefixMatchUnit,
    gpu_memory_utilization: args.gpuMemoryUtilization,
    cache_dtype: model.facts.cacheDtype,
    is_attention_free: model.facts.isAttentionFree,
    num_gpu_blocks_override: args.numGpuBlocksOverride,
    sliding_window: model.facts.slidingWindow,
    enable_prefix_caching: config.enablePrefixCaching,
    prefix_caching_hash_algo: args.prefixCachingHashAlgo,
    prefix_cache_retention_interval: args.prefixCacheRetentionInterval,
    kv_cache_dtype_skip_layers: args.kvCacheDtypeSkipLayers,
    mamba_block_size: first?.mambaBlockSize ?? null,
    mamba_cache_dtype: args.mambaCacheDtype,
    mamba_ssm_cache_dtype: args.mambaSsmCacheDtype,
    mamba_cache_mode: config.mambaCacheMode,
    num_gpu_blocks: blocks.length === 0 ? null : blocks.reduce((sum, own) => sum + own, 0),
    effective_attention_block_size: first?.effectiveAttentionBlockSize ?? null,
    kv_cache_size_tokens: first?.kvCacheSizeTokens ?? null,
    kv_cache_max_concurrency: first?.kvCacheMaxConcurrency ?? null,
    kv_cache_memory_bytes: args.kvCacheMemoryBytes,
    kv_offloading_size: args.kvOffloadingSize,
    kv_offloading_backend: args.kvOffloadingBackend,
  };
}

function parallelConfig({ args, model, plan, apiProcessRank }: VllmConfigOptions): JsonObject {
  const isParallel = plan.dataParallelSize > 1;
  const worldSize = args.tensorParallelSize * args.pipelineParallelSize;
  return {
    pipeline_parallel_size: args.pipelineParallelSize,
    tensor_parallel_size: args.tensorParallelSize,
    data_parallel_size: plan.dataParallelSize,
    data_parallel_size_local: plan.dataParallelSizeLocal,
    data_parallel_rank: plan.dataParallelRank,
    data_parallel_rank_local: isParallel ? null : 0,
    data_parallel_master_ip: plan.dataParallelAddress,
    data_parallel_rpc_port: plan.dataParallelRpcPort,
    dp_sync_interval: args.dpSyncInterval,
    data_parallel_backend: args.dataParallelBackend,
    data_parallel_external_lb: plan.mode === 'external',
    data_parallel_hybrid_lb: plan.mode === 'hybrid',
    is_moe_model: model.facts.isMoe,
    enable_expert_parallel: args.enableExpertParallel,
    elastic_ep_max_dp_size: plan.dataParallelSize,
    disable_nccl_for_dp_synchronization: model.input.config.asyncScheduling,
    distributed_executor_backend: isParallel || worldSize > 1 ? 'mp' : 'uni',
    cpu_distributed_timeout_seconds: args.cpuDistributedTimeoutSeconds,
    world_size: worldSize,
    decode_context_parallel_size: args.decodeContextParallelSize,
    dcp_kv_cache_interleave_size: 1,
    cp_kv_cache_interleave_size: args.cpKvCacheInterleaveSize ?? 1,
    data_parallel_index: plan.dataParallelRank,
    _api_process_count: plan.apiServerCount,
    _api_process_rank: apiProcessRank,
  };
}

function schedulerConfig({ args, model, engines }: VllmConfigOptions): JsonObject {
  const [first] = engines.values();
  const { config } = model.input;
  const maxNumBatchedTokens = first?.maxNumBatchedTokens ?? config.maxNumBatchedTokens;
  return {
    runner_type: model.facts.pooling === null ? 'generate' : 'pooling',
    max_num_batched_tokens: maxNumBatchedTokens,
    max_num_scheduled_tokens: args.maxNumScheduledTokens,
    max_num_seqs: first?.maxNumSeqs ?? config.maxNumSeqs,
    max_num_active_seqs: args.maxNumActiveSeqs,
    long_prefill_token_threshold: args.longPrefillTokenThreshold,
    long_prefill_token_threshold_adaptive: args.longPrefillTokenThresholdAdaptive,
    max_num_queued_reqs: args.maxNumQueuedReqs,
    max_num_queued_tokens: args.maxNumQueuedTokens,
    enable_chunked_prefill: config.enableChunkedPrefill,
    max_num_encoder_input_tokens: maxNumBatchedTokens,
    encoder_cache_size: maxNumBatchedTokens,
    policy: args.schedulingPolicy,
    disable_hybrid_kv_cache_manager: args.disableHybridKvCacheManager ?? false,
    scheduler_reserve_full_isl: args.schedulerReserveFullIsl,
    watermark: args.watermark,
    prefill_schedule_interval: args.prefillScheduleInterval,
    async_scheduling: config.asyncScheduling,
    stream_interval: args.streamInterval,
  };
}

/** The words of `key=value` that depend on the flags, each where the template has it. */
function textOf(template: string, options: VllmConfigOptions, json: JsonObject): string {
  const { args, model, plan } = options;
  const cache = json['cache_config'] as JsonObject;
  const scheduler = json['scheduler_config'] as JsonObject;
  const words: Readonly<Record<string, string>> = {
    model: `'${args.model}'`,
    tokenizer: `'${options.tokenizer}'`,
    dtype: `torch.${model.facts.dtype}`,
    max_seq_len: String(options.maxModelLen),
    tensor_parallel_size: String(args.tensorParallelSize),
    pipeline_parallel_size: String(args.pipelineParallelSize),
    data_parallel_size: String(plan.dataParallelSize),
    decode_context_parallel_size: String(args.decodeContextParallelSize),
    quantization: pyStr(quantizationOf(options)),
    kv_cache_dtype: model.facts.cacheDtype,
    seed: String(args.seed),
    served_model_name: options.servedModelName,
    enable_prefix_caching: pyStr(cache['enable_prefix_caching'] === true),
    enable_chunked_prefill: pyStr(scheduler['enable_chunked_prefill'] === true),
    kv_cache_metrics: pyStr(args.kvCacheMetrics),
    kv_cache_metrics_sample: pythonFloatRepr(args.kvCacheMetricsSample),
    pooler_config: poolerText(model.facts.pooling?.pooler ?? null),
  };
  return Object.entries(words).reduce(
    (text, [key, word]) =>
      text.replace(
        new RegExp(`(^|[ (])${key}=[^,)]*`),
        (_all, before: string) => `${before}${key}=${word}`,
      ),
    template,
  );
}

/** The dataclass's repr. */
function poolerText(pooler: PoolerConfig | null): string {
  if (pooler === null) return 'None';
  const fields: JsonObject = {
    ...poolerConfigJson(pooler),
    logit_mean: pooler.logitMean === null ? null : new PyFloat(pooler.logitMean),
    logit_sigma: pooler.logitSigma === null ? null : new PyFloat(pooler.logitSigma),
  };
  const words = Object.entries(fields).map(
    ([name, value]) => `${name}=${pyRepr(value as PyValue)}`,
  );
  return `PoolerConfig(${words.join(', ')})`;
}

/** The section with these values; what it does not have is put behind it. */
function fill(section: JsonObject, values: JsonObject): JsonObject {
  return { ...section, ...values };
}

function isSection(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
