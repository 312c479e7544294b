/**
 * A `model` case: the recorded config.json, flags and GPU in, the planner's whole input out.
 * Never looks at the recorded spec_table, layer_sets or expected. Called by `explain --model-case`.
 */
import * as v from 'valibot';
import type { JsonObject } from '../../shared/json-object.ts';
import {
  anyObject,
  boolean,
  fields,
  inFile,
  integer,
  parse,
  string,
  strings,
} from '../../shared/schema.ts';
import type { ModelOptions } from '../models/model-options.ts';
import { type ModelPlan, planModel } from '../models/model-plan.ts';
import type { CaseRecord } from './capacity-case.ts';
import { camelKeys } from './snake-case.ts';

const optional = <Schema extends v.GenericSchema>(schema: Schema) => v.optional(v.nullable(schema));
const fraction = v.pipe(
  v.number('a number from 0 to 1'),
  v.minValue(0, 'a number from 0 to 1'),
  v.maxValue(1, 'a number from 0 to 1'),
);

/** vLLM's EngineArgs by their names there, as far as they bear on the KV cache. */
const engineArgs = fields({
  runner: optional(string),
  convert: optional(string),
  pooler_config: optional(anyObject),
  hf_overrides: optional(anyObject),
  max_model_len: optional(integer(-1)),
  dtype: optional(string),
  quantization: optional(string),
  quantization_config: optional(anyObject),
  allow_deprecated_quantization: optional(boolean),
  enable_expert_parallel: optional(boolean),
  data_parallel_size: optional(integer(1)),
  kv_cache_dtype: optional(string),
  kv_cache_dtype_skip_layers: optional(strings),
  block_size: optional(integer(1)),
  max_num_batched_tokens: optional(integer(1)),
  max_num_seqs: optional(integer(1)),
  max_num_active_seqs: optional(integer(1)),
  max_num_scheduled_tokens: optional(integer(1)),
  long_prefill_token_threshold: optional(integer(0)),
  tensor_parallel_size: optional(integer(1)),
  pipeline_parallel_size: optional(integer(1)),
  decode_context_parallel_size: optional(integer(1)),
  cp_kv_cache_interleave_size: optional(integer(1)),
  enable_prefix_caching: optional(boolean),
  enable_chunked_prefill: optional(boolean),
  async_scheduling: optional(boolean),
  disable_hybrid_kv_cache_manager: optional(boolean),
  num_gpu_blocks_override: optional(integer()),
  prefix_match_unit: optional(integer(1)),
  mamba_block_size: optional(integer(1)),
  mamba_cache_dtype: optional(string),
  mamba_ssm_cache_dtype: optional(string),
  attention_backend: optional(string),
  enable_lora: optional(boolean),
  speculative_config: optional(anyObject),
  kv_cache_memory_bytes: optional(integer()),
});

/** The stand-in GPU: the profile names it, the record says how much memory it has. Bytes. */
const gpu = fields({
  profile: string,
  total_memory_bytes: optional(integer(1)),
  gpu_memory_utilization: optional(fraction),
  weights_bytes: optional(
    v.union([integer(), v.array(integer())], 'bytes, or a list of bytes per pipeline stage'),
  ),
  peak_activation_bytes: optional(integer()),
  non_torch_bytes: optional(integer()),
  cuda_graph_bytes: optional(integer()),
});

const modelCase = fields({
  model: fields({
    name: optional(string),
    hf_config: anyObject,
    draft_hf_config: optional(anyObject),
    engine_args: engineArgs,
    gpu,
    /** VLLM_KV_CACHE_LAYOUT. */
    layout_requested: optional(string),
  }),
  input: optional(fields({ layout: optional(fields({ requested: optional(string) })) })),
});

/** The plan of a case's model. Throws E_BAD_FILE for a record of another form, and what planModel throws. */
export function deriveModelCase({ id, record }: CaseRecord, file: string): ModelPlan {
  const place = inFile(`${file}: case ${id}`);
  const { model, input } = parse(modelCase, record, place);
  return planModel(
    {
      name: model.name ?? id,
      source: file,
      config: model.hf_config,
      generationEosTokenIds: [],
      draftConfig: model.draft_hf_config ?? null,
    },
    optionsOf(model, model.layout_requested ?? input?.layout?.requested ?? null),
  );
}

/** The recorder's engine asked for int(total × utilization), a byte less than vLLM's ceil where that is not whole. */
function requestedBytes({
  total_memory_bytes: total,
  gpu_memory_utilization: share,
}: v.InferOutput<typeof gpu>): number | null {
  return typeof total === 'number' && typeof share === 'number' ? Math.floor(total * share) : null;
}

function optionsOf(
  { engine_args, gpu }: v.InferOutput<typeof modelCase>['model'],
  requestedLayout: string | null,
): ModelOptions {
  const { profile, total_memory_bytes, ...memory } = gpu;
  const given: JsonObject = {
    ...camelKeys(engine_args),
    ...camelKeys(memory),
    gpu: profile,
    gpuMemory: total_memory_bytes,
    requestedMemoryBytes: requestedBytes(gpu),
    requestedLayout,
  };
  // The schemas have ModelOptions' names and types; null stands for vLLM's default there.
  return Object.fromEntries(
    Object.entries(given).filter(([, value]) => value !== null),
  ) as ModelOptions;
}
