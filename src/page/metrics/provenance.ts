/**
 * Where a metric's value comes from: the message and its field, or what of the frontend itself; and when it last changed.
 * Source: vllm/v1/metrics/loggers.py, stats.py (0.33.0).
 */
import type { FrameLine } from '../../shared/tap/frame-line.ts';
import { engineOf } from '../../shared/tap/frame-pairing.ts';
import type { FrameType } from '../../shared/tap/frame-type.ts';

export interface Provenance {
  /** Null: no message of an engine's. */
  readonly type: FrameType | null;
  /** Fields from the message down; `[]` goes into every element of a list. */
  readonly path: string | null;
  /** In a sentence. */
  readonly text: string;
  /**
   * Of a metric that adds up what messages bring: whether a value brings anything. A metric without it shows the newest
   * value, and changes where that differs from the one before.
   */
  readonly brings?: (value: unknown) => boolean;
}

const isSomething = (value: unknown): boolean =>
  value !== 0 && !(Array.isArray(value) && value.length === 0);

const stats = (field: string, text: string): Provenance => ({
  type: 'OUTPUTS',
  path: `scheduler_stats.${field}`,
  text,
});
const output = (field: string, text: string): Provenance => ({
  type: 'OUTPUTS',
  path: `outputs[].${field}`,
  text,
  brings: isSomething,
});
const counted = (field: string, text: string): Provenance => ({
  ...stats(field, text),
  brings: isSomething,
});
/** Source: vllm/v1/engine/__init__.py EngineCoreEventType (0.33.0). */
const PREEMPTED = 3;
const isPreempted = (value: unknown): boolean =>
  Array.isArray(value) && value.some((event: { type?: unknown }) => event.type === PREEMPTED);
const FINISHED = output(
  'finish_reason',
  'when a request finishes, from the times and counts that its outputs brought',
);
const TIMES = output('events', 'from the times of QUEUED and SCHEDULED, and of the outputs');

const SOURCES: Readonly<Record<string, Provenance>> = {
  num_requests_running: stats('num_running_reqs', 'the newest step tells'),
  num_requests_waiting: stats('num_waiting_reqs', 'the newest step tells, skipped ones with it'),
  num_requests_waiting_by_reason: stats(
    'num_waiting_reqs',
    'capacity, and num_skipped_waiting_reqs as deferred',
  ),
  kv_cache_usage_perc: stats('kv_cache_usage', 'the newest step tells; 1 is all blocks'),
  prefix_cache_queries: counted(
    'prefix_cache_stats.queries',
    'tokens looked up since the last step',
  ),
  prefix_cache_hits: counted('prefix_cache_stats.hits', 'tokens found since the last step'),
  num_preemptions: {
    ...output('events', 'one for each PREEMPTED event (type 3)'),
    brings: isPreempted,
  },
  prompt_tokens: output('prefill_stats.num_prompt_tokens', 'once a request, with its first token'),
  prompt_tokens_by_source: output('prefill_stats', 'once a request: computed and cached tokens'),
  prompt_tokens_cached: output('prefill_stats.num_cached_tokens', 'once a request'),
  prompt_tokens_cached_by_source: output('prefill_stats', 'once a request'),
  generation_tokens: output('new_token_ids', 'as many as came'),
  iteration_tokens_total: output('new_token_ids', 'prompt and generated tokens of one message'),
  request_success: FINISHED,
  cache_config_info: {
    type: 'EngineCoreReadyResponse',
    path: 'kv_cache_size_tokens',
    text: 'labels from the ready response of each engine, and from the settings',
  },
  lora_requests_info: stats('running_lora_adapters', 'the newest step tells'),
  engine_sleep_state: { type: 'UTILITY', path: 'method', text: 'after sleep and wake_up' },
  kv_block_lifetime_seconds: counted('kv_cache_eviction_events', 'sampled evictions'),
  kv_block_idle_before_evict_seconds: counted('kv_cache_eviction_events', 'sampled evictions'),
  kv_block_reuse_gap_seconds: counted('kv_cache_eviction_events', 'sampled evictions'),
  time_to_first_token_seconds: output(
    'new_token_ids',
    'from the arrival at the frontend to the first token there',
  ),
  inter_token_latency_seconds: output(
    'new_token_ids',
    'between two messages with tokens of a request',
  ),
  request_queue_time_seconds: TIMES,
  request_prefill_time_seconds: TIMES,
  request_decode_time_seconds: TIMES,
  request_inference_time_seconds: TIMES,
};

const OF_HTTP: Provenance = {
  type: null,
  path: null,
  text: 'the HTTP server counts its exchanges',
};
const OF_PROCESS: Provenance = { type: null, path: null, text: 'the frontend process itself' };
const OF_REQUEST: Provenance = FINISHED;

export function provenanceOf(family: string): Provenance {
  if (/^http_/.test(family)) return OF_HTTP;
  if (/^(process|nodejs|python)_/.test(family)) return OF_PROCESS;
  const name = family.replace(/^vllm:/, '').replace(/_total$/, '');
  const known = SOURCES[name] ?? SOURCES[family.replace(/^vllm:/, '')];
  if (known !== undefined) return known;
  return /^vllm:(request|e2e)_/.test(family) ? OF_REQUEST : OF_PROCESS;
}

export interface LastChange {
  readonly line: FrameLine;
  readonly value: string;
}

/** The newest frame of an engine that changed the metric by this field; null where none is known. */
export function lastChange(
  lines: readonly FrameLine[],
  { type, path, brings }: Provenance,
  engine: number | null,
): LastChange | null {
  if (type === null || path === null) return null;
  let found: LastChange | null = null;
  let last: string | null = null;
  for (const line of lines) {
    if (line.type !== type || line.direction !== 'receive') continue;
    if (engine !== null && engineOf(line) !== engine) continue;
    const values = valuesAt(line.message, path.split('.'));
    const said = values.filter(
      (value) => value !== null && value !== undefined && (brings?.(value) ?? true),
    );
    if (said.length === 0) continue;
    const value = JSON.stringify(said.length === 1 ? said[0] : said);
    if (brings !== undefined || value !== last) found = { line, value };
    last = value;
  }
  return found;
}

function valuesAt(value: unknown, path: readonly string[]): readonly unknown[] {
  const [step, ...rest] = path;
  if (step === undefined) return [value];
  if (typeof value !== 'object' || value === null) return [];
  const inner = (value as Readonly<Record<string, unknown>>)[step.replace('[]', '')];
  if (!step.endsWith('[]')) return valuesAt(inner, rest);
  return Array.isArray(inner) ? inner.flatMap((item) => valuesAt(item, rest)) : [];
}
