/**
 * The input of `vllm-twin replay`: scripted workloads in the format of the golden traces, checked field by field.
 * Names are vLLM's, in snake_case, because this is a file format.
 */
import { ConfigError } from '../../shared/errors.ts';

export interface TraceSpecRecord {
  readonly kind: string;
  readonly layers: number;
  readonly block_size: number;
  readonly window?: number;
  readonly chunk?: number;
  readonly mode?: string;
}

export interface TraceConfigRecord {
  /** The pool, null block included. */
  readonly num_blocks: number;
  readonly max_model_len: number;
  readonly max_num_batched_tokens: number;
  readonly max_num_seqs: number;
  readonly specs?: readonly TraceSpecRecord[];
  readonly block_size?: number;
  readonly max_num_scheduled_tokens?: number | null;
  readonly max_num_active_seqs?: number | null;
  readonly enable_chunked_prefill?: boolean;
  readonly long_prefill_token_threshold?: number;
  readonly long_prefill_token_threshold_adaptive?: boolean;
  readonly prefill_schedule_interval?: number;
  readonly scheduler_reserve_full_isl?: boolean;
  readonly watermark?: number;
  readonly enable_prefix_caching?: boolean;
  readonly scheduling_policy?: string;
  readonly mamba_cache_mode?: string;
  readonly prefix_cache_retention_interval?: number | null;
  readonly prefix_match_unit?: number | null;
  readonly async_scheduling?: boolean;
  readonly include_finished_set?: boolean;
  readonly enable_lora?: boolean;
  readonly max_loras?: number | null;
  readonly log_stats?: boolean;
}

export interface ResolvedGroupRecord {
  readonly kind: string;
  readonly block_size: number;
  readonly sliding_window: number | null;
  readonly mamba_cache_mode: string | null;
  readonly layers: number;
  readonly attention_chunk_size?: number | null;
}

/** What vLLM makes of a config. */
export interface ResolvedRecord {
  readonly num_gpu_blocks: number;
  readonly block_size: number;
  readonly scheduler_block_size: number;
  readonly hash_block_size: number;
  readonly max_concurrent_batches: number;
  readonly max_in_flight_tokens: number;
  readonly scheduler: string;
  readonly policy: string;
  readonly enable_prefix_caching: boolean;
  readonly prefix_cache_retention_interval: number | null;
  readonly watermark_blocks: number;
  readonly max_num_seqs: number;
  readonly max_num_batched_tokens: number;
  readonly max_model_len: number;
  readonly kv_cache_size_tokens: number | null;
  readonly kv_cache_max_concurrency: number | null;
  readonly effective_attention_block_size: number | null;
  readonly groups: readonly ResolvedGroupRecord[];
}

export interface TraceRequestRecord {
  readonly id: string;
  readonly arrival_step: number;
  readonly arrival_time: number;
  readonly prompt_token_ids: readonly number[];
  readonly sampling: Readonly<Record<string, unknown>>;
  readonly output_script?: readonly number[];
  readonly priority?: number;
  readonly cache_salt?: string | null;
  readonly lora?: { readonly name: string; readonly id: number } | null;
  readonly client_index?: number;
}

export interface TraceOpRecord {
  readonly step: number;
  readonly op: 'abort' | 'abort_during_execution' | 'utility';
  readonly ids?: readonly string[];
  readonly after_adds?: boolean;
  readonly method?: string;
  readonly args?: readonly unknown[];
}

export interface TraceRecord {
  readonly id: string;
  readonly description?: string;
  readonly config: TraceConfigRecord;
  readonly resolved?: ResolvedRecord;
  readonly requests: readonly TraceRequestRecord[];
  readonly ops: readonly TraceOpRecord[];
  readonly steps?: readonly unknown[];
}

type Check = (value: unknown, path: string) => void;

/**
 * One record or a file of records, checked. Throws ConfigError E_BAD_FILE that names field, expectation and value.
 * Config fields that are not known are ignored, with a word to `warn`.
 */
export function parseTraceRecords(
  document: unknown,
  warn: (message: string) => void = () => {},
): TraceRecord[] {
  if (isRecord(document) && 'traces' in document) {
    const { traces } = document;
    if (!Array.isArray(traces)) fail('traces', 'an array of records', traces);
    return traces.map((trace: unknown, index) => parseTrace(trace, `traces[${index}]`, warn));
  }
  return [parseTrace(document, '', warn)];
}

