/**
 * Planning problems for tests: every part has a default, so that a test names only what it is about.
 */
import type {
  CapacityInputRecord,
  LayerSpecRecord,
  PlannerConfigRecord,
} from '../../src/capacity/file/capacity-input.ts';

export const GIB = 2 ** 30;

/** An 8-head full attention layer with pages of 64 KiB, changed by `fields`. */
export function createLayerSpec(fields: Partial<LayerSpecRecord> = {}): LayerSpecRecord {
  return {
    kind: 'full_attention',
    block_size: 16,
    num_kv_heads: 8,
    head_size: 128,
    dtype: 'bfloat16',
    ...fields,
  };
}

export function createPlannerConfig(
  fields: Partial<PlannerConfigRecord> = {},
): PlannerConfigRecord {
  return {
    max_model_len: 8192,
    auto_fit_max_model_len: false,
    max_num_batched_tokens: 8192,
    max_num_seqs: 256,
    max_num_encoder_input_tokens: 8192,
    async_scheduling: true,
    use_v2_model_runner: true,
    max_concurrent_batches: 2,
    max_in_flight_tokens: 16384,
    num_speculative_tokens: 0,
    num_prefill_lookahead_tokens: 0,
    speculative: null,
    disable_hybrid_kv_cache_manager: false,
    enable_prefix_caching: true,
    enable_chunked_prefill: true,
    num_gpu_blocks_override: null,
    cache_dtype: 'auto',
    initial_block_size: 16,
    prefix_match_unit: null,
    mamba_cache_mode: 'none',
    tensor_parallel_size: 1,
    pipeline_parallel_size: 1,
    decode_context_parallel_size: 1,
    cp_kv_cache_interleave_size: 1,
    ...fields,
  };
}

/** One worker per entry of `availableMemory`; `stages` are the layers of each pipeline stage, `layers` the only one. */
export function createCapacityInput(options: {
  readonly layers?: readonly LayerSpecRecord[];
  readonly stages?: readonly (readonly LayerSpecRecord[])[];
  readonly availableMemory?: readonly number[];
  readonly config?: Partial<PlannerConfigRecord>;
  readonly supported?: readonly string[];
  readonly requested?: string | null;
}): CapacityInputRecord {
  const stages = options.stages ?? [options.layers ?? [createLayerSpec()]];
  const specTable: LayerSpecRecord[] = [];
  let numLayers = 0;
  const layerSets = stages.map((layers) =>
    layers.map((spec) => {
      if (!specTable.includes(spec)) specTable.push(spec);
      const name = `model.layers.${numLayers}.attn`;
      numLayers += 1;
      return [name, specTable.indexOf(spec)] as const;
    }),
  );
  const memory = options.availableMemory ?? stages.map(() => 8 * GIB);
  return {
    config: createPlannerConfig({ pipeline_parallel_size: stages.length, ...options.config }),
    layout: {
      supported: options.supported ?? ['LBNHC', 'LBHNC', 'BLNHC', 'BLHNC', 'BHLNC', 'LHBNC'],
      requested: options.requested ?? null,
    },
    spec_table: specTable,
    layer_sets: layerSets,
    workers: memory.map((available_memory, i) => ({
      layer_set: Math.floor((i * stages.length) / memory.length),
      available_memory,
    })),
  };
}
