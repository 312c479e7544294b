/**
 * The input of `vllm-twin replay`: scripted workloads in the format of the golden traces. Names are vLLM's, in snake_case,
 * because this is a file format. What a field may hold is said once, here; the types follow.
 */
import * as v from 'valibot';
import { isJsonObject, type JsonObject } from '../../shared/json-object.ts';
import { fields } from '../../shared/schema.ts';

/** A step that a request or an op is planned for lies before this one. */
export const MAX_PLANNED_STEPS = 1_000_000;
const MAX_BLOCKS = 1 << 22;
const MAX_SEQS = 1 << 16;
/** Of one kind: far more than any model has. */
const MAX_LAYERS = 1_024;
const MAX_SPECS = 64;
const MAX_INT32 = 2 ** 31 - 1;
const MAX_UINT32 = 2 ** 32 - 1;

function integer(min: number, max: number = MAX_INT32) {
  return v.custom<number>(
    (value) => Number.isSafeInteger(value) && Number(value) >= min && Number(value) <= max,
    ({ input }) =>
      Number.isSafeInteger(input) && Number(input) > max
        ? `an integer of at most ${max}`
        : `an integer of at least ${min}`,
  );
}

function arrayOf<const S extends v.GenericSchema>(item: S) {
  return v.array(item, 'an array');
}

const text = v.string('a string');
const flag = v.boolean('true or false');
const count = integer(0);
const positive = integer(1);
const pool = integer(2, MAX_BLOCKS);
const step = integer(0, MAX_PLANNED_STEPS - 1);
const number = v.custom<number>(Number.isFinite, 'a number');
const anyInteger = v.custom<number>(Number.isSafeInteger, 'an integer');
const fraction = v.custom<number>(
  (value) => typeof value === 'number' && value >= 0 && value < 1,
  'a number in [0, 1)',
);

function oneOf<const C extends string>(choices: readonly C[]) {
  return v.picklist(choices, `one of ${choices.join(', ')}`);
}

/** Checked in place: a prompt may be long, and valibot's array would copy it. */
const tokenIds = v.pipe(
  v.custom<readonly number[]>(Array.isArray, 'an array of token ids'),
  v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed) return;
    const key = dataset.value.findIndex((id) => !isTokenId(id));
    if (key < 0) return;
    const value: unknown = dataset.value[key];
    const isTooLarge = Number.isSafeInteger(value) && Number(value) > MAX_UINT32;
    addIssue({
      message: `an integer of at ${isTooLarge ? `most ${MAX_UINT32}` : 'least 0'}`,
      input: value,
      path: [{ type: 'array', origin: 'value', input: [...dataset.value], key, value }],
    });
  }),
);

function isTokenId(id: unknown): boolean {
  return Number.isSafeInteger(id) && Number(id) >= 0 && Number(id) <= MAX_UINT32;
}

const prompt = v.pipe(
  tokenIds,
  v.check((ids) => ids.length > 0, 'at least one token id'),
);

export const MAMBA_CACHE_MODES = ['none', 'align', 'all'] as const;
const KV_ROLES = ['kv_producer', 'kv_consumer', 'kv_both'] as const;
const KV_LOAD_FAILURE_POLICIES = ['recompute', 'fail'] as const;
const SCHEDULING_POLICIES = ['fcfs', 'priority'] as const;

/** Those whose drafter needs no model of its own here. */
const SPECULATIVE_METHODS = [
  'ngram',
  'ngram_gpu',
  'eagle',
  'eagle3',
  'mtp',
  'draft_model',
] as const;

const SPEC = fields({
  kind: oneOf(['full', 'swa', 'chunked', 'mamba', 'mla', 'swa_mla']),
  layers: integer(1, MAX_LAYERS),
  block_size: positive,
  window: v.exactOptional(positive),
  chunk: v.exactOptional(positive),
  mode: v.exactOptional(oneOf(MAMBA_CACHE_MODES)),
});

