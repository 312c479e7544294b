/**
 * Token ids that another server generated, as the text that it would have made of them.
 * Source: vllm/renderers/online_derenderer.py OnlineDerenderer (0.33.0).
 */
import type { DecodeStream, Tokenizer } from '../../../shared/tokenizer/tokenizer.ts';
import type { ServedModel } from '../../llm/served-model.ts';
import type { DerenderStreamState, GeneratedChoice } from './request.ts';

/** What of the original request counts; null: it was not sent. */
export type OriginalRequest = {
  readonly stop: string | readonly string[] | null;
  readonly stop_token_ids: readonly number[] | null;
  readonly ignore_eos: boolean;
  readonly include_stop_str_in_output: boolean;
  readonly skip_special_tokens: boolean | null;
  readonly spaces_between_special_tokens: boolean;
  readonly min_tokens: number;
  readonly return_token_ids: boolean | null;
} | null;

export interface Decoded {
  readonly text: string;
  readonly stopReason: number | string | null;
}

/** Sampled ids that a state carries. */
const MAX_CONTEXT = 4;

export function createStream(
  tokenizer: Tokenizer,
  seed: readonly number[],
  request: OriginalRequest,
): DecodeStream {
  const skipSpecialTokens = request?.skip_special_tokens !== false;
  const spacesBetweenSpecialTokens =
    skipSpecialTokens || (request?.spaces_between_special_tokens ?? true);
  return tokenizer.createDecodeStream(seed, { skipSpecialTokens, spacesBetweenSpecialTokens });
}

/** Without the token that ended the answer, which has no text. Source: _drop_stop_token. */
export function withoutStopToken(
  choice: GeneratedChoice,
  request: OriginalRequest,
  model: ServedModel,
): { readonly ids: readonly number[]; readonly stopReason: number | string | null } {
  const ids = choice.token_ids ?? [];
  const { finish_reason: finishReason, stop_reason: reason } = choice;
  const last = ids.at(-1);
  if (finishReason !== 'stop' || typeof reason === 'string' || last === undefined)
    return { ids, stopReason: reason };
  const honorsEos = request?.ignore_eos !== true;
  const isEos = reason === null && honorsEos && last === model.eosTokenId;
  const isOther =
    reason === null &&
    !isEos &&
    ((request?.stop_token_ids ?? []).includes(last) ||
      (honorsEos && (model.generationEosTokenIds ?? []).includes(last)));
  const stopReason = isOther ? last : reason;
  const isStopped = reason === null ? isEos || isOther : last === reason;
  if (!isStopped || request?.include_stop_str_in_output === true) return { ids, stopReason };
  return { ids: ids.slice(0, -1), stopReason };
}

/** A whole answer's text, up to the stop string that ended it. Source: _decode_output. */
export function decodeWhole(
  { tokenizer, model }: { readonly tokenizer: Tokenizer; readonly model: ServedModel },
  choice: GeneratedChoice,
  request: OriginalRequest,
  promptTokenIds: readonly number[],
): Decoded {
  const { ids, stopReason } = withoutStopToken(choice, request, model);
  const stream = createStream(tokenizer, promptTokenIds, request);
  const parts = ids.map((id) => stream.step(id));
  const text = parts.join('');
  const numFree = parts.slice(0, request?.min_tokens ?? 0).join('').length;
  const found = stopStringIn(text, numFree, stopStrings(choice, request));
  if (found === null) return { text, stopReason };
  const end = request?.include_stop_str_in_output === true ? found.end : found.start;
  return { text: text.slice(0, end), stopReason: found.word };
}

function stopStrings(
  { finish_reason: finishReason, stop_reason: reason }: GeneratedChoice,
  request: OriginalRequest,
): readonly string[] {
  if (finishReason !== 'stop' || typeof reason === 'number') return [];
  if (typeof reason === 'string') return [reason];
  const stop = request?.stop ?? [];
  return (typeof stop === 'string' ? [stop] : stop).filter((word) => word !== '');
}

/** A stop string counts where it ends past the text that may not stop. */
function stopStringIn(text: string, numFree: number, words: readonly string[]) {
  for (const word of words) {
    const start = text.indexOf(word, Math.max(0, numFree - word.length + 1));
    if (start !== -1) return { word, start, end: start + word.length };
  }
  return null;
}

/** The last sampled ids. */
export function contextAfter(
  { logprob_context_token_ids: before }: DerenderStreamState,
  { token_ids: ids }: GeneratedChoice,
): readonly number[] {
  return [...before, ...(ids ?? [])].slice(-MAX_CONTEXT);
}

export interface DecodedChunk extends Decoded {
  readonly state: DerenderStreamState;
}

export const FIRST_STATE: DerenderStreamState = {
  prev_tokens: [],
  prefix_offset: 0,
  read_offset: 0,
  role_sent: false,
  logprob_context_token_ids: [],
  logprob_text_offset: 0,
  output_token_ids: [],
  output_chunk_lens: [],
  tools_streamed: false,
  last_tool_call_ids: [],
};

/**
 * The text of a chunk, and the state after it: the tokens that gave the last text, and those whose character is still in
 * pieces. Source: _detokenize_delta.
 */
export function decodeChunk(
  { tokenizer, model }: { readonly tokenizer: Tokenizer; readonly model: ServedModel },
  choice: GeneratedChoice,
  request: OriginalRequest,
  {
    state,
    promptTokenIds,
  }: { readonly state: DerenderStreamState; readonly promptTokenIds: readonly number[] },
): DecodedChunk {
  const { ids, stopReason } = withoutStopToken(choice, request, model);
  const context = [...promptTokenIds, ...state.logprob_context_token_ids];
  const numPending = Math.max(0, state.prev_tokens.length - state.read_offset);
  const seed = context.slice(0, context.length - numPending);
  const stream = createStream(tokenizer, seed, request);
  for (const id of context.slice(seed.length)) stream.step(id);
  let emitted = state.prev_tokens.slice(state.prefix_offset, state.read_offset);
  let pending = state.prev_tokens.slice(state.read_offset);
  let text = '';
  const tokens = tokenizer.convertIdsToTokens(ids);
  for (const [i, id] of ids.entries()) {
    const part = stream.step(id);
    text += part;
    const isSkipped =
      part === '' &&
      request?.skip_special_tokens !== false &&
      tokenizer.decode([id], { skipSpecialTokens: true }) === '';
    if (isSkipped) continue;
    pending = [...pending, tokens[i] ?? ''];
    if (part === '') continue;
    emitted = pending;
    pending = [];
  }
  return {
    text,
    stopReason,
    state: {
      ...state,
      prev_tokens: [...emitted, ...pending],
      prefix_offset: 0,
      read_offset: emitted.length,
      logprob_context_token_ids: contextAfter(state, choice),
    },
  };
}