function parseTrace(value: unknown, path: string, warn: (message: string) => void): TraceRecord {
  object({
    id: required(text),
    description: optional(text),
    config: required(object(CONFIG_FIELDS)),
    resolved: optional(object(RESOLVED_FIELDS)),
    requests: required(arrayOf(object(REQUEST_FIELDS))),
    ops: optional(arrayOf(checkOp)),
    steps: optional(arrayOf(object({}))),
  })(value, path);
  // Checked above, field by field.
  const trace = value as Omit<TraceRecord, 'ops'> & { ops?: readonly TraceOpRecord[] };
  checkIds(trace.requests, path);
  for (const name of Object.keys(trace.config)) {
    if (CONFIG_FIELDS[name] === undefined) {
      warn(`${join(path, `config.${name}`)}: no such field here, ignored`);
    }
  }
  return { ...trace, ops: trace.ops ?? [] };
}

function checkIds(requests: readonly TraceRequestRecord[], path: string): void {
  const seen = new Set<string>();
  for (const [index, { id }] of requests.entries()) {
    if (seen.has(id)) fail(join(path, `requests[${index}].id`), 'an id that is not taken yet', id);
    seen.add(id);
  }
}

const checkOp: Check = (value, path) => {
  object({
    step: required(count),
    op: required(oneOf(['abort', 'abort_during_execution', 'utility'])),
  })(value, path);
  if (!isRecord(value)) return;
  object(
    value['op'] === 'utility'
      ? { method: required(text), args: optional(arrayOf(anything)), after_adds: optional(flag) }
      : { ids: required(arrayOf(text)), after_adds: optional(flag) },
  )(value, path);
};

const anything: Check = () => {};
const text: Check = (value, path) => {
  if (typeof value !== 'string') fail(path, 'a string', value);
};
const flag: Check = (value, path) => {
  if (typeof value !== 'boolean') fail(path, 'true or false', value);
};
const number: Check = (value, path) => {
  if (typeof value !== 'number' || !Number.isFinite(value)) fail(path, 'a number', value);
};
const integer: Check = (value, path) => {
  if (!Number.isSafeInteger(value)) fail(path, 'an integer', value);
};
const count: Check = (value, path) => {
  if (!Number.isSafeInteger(value) || Number(value) < 0)
    fail(path, 'an integer of at least 0', value);
};
const positive: Check = (value, path) => {
  if (!Number.isSafeInteger(value) || Number(value) < 1)
    fail(path, 'an integer of at least 1', value);
};
const fraction: Check = (value, path) => {
  if (typeof value !== 'number' || !(value >= 0 && value < 1))
    fail(path, 'a number in [0, 1)', value);
};
const pool: Check = (value, path) => {
  if (!Number.isSafeInteger(value) || Number(value) < 2)
    fail(path, 'an integer of at least 2', value);
};
const tokenIds: Check = (value, path) => {
  if (!Array.isArray(value)) fail(path, 'an array of token ids', value);
  for (let i = 0; i < value.length; i += 1) count(value[i], `${path}[${i}]`);
};
const prompt: Check = (value, path) => {
  tokenIds(value, path);
  if (Array.isArray(value) && value.length === 0) fail(path, 'at least one token id', value);
};

interface FieldCheck {
  readonly check: Check;
  readonly isRequired: boolean;
}

function required(check: Check): FieldCheck {
  return { check, isRequired: true };
}

function optional(check: Check): FieldCheck {
  return { check, isRequired: false };
}

function orNull(check: Check): Check {
  return (value, path) => {
    if (value !== null) check(value, path);
  };
}

function oneOf(values: readonly string[]): Check {
  return (value, path) => {
    if (!values.includes(String(value))) fail(path, `one of ${values.join(', ')}`, value);
  };
}

function arrayOf(check: Check): Check {
  return (value, path) => {
    if (!Array.isArray(value)) fail(path, 'an array', value);
    value.forEach((item: unknown, index) => {
      check(item, `${path}[${index}]`);
    });
  };
}