const CONFIG_ENTRIES = {
  /** The pool, null block included. */
  num_blocks: pool,
  max_model_len: positive,
  max_num_batched_tokens: positive,
  max_num_seqs: integer(1, MAX_SEQS),
  specs: v.exactOptional(
    v.pipe(
      arrayOf(SPEC),
      v.check(({ length }) => length >= 1 && length <= MAX_SPECS, `1 to ${MAX_SPECS} specs`),
    ),
  ),
  block_size: v.exactOptional(positive),
  max_num_scheduled_tokens: v.exactOptional(v.nullable(positive)),
  max_num_active_seqs: v.exactOptional(v.nullable(positive)),
  enable_chunked_prefill: v.exactOptional(flag),
  long_prefill_token_threshold: v.exactOptional(count),
  long_prefill_token_threshold_adaptive: v.exactOptional(flag),
  prefill_schedule_interval: v.exactOptional(positive),
  scheduler_reserve_full_isl: v.exactOptional(flag),
  watermark: v.exactOptional(fraction),
  enable_prefix_caching: v.exactOptional(flag),
  scheduling_policy: v.exactOptional(oneOf(SCHEDULING_POLICIES)),
  mamba_cache_mode: v.exactOptional(oneOf(MAMBA_CACHE_MODES)),
  prefix_cache_retention_interval: v.exactOptional(v.nullable(count)),
  prefix_match_unit: v.exactOptional(v.nullable(positive)),
  async_scheduling: v.exactOptional(flag),
  include_finished_set: v.exactOptional(flag),
  enable_lora: v.exactOptional(flag),
  max_loras: v.exactOptional(v.nullable(positive)),
  log_stats: v.exactOptional(flag),
  speculative_config: v.exactOptional(
    v.nullable(
      fields({
        method: oneOf(SPECULATIVE_METHODS),
        num_speculative_tokens: positive,
        prompt_lookup_max: v.exactOptional(positive),
        prompt_lookup_min: v.exactOptional(positive),
        parallel_drafting: v.exactOptional(flag),
        disable_eagle_block_drop: v.exactOptional(flag),
        disable_lookahead_block_hashes: v.exactOptional(flag),
        num_speculative_tokens_per_batch_size: v.exactOptional(
          v.nullable(arrayOf(v.tuple([positive, positive, count]))),
        ),
        /** Of the draft's config: the modules that it chains. */
        mtp_modules: v.exactOptional(positive),
      }),
    ),
  ),
  kv_transfer_config: v.exactOptional(
    v.nullable(
      fields({
        kv_connector: text,
        kv_role: v.exactOptional(oneOf(KV_ROLES)),
        kv_load_failure_policy: v.exactOptional(oneOf(KV_LOAD_FAILURE_POLICIES)),
      }),
    ),
  ),
  /** What the recorded engine's stand-in model does. */
  oracle_extra: v.exactOptional(
    fields({ accept: v.exactOptional(integer(0, 10)), ragged: v.exactOptional(flag) }),
  ),
};

const GROUP = fields({
  kind: text,
  block_size: positive,
  sliding_window: v.exactOptional(v.nullable(positive)),
  mamba_cache_mode: v.exactOptional(v.nullable(text)),
  layers: integer(1, MAX_LAYERS * MAX_SPECS),
  attention_chunk_size: v.exactOptional(v.nullable(positive)),
});

const RESOLVED = fields({
  num_gpu_blocks: pool,
  block_size: positive,
  scheduler_block_size: positive,
  hash_block_size: positive,
  max_concurrent_batches: positive,
  max_in_flight_tokens: positive,
  scheduler: v.exactOptional(text),
  policy: oneOf(SCHEDULING_POLICIES),
  enable_prefix_caching: flag,
  prefix_cache_retention_interval: v.nullable(count),
  watermark_blocks: v.exactOptional(count),
  max_num_seqs: integer(1, MAX_SEQS),
  max_num_batched_tokens: positive,
  max_model_len: positive,
  kv_cache_size_tokens: v.exactOptional(v.nullable(count)),
  kv_cache_max_concurrency: v.exactOptional(v.nullable(number)),
  effective_attention_block_size: v.exactOptional(v.nullable(positive)),
  groups: arrayOf(GROUP),
});

/** One kind of constraint, as a request carries it. */
const structuredOutputs = v.record(text, v.unknown());

