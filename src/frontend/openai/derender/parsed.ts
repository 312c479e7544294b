/**
 * Derendered answers on a server with a tool or reasoning parser: a whole message, and a chunk of a stream, whose parser
 * reads all that came before it again, for the client carries no parser's state.
 * Source: vllm/renderers/online_derenderer.py OnlineDerenderer._derender_chat, _derender_chat_stream_parsed (0.33.0).
 */
import { jsonNullable, jsonString } from '../../../shared/python/json-text.ts';
import { ParsedChoices, type ParsedMessage } from '../chat/parsed-choices.ts';
import { parserRequestOf } from '../chat/parser-request.ts';
import type { ChatCompletionRequest } from '../chat/request.ts';
import type { OutputParsers } from '../parsing/output-parsers.ts';
import type { DeltaMessage, DeltaToolCall } from '../parsing/types.ts';
import type { ServingContext } from '../serving-context.ts';
import {
  contextAfter,
  createStream,
  type Decoded,
  decodeWhole,
  withoutStopToken,
} from './decoding.ts';
import type { DerenderStreamState, GeneratedChoice } from './request.ts';

export interface ParsedChat {
  readonly parsers: OutputParsers;
  readonly original: ChatCompletionRequest;
  readonly promptTokenIds: readonly number[];
}

function choicesOf(context: ServingContext, { parsers, original, promptTokenIds }: ParsedChat) {
  return new ParsedChoices({
    parsers,
    request: parserRequestOf(original),
    chatTemplateKwargs: context.renderer.chatTemplateKwargs(original),
    promptTokenIds,
  });
}

/** Special tokens stay, for parsers look for them. */
function asParsed(original: ChatCompletionRequest): ChatCompletionRequest {
  return { ...original, skip_special_tokens: false };
}

/** `seed`: what stood before the first token. */
export function parsedMessage(
  context: ServingContext,
  chat: ParsedChat,
  choice: GeneratedChoice,
  seed: readonly number[],
): ParsedMessage & Pick<Decoded, 'stopReason'> {
  const { text, stopReason } = decodeWhole(context, choice, asParsed(chat.original), seed);
  const { index, finish_reason: finishReason, token_ids: tokenIds } = choice;
  const output = { index, text, tokenIds: tokenIds ?? [], finishReason };
  return { ...choicesOf(context, chat).message(output), stopReason };
}

export interface ParsedChunk {
  /** JSON. */
  readonly delta: string;
  readonly finishReason: string | null;
  readonly stopReason: Decoded['stopReason'];
  readonly state: DerenderStreamState;
}

/** Throws what a parser throws of an output that it cannot read. */
export function parsedChunk(
  context: ServingContext,
  chat: ParsedChat,
  choice: GeneratedChoice,
  state: DerenderStreamState,
): ParsedChunk {
  const original = asParsed(chat.original);
  const choices = choicesOf(context, chat);
  const decoder = createStream(context.tokenizer, chat.promptTokenIds, original);
  const decode = (ids: readonly number[]) => ids.map((id) => decoder.step(id)).join('');
  const { index, finish_reason: finishReason } = choice;
  let at = 0;
  for (const length of state.output_chunk_lens) {
    const tokenIds = state.output_token_ids.slice(at, at + length);
    at += length;
    choices.stepDelta({ index, text: decode(tokenIds), tokenIds, finishReason: null });
  }
  choices.noteToolsStreamed(index, state.tools_streamed);
  const { ids, stopReason } = withoutStopToken(choice, original, context.model);
  const tokenIds = choice.token_ids ?? [];
  const output = { index, text: decode(ids), tokenIds, finishReason };
  const hasOutput = tokenIds.length > 0 || state.output_token_ids.length > 0;
  const step =
    hasOutput && (tokenIds.length > 0 || finishReason !== null)
      ? choices.stepDelta(output)
      : { delta: null, finishReason: choices.finishReasonOf(output) };
  const callIds = [...state.last_tool_call_ids];
  for (const call of step.delta?.tool_calls ?? []) pinId(call, callIds);
  return {
    delta: deltaJson(step.delta ?? {}, state.role_sent ? null : 'assistant'),
    finishReason: step.finishReason,
    stopReason,
    state: {
      ...state,
      role_sent: true,
      output_token_ids: [...state.output_token_ids, ...tokenIds],
      output_chunk_lens: [
        ...state.output_chunk_lens,
        ...(tokenIds.length > 0 ? [tokenIds.length] : []),
      ],
      tools_streamed: choices.areToolsStreamed(index),
      last_tool_call_ids: callIds,
      logprob_context_token_ids: contextAfter(state, choice),
    },
  };
}

/** A call keeps the id that it was shown with. */
function pinId(call: DeltaToolCall, known: string[]): void {
  if (call.id === undefined || call.id === null) return;
  const before = known[call.index];
  if (before === undefined) known.push(call.id);
  else call.id = before;
}

/** With all fields, whether set or not. */
function deltaJson(delta: DeltaMessage, role: string | null): string {
  const { content = null, reasoning = null, tool_calls: calls = [] } = delta;
  const shown = calls.map(callJson).join(',');
  return (
    `{"role":${jsonNullable(role)},"content":${jsonNullable(content)},"reasoning":${jsonNullable(reasoning)}` +
    `${calls.length === 0 ? '' : `,"tool_calls":[${shown}]`}}`
  );
}

function callJson({ id = null, type, index, function: fn }: DeltaToolCall): string {
  const called =
    fn === undefined
      ? 'null'
      : `{"name":${jsonNullable(fn.name ?? null)},"arguments":${jsonNullable(fn.arguments ?? null)}}`;
  return (
    `{"id":${jsonNullable(id)},"type":${type === undefined ? 'null' : jsonString(type)},"index":${index},` +
    `"function":${called}}`
  );
}
