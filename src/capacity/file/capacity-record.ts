/**
 * The KV cache planner's input as plain JSON: what a model's workers report of their layers, and the numbers that the
 * planner reads. A file format (`explain --case`, `--kv-cache-specs`); field names are vLLM's.
 */
import type { KVCacheSpecKind } from '../spec/spec.ts';

/** One layer's spec; a field that is absent has its default (capacity/spec/create-spec.ts). */
export interface LayerSpecRecord {
  readonly kind: KVCacheSpecKind;
  /** Tokens per block. */
  readonly block_size: number;
  readonly dcp_sharded?: boolean;
  readonly block_stride_alignment?: number | { readonly multiple_of: number } | null;
  readonly is_draft?: boolean;
  readonly num_kv_heads?: number;
  readonly head_size?: number;
  readonly head_size_v?: number;
  readonly dtype?: string;
  readonly kv_quant_mode?: string | number;
  readonly page_size_padded?: number | null;
  readonly num_head_slots?: number | null;
  readonly state_content_bytes?: number | null;
  readonly tokens_per_state?: number | { readonly fraction: readonly [number, number] };
  readonly max_tp_shards?: number | null;
  readonly sliding_window?: number | null;
  readonly attention_chunk_size?: number | null;
  readonly non_causal?: boolean;
  readonly cache_dtype_str?: string | null;
  readonly topk_buffer_width?: number | null;
  readonly alignment?: number | null;
  readonly model_version?: string | null;
  readonly cache_role?: string | null;
  readonly is_index_group_leader?: boolean;
  readonly non_causal_multi_token_decode?: boolean;
  readonly sink_len?: number | null;
  readonly rswa_window?: number | null;
  readonly extra_retained_tokens?: number;
  readonly bounded_replay?: boolean;
  readonly shapes?: readonly (readonly number[])[];
  readonly dtypes?: readonly string[];
  readonly mamba_type?: string;
  readonly mamba_cache_mode?: string;
  readonly num_speculative_blocks?: number;
  readonly num_prefill_checkpoint_blocks?: number;
  readonly prefill_checkpoint_alignment?: number | null;
  readonly tp_replicated?: boolean;
}

/** The numbers that the planner reads; capacity/plan/capacity-input.ts explains each. */
export interface PlannerConfigRecord {
  readonly max_model_len: number;
  readonly auto_fit_max_model_len: boolean;
  readonly max_num_batched_tokens: number;
  readonly max_num_seqs: number;
  readonly max_num_encoder_input_tokens: number;
  readonly async_scheduling: boolean;
  readonly use_v2_model_runner: boolean;
  readonly max_concurrent_batches: number;
  readonly max_in_flight_tokens: number;
  readonly num_speculative_tokens: number;
  readonly num_prefill_lookahead_tokens: number;
  readonly speculative: {
    readonly method: string;
    readonly use_eagle_block_drop: boolean;
  } | null;
  readonly disable_hybrid_kv_cache_manager: boolean;
  readonly enable_prefix_caching: boolean;
  readonly enable_chunked_prefill: boolean;
  readonly num_gpu_blocks_override: number | null;
  readonly cache_dtype: string;
  readonly initial_block_size: number;
  readonly prefix_match_unit: number | null;
  readonly mamba_cache_mode: string;
  readonly tensor_parallel_size: number;
  readonly pipeline_parallel_size: number;
  readonly decode_context_parallel_size: number;
  readonly cp_kv_cache_interleave_size: number;
}

/** One planning problem: the `input` of a capacity case. */
export interface CapacityInputRecord {
  readonly config: PlannerConfigRecord;
  readonly layout: {
    /** Physical layouts that every worker reports, most preferred first. */
    readonly supported: readonly string[];
    /** VLLM_KV_CACHE_LAYOUT, or null. */
    readonly requested: string | null;
  };
  readonly spec_table: readonly LayerSpecRecord[];
  /** Each a list of [layer name, index into spec_table] in layer order; one per pipeline stage. */
  readonly layer_sets: readonly (readonly (readonly [name: string, spec: number])[])[];
  /** One per worker in rank order; memory in bytes. */
  readonly workers: readonly { readonly layer_set: number; readonly available_memory: number }[];
}
