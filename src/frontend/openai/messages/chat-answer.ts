/** What is read of a chat completion, whole or a chunk of it, to make a message of. Pure. */
import { jsonString } from '../../../shared/python/json-text.ts';

export interface ChatUsage {
  readonly prompt_tokens: number;
  readonly completion_tokens?: number | null;
  readonly prompt_tokens_details?: {
    readonly cached_tokens?: number | null;
    readonly created_cache_tokens?: number | null;
  } | null;
}

export interface ToolCallPart {
  readonly index?: number;
  readonly id?: string | null;
  readonly function?: { readonly name?: string | null; readonly arguments?: string | null } | null;
}

export interface ChatDelta {
  readonly content?: string | null;
  readonly reasoning?: string | null;
  readonly tool_calls?: readonly ToolCallPart[] | null;
}

export interface ChatChoice {
  readonly message?: ChatDelta;
  readonly delta?: ChatDelta;
  readonly finish_reason: string | null;
  readonly stop_reason?: number | string | null;
}

export interface ChatAnswerJson {
  readonly id: string;
  readonly model: string;
  readonly choices: readonly ChatChoice[];
  readonly usage?: ChatUsage | null;
  readonly kv_transfer_params?: unknown;
  readonly ec_transfer_params?: unknown;
  readonly error?: { readonly message: string; readonly code: number };
}

/** Anthropic's input tokens are those that no cache was read or written for. Source: _build_anthropic_usage. */
export function usageJson(usage: ChatUsage | null | undefined): string {
  if (usage === null || usage === undefined) return '{"input_tokens":0,"output_tokens":0}';
  const { cached_tokens: read = null, created_cache_tokens: created = null } =
    usage.prompt_tokens_details ?? {};
  const input = Math.max(0, usage.prompt_tokens - (read ?? 0) - (created ?? 0));
  return (
    `{"input_tokens":${input},"output_tokens":${usage.completion_tokens ?? 0}` +
    `${created === null ? '' : `,"cache_creation_input_tokens":${created}`}` +
    `${read === null ? '' : `,"cache_read_input_tokens":${read}`}}`
  );
}

/** JSON of stop_reason and stop_sequence. Source: _to_anthropic_stop_reason. */
export function stopReason({
  finishReason,
  matched,
  isToolUsed,
  isToolComplete,
}: {
  readonly finishReason: string | null;
  /** The stop string that ended the answer, where it is a text. */
  readonly matched: number | string | null | undefined;
  readonly isToolUsed: boolean;
  /** A call that a stop string cut short must not run. */
  readonly isToolComplete: boolean;
}): { readonly reason: string; readonly sequence: string } {
  const none = { reason: 'null', sequence: 'null' };
  if (finishReason === 'length') return { ...none, reason: '"max_tokens"' };
  if (finishReason !== 'stop' && finishReason !== 'tool_calls') return none;
  if (isToolComplete) return { ...none, reason: '"tool_use"' };
  if (typeof matched === 'string')
    return { reason: '"stop_sequence"', sequence: jsonString(matched) };
  const isToolUse = finishReason === 'tool_calls' || isToolUsed;
  return { ...none, reason: isToolUse ? '"tool_use"' : '"end_turn"' };
}