function object(fields: Record<string, FieldCheck>): Check {
  return (value, path) => {
    if (!isRecord(value)) fail(path, 'an object', value);
    for (const [name, { check, isRequired }] of Object.entries(fields)) {
      if (value[name] !== undefined) check(value[name], join(path, name));
      else if (isRequired) fail(join(path, name), 'a value', undefined);
    }
  };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function join(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`;
}

const MAX_SHOWN_CHARACTERS = 60;

function fail(path: string, expected: string, value: unknown): never {
  const shown = value === undefined ? 'nothing' : JSON.stringify(value);
  const short =
    shown.length > MAX_SHOWN_CHARACTERS ? `${shown.slice(0, MAX_SHOWN_CHARACTERS)}…` : shown;
  throw new ConfigError(
    'E_BAD_FILE',
    `${path === '' ? 'the record' : path}: expected ${expected}, got ${short}`,
  );
}

export const SPEC_KINDS = ['full', 'swa', 'chunked', 'mamba'] as const;

const SPEC_FIELDS: Record<string, FieldCheck> = {
  kind: required(oneOf(SPEC_KINDS)),
  layers: required(positive),
  block_size: required(positive),
  window: optional(positive),
  chunk: optional(positive),
  mode: optional(oneOf(['none', 'align', 'all'])),
};

const CONFIG_FIELDS: Record<string, FieldCheck> = {
  num_blocks: required(pool),
  max_model_len: required(positive),
  max_num_batched_tokens: required(positive),
  max_num_seqs: required(positive),
  specs: optional(arrayOf(object(SPEC_FIELDS))),
  block_size: optional(positive),
  max_num_scheduled_tokens: optional(orNull(positive)),
  max_num_active_seqs: optional(orNull(positive)),
  enable_chunked_prefill: optional(flag),
  long_prefill_token_threshold: optional(count),
  long_prefill_token_threshold_adaptive: optional(flag),
  prefill_schedule_interval: optional(positive),
  scheduler_reserve_full_isl: optional(flag),
  watermark: optional(fraction),
  enable_prefix_caching: optional(flag),
  scheduling_policy: optional(oneOf(['fcfs', 'priority'])),
  mamba_cache_mode: optional(oneOf(['none', 'align', 'all'])),
  prefix_cache_retention_interval: optional(orNull(count)),
  prefix_match_unit: optional(orNull(positive)),
  async_scheduling: optional(flag),
  include_finished_set: optional(flag),
  enable_lora: optional(flag),
  max_loras: optional(orNull(positive)),
  log_stats: optional(flag),
};

const RESOLVED_FIELDS: Record<string, FieldCheck> = {
  num_gpu_blocks: required(pool),
  block_size: required(positive),
  scheduler_block_size: required(positive),
  hash_block_size: required(positive),
  max_concurrent_batches: required(positive),
  max_in_flight_tokens: required(positive),
  policy: required(oneOf(['fcfs', 'priority'])),
  enable_prefix_caching: required(flag),
  prefix_cache_retention_interval: required(orNull(count)),
  max_num_seqs: required(positive),
  max_num_batched_tokens: required(positive),
  max_model_len: required(positive),
  groups: required(
    arrayOf(
      object({
        kind: required(text),
        block_size: required(positive),
        sliding_window: optional(orNull(positive)),
        mamba_cache_mode: optional(orNull(text)),
        layers: required(positive),
      }),
    ),
  ),
};

const SAMPLING_FIELDS: Record<string, FieldCheck> = {
  max_tokens: optional(orNull(positive)),
  prompt_logprobs: optional(orNull(integer)),
  min_tokens: optional(count),
  ignore_eos: optional(flag),
  stop_token_ids: optional(tokenIds),
  seed: optional(orNull(integer)),
  temperature: optional(number),
  skip_reading_prefix_cache: optional(flag),
  repetition_detection: optional(
    orNull(
      object({
        max_pattern_size: required(count),
        min_pattern_size: optional(count),
        min_count: required(count),
      }),
    ),
  ),
};

const REQUEST_FIELDS: Record<string, FieldCheck> = {
  id: required(text),
  arrival_step: required(count),
  arrival_time: optional(number),
  prompt_token_ids: required(prompt),
  sampling: required(object(SAMPLING_FIELDS)),
  output_script: optional(tokenIds),
  priority: optional(integer),
  cache_salt: optional(orNull(text)),
  lora: optional(orNull(object({ name: required(text), id: required(positive) }))),
  client_index: optional(count),
};
