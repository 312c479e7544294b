import { createHash } from 'node:crypto';
import type { EngineArgs } from '../shared/config/registry.ts';
import { pythonJson } from '../shared/python/json-text.ts';
import { isBefore, type SpokenVersion } from '../shared/version.ts';

/** Factors that came with a release: in the digests of those before it they are not. */
const CAME_WITH: readonly (readonly [SpokenVersion, readonly string[]])[] = [
  [
    '0.30.0',
    [
      '_allow_auto_resolve_cp_interleave_size',
      'dcp_q_replicate',
      'dp_sync_interval',
      'elastic_ep_max_dp_size',
      'enable_batch_sharded_sampling',
    ],
  ],
  ['0.32.0', ['enable_hc_sp']],
];

/**
 * The digest of what data-parallel ranks of one model must have in common, byte for byte vLLM's: a frontend refuses a
 * rank with another one. The factors are ParallelConfig's fields as vLLM resolves them for a mixture-of-experts model;
 * `asyncScheduling` turns NCCL off for the ranks' agreement.
 * Source: vllm/config/parallel.py ParallelConfig.compute_hash, vllm/config/utils.py hash_factors (0.28.0 to 0.33.0).
 */
export function computeParallelConfigHash(args: EngineArgs, asyncScheduling: boolean): string {
  const interleave = args.cpKvCacheInterleaveSize ?? 1;
  const factors: Readonly<Record<string, unknown>> = {
    _allow_auto_resolve_cp_interleave_size: args.cpKvCacheInterleaveSize === null,
    all2all_backend: 'allgather_reducescatter',
    cp_kv_cache_interleave_size: interleave,
    cpu_distributed_timeout_seconds: args.cpuDistributedTimeoutSeconds,
    data_parallel_size: args.dataParallelSize,
    dbo_decode_token_threshold: 32,
    dbo_prefill_token_threshold: 512,
    dcp_comm_backend: 'ag_rs',
    dcp_kv_cache_interleave_size: 1,
    dcp_q_replicate: false,
    decode_context_parallel_size: args.decodeContextParallelSize,
    disable_nccl_for_dp_synchronization: asyncScheduling,
    distributed_timeout_seconds: null,
    dp_sync_interval: args.dpSyncInterval,
    elastic_ep_max_dp_size: args.dataParallelSize,
    enable_batch_sharded_sampling: false,
    enable_dbo: false,
    enable_elastic_ep: false,
    enable_ep_weight_filter: false,
    enable_eplb: false,
    enable_expert_parallel: args.enableExpertParallel,
    enable_fault_tolerance: false,
    enable_hc_sp: false,
    eplb_config: [
      'vllm.config.parallel.EPLBConfig',
      [
        ['communicator', null],
        ...(isBefore(args.vllmVersion, '0.32.0') ? [] : [['enable_migration_batching', false]]),
        ['log_balancedness', false],
        ['log_balancedness_interval', 1],
        ['num_redundant_experts', 0],
        ['policy', 'default'],
        ['step_interval', 3000],
        ['use_async', true],
        ['window_size', 1000],
      ],
    ],
    expert_placement_strategy: 'linear',
    fault_tolerance_config: [
      'vllm.config.fault_tolerance.FaultToleranceConfig',
      [['engine_recovery_timeout_sec', 120]],
    ],
    is_moe_model: true,
    pipeline_parallel_size: args.pipelineParallelSize,
    prefill_context_parallel_size: 1,
    tensor_parallel_size: args.tensorParallelSize,
    ubatch_size: 0,
    world_size: args.tensorParallelSize * args.pipelineParallelSize,
  };
  const later = CAME_WITH.filter(([version]) => isBefore(args.vllmVersion, version));
  const unknown = new Set(later.flatMap(([, names]) => names));
  const known = Object.entries(factors).filter(([name]) => !unknown.has(name));
  return createHash('sha256')
    .update(pythonJson(Object.fromEntries(known)))
    .digest('hex');
}
