/**
 * The two facts that matter of each kind of message, as a diagram shows them beside its arrow. Numbers are grouped as people
 * read them. Pure, and fit for a browser.
 */
import type { FrameLine } from './frame-line.ts';
import type { FrameType } from './frame-type.ts';

export interface FrameFact {
  /** vLLM's name, or ours where it counts something. */
  readonly name: string;
  readonly value: string;
}

type Fields = Readonly<Record<string, unknown>>;

/** At most two; none where the message cannot be read. */
export function frameFacts({ type, message }: Pick<FrameLine, 'type' | 'message'>): FrameFact[] {
  if (typeof message !== 'object' || message === null) return [];
  return (FACTS[type]?.(message as Fields) ?? []).slice(0, 2);
}

/** `kv_cache_size_tokens=654,288  num_gpu_blocks=40,893`. */
export function factsText(line: Pick<FrameLine, 'type' | 'message'>): string {
  return frameFacts(line)
    .map(({ name, value }) => `${name}=${value}`)
    .join('  ');
}

const FACTS: Partial<Readonly<Record<FrameType, (message: Fields) => FrameFact[]>>> = {
  HELLO: (m) => named(m, 'local', 'headless'),
  READY: (m) =>
    typeof m['parallel_config_hash'] === 'string'
      ? [fact('local', m['local']), fact('parallel_config_hash', head(m['parallel_config_hash']))]
      : named(m, 'local', 'headless'),
  INIT: (m) => {
    const addresses = fieldsOf(m['addresses']);
    return [
      fact('inputs', lengthOf(addresses['inputs'])),
      addresses['coordinator_input'] === null
        ? fact('coordinator', 'none')
        : fact('coordinator', 'yes'),
    ];
  },
  EngineCoreReadyResponse: (m) => named(m, 'kv_cache_size_tokens', 'num_gpu_blocks'),
  ADD: (m) => [
    fact('request_id', m['request_id']),
    fact('prompt_token_ids', `${lengthOf(m['prompt_token_ids'])}`),
  ],
  ABORT: (m) => [fact('request_ids', listed(m['request_ids']))],
  UTILITY: (m) => named(m, 'method', 'call_id'),
  START_DP_WAVE: (m) => named(m, 'wave', 'exclude_engine_index'),
  OUTPUTS: outputFacts,
  COUNTS: countFacts,
  SCALE_ELASTIC_EP: (m) => named(m, 'new_engine_count'),
  FIRST_REQ: (m) => named(m, 'engine_to_exclude', 'wave'),
  KV_EVENT: (m) => {
    const events = fieldsOf(m['batch'])['events'];
    return [fact('seq', m['seq']), fact('events', lengthOf(events))];
  },
  KV_EVENT_REPLAY: (m) => named(m, 'start_seq'),
};

function outputFacts(message: Fields): FrameFact[] {
  const outputs = Array.isArray(message['outputs']) ? message['outputs'].map(fieldsOf) : [];
  const utility = message['utility_output'];
  if (outputs.length === 0 && typeof utility === 'object' && utility !== null)
    return [fact('utility_output', `call ${String(fieldsOf(utility)['call_id'])}`)];
  const numTokens = outputs.reduce((sum, output) => sum + lengthOf(output['new_token_ids']), 0);
  const finished = outputs.find((output) => output['finish_reason'] !== null);
  if (outputs.length > 0) {
    const tokens = fact('new_token_ids', numTokens);
    if (finished !== undefined && outputs.length === 1)
      return [
        tokens,
        fact('finish_reason', FINISH_REASONS[Number(finished['finish_reason'])] ?? '?'),
      ];
    return [fact('outputs', outputs.length), tokens];
  }
  return statFacts(message['scheduler_stats']);
}

/** Source: vllm/v1/engine/__init__.py FINISH_REASON_STRINGS (0.33.0). */
const FINISH_REASONS = ['stop', 'length', 'abort', 'error', 'repetition'] as const;

function countFacts(message: Fields): FrameFact[] {
  if ('current_wave' in message && 'counts' in message) {
    const counts = message['counts'];
    return [
      fact('counts', Array.isArray(counts) ? JSON.stringify(counts) : 'null'),
      fact('current_wave', message['current_wave']),
    ];
  }
  if (message['wave_complete'] !== null && message['wave_complete'] !== undefined)
    return named(message, 'wave_complete');
  if (message['start_wave'] !== null && message['start_wave'] !== undefined)
    return named(message, 'start_wave');
  return statFacts(message['scheduler_stats']);
}

function statFacts(stats: unknown): FrameFact[] {
  const fields = fieldsOf(stats);
  if (!('num_running_reqs' in fields)) return [];
  return [fact('running', fields['num_running_reqs']), fact('waiting', fields['num_waiting_reqs'])];
}

function named(message: Fields, ...names: readonly string[]): FrameFact[] {
  return names.filter((name) => name in message).map((name) => fact(name, message[name]));
}

function fact(name: string, value: unknown): FrameFact {
  return { name, value: textOf(value) };
}

function textOf(value: unknown): string {
  if (typeof value === 'number') return value.toLocaleString('en-US', { maximumFractionDigits: 4 });
  if (typeof value === 'string') return value;
  if (typeof value === 'object' && value !== null && '$bigint' in value)
    return String(value.$bigint);
  return value === undefined ? 'null' : JSON.stringify(value);
}

function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
}

function lengthOf(value: unknown): number {
  if (Array.isArray(value)) return value.length;
  const length = fieldsOf(value)['$len'];
  return typeof length === 'number' ? length : 0;
}

function listed(value: unknown): string {
  if (!Array.isArray(value)) return '';
  return value.length <= 2 ? value.map(String).join(', ') : `${value.length} ids`;
}

function head(value: string): string {
  return value.length <= 12 ? value : `${value.slice(0, 12)}…`;
}