const SAMPLING = fields({
  max_tokens: v.exactOptional(v.nullable(positive)),
  prompt_logprobs: v.exactOptional(v.nullable(anyInteger)),
  min_tokens: v.exactOptional(count),
  ignore_eos: v.exactOptional(flag),
  stop_token_ids: v.exactOptional(tokenIds),
  seed: v.exactOptional(v.nullable(anyInteger)),
  temperature: v.exactOptional(number),
  skip_reading_prefix_cache: v.exactOptional(flag),
  structured_outputs: v.exactOptional(v.nullable(structuredOutputs)),
  repetition_detection: v.exactOptional(
    v.nullable(
      fields({
        max_pattern_size: count,
        min_pattern_size: v.exactOptional(count),
        min_count: count,
      }),
    ),
  ),
});

/** What the connector has for a request. */
const KV = fields({
  /** Of the prompt's tokens. */
  tokens: count,
  /** So often it is asked before it knows. */
  later: v.exactOptional(count),
  /** It loads between steps, and the load ends so many steps after the one that began it. */
  async: v.exactOptional(flag),
  delay: v.exactOptional(count),
  /** The load fails: as a whole, or the blocks at these positions of the first group's table. */
  fail: v.exactOptional(
    v.union([v.literal('request'), arrayOf(count)], 'request, or an array of positions'),
  ),
  /** So many steps somebody reads its blocks after it has finished. */
  hold: v.exactOptional(count),
});

const REQUEST = fields({
  id: text,
  arrival_step: step,
  arrival_time: v.exactOptional(number),
  prompt_token_ids: prompt,
  sampling: SAMPLING,
  output_script: v.exactOptional(tokenIds),
  priority: v.exactOptional(anyInteger),
  cache_salt: v.exactOptional(v.nullable(text)),
  lora: v.exactOptional(v.nullable(fields({ name: text, id: positive }))),
  client_index: v.exactOptional(count),
  kv: v.exactOptional(v.nullable(KV)),
});

const ABORT = fields({
  step,
  op: v.picklist(
    ['abort', 'abort_during_execution'],
    'one of abort, abort_during_execution, utility',
  ),
  ids: arrayOf(text),
  after_adds: v.exactOptional(flag),
});
const UTILITY = fields({
  step,
  op: v.literal('utility'),
  method: text,
  args: v.exactOptional(arrayOf(v.unknown())),
  after_adds: v.exactOptional(flag),
});
const OP = v.lazy((op): typeof ABORT | typeof UTILITY =>
  isJsonObject(op) && op['op'] === 'utility' ? UTILITY : ABORT,
);

/** Steps are only compared: nothing of them is read, nothing copied. */
const steps = v.custom<readonly JsonObject[]>(
  (value) => Array.isArray(value) && value.every(isJsonObject),
  'an array of steps',
);

const TRACE_ENTRIES = {
  id: text,
  description: v.exactOptional(text),
  config: fields(CONFIG_ENTRIES),
  resolved: v.exactOptional(RESOLVED),
  requests: arrayOf(REQUEST),
  ops: v.exactOptional(arrayOf(OP)),
  steps: v.exactOptional(steps),
};
export const TRACE = fields(TRACE_ENTRIES);

export const CONFIG_NAMES: ReadonlySet<string> = new Set(Object.keys(CONFIG_ENTRIES));

export type TraceSpecRecord = v.InferOutput<typeof SPEC>;
export type TraceConfigRecord = v.InferOutput<typeof TRACE_ENTRIES.config>;
export type ResolvedGroupRecord = v.InferOutput<typeof GROUP>;
/** What vLLM makes of a config. What replay does not read may be missing in a file. */
export type ResolvedRecord = v.InferOutput<typeof RESOLVED>;
export type TraceKVRecord = v.InferOutput<typeof KV>;
export type TraceRequestRecord = v.InferOutput<typeof REQUEST>;
export type TraceOpRecord = v.InferOutput<typeof ABORT> | v.InferOutput<typeof UTILITY>;

/** A scripted workload, checked. */
export interface TraceRecord {
  readonly id: string;
  readonly description?: string;
  readonly config: TraceConfigRecord;
  /** What vLLM made of the config. */
  readonly resolved?: ResolvedRecord;
  readonly requests: readonly TraceRequestRecord[];
  readonly ops: readonly TraceOpRecord[];
  /** What was recorded, to compare with. */
  readonly steps?: readonly JsonObject[];
}
