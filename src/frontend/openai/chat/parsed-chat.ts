/**
 * A chat whose outputs are parsed: its request as the parsers change it, what the engine is told of its reasoning, and
 * the parsers of its choices.
 * Source: vllm/entrypoints/openai/chat_completion/serving.py OpenAIServingChat (0.33.0).
 */
import { SCRIPTED_TOKEN_IDS_KEY } from '../../../shared/protocol/fault-keys.ts';
import type { OutputForm } from '../../../shared/protocol/output-form.ts';
import { toPlain } from '../../../shared/python/values.ts';
import type { OutputParsers } from '../parsing/output-parsers.ts';
import type { ParserRequest, RequestAdjustment } from '../parsing/types.ts';
import type { RenderedChat } from '../renderer.ts';
import type { ServingContext } from '../serving-context.ts';
import { askedOutput, withForm } from './asked-output.ts';
import { ParsedChoices } from './parsed-choices.ts';
import { parserRequestOf } from './parser-request.ts';
import type { ChatCompletionRequest } from './request.ts';

/** A chat as its parsers change it. */
export interface AdjustedChat {
  readonly request: ChatCompletionRequest;
  readonly reasoningEnded: boolean | null;
  readonly reasoningParserKwargs: Readonly<Record<string, unknown>> | null;
}

export interface ParsedChat extends AdjustedChat {
  /** Null where outputs are content as they are. */
  readonly choices: ParsedChoices | null;
}

/** What an engine is asked, and nothing of what the twin's own is to say. Throws ApiError for tools that no call can be made of. */
export function adjustedChat(
  { parsers, renderer }: ServingContext,
  request: ChatCompletionRequest,
  { promptTokenIds }: RenderedChat,
): AdjustedChat {
  if (parsers === null) {
    const reasoningEnded = request.include_reasoning ? null : true;
    return { request, reasoningEnded, reasoningParserKwargs: null };
  }
  const parserRequest = parserRequestOf(request);
  const chatTemplateKwargs = renderer.chatTemplateKwargs(request);
  const parser = parsers.make(parserRequest, chatTemplateKwargs, 'chat_completions');
  const hasEnded = parsers.hasReasoning ? parser.isReasoningEnd(promptTokenIds) : null;
  return {
    request: adjust(request, parserRequest, parsers.adjust(parserRequest)),
    reasoningEnded: request.include_reasoning ? hasEnded : true,
    reasoningParserKwargs: parsers.hasReasoning
      ? { chat_template_kwargs: toPlain(chatTemplateKwargs) }
      : null,
  };
}

/** Throws ApiError for tools that no call can be made of. */
export function parsedChat(
  context: ServingContext,
  parsers: OutputParsers,
  request: ChatCompletionRequest,
  prompt: RenderedChat,
): ParsedChat {
  const { promptTokenIds } = prompt;
  const adjusted = adjustedChat(context, request, prompt);
  const form = askedForm(context, parsers, request, prompt);
  const { vllm_xargs: xargs } = request;
  return {
    ...adjusted,
    request:
      form === null ? adjusted.request : { ...adjusted.request, vllm_xargs: withForm(xargs, form) },
    choices: new ParsedChoices({
      parsers,
      request: parserRequestOf(request),
      chatTemplateKwargs: context.renderer.chatTemplateKwargs(request),
      promptTokenIds,
    }),
  };
}

/** What the twin's model is to say; null: what it would. */
function askedForm(
  { renderer, toolCallRate }: ServingContext,
  parsers: OutputParsers,
  request: ChatCompletionRequest,
  { promptTokenIds }: RenderedChat,
): OutputForm | null {
  if (hasScript(request)) return null;
  const parserRequest = parserRequestOf(request);
  const kwargs = renderer.chatTemplateKwargs(request);
  const isThinking =
    parsers.isHarmony ||
    (parsers.hasReasoning &&
      !parsers.make(parserRequest, kwargs, 'chat_completions').isReasoningEnd(promptTokenIds));
  const thought = isThinking ? { isOpen: parsers.isReasoningOpen(promptTokenIds) } : null;
  return askedOutput({
    parsers,
    request,
    parserRequest,
    toolCallRate,
    promptTokenIds,
    thought,
  });
}

/** The request says itself what comes out. */
function hasScript({ vllm_xargs: xargs }: ChatCompletionRequest): boolean {
  return xargs !== null && SCRIPTED_TOKEN_IDS_KEY in xargs;
}

function adjust(
  request: ChatCompletionRequest,
  { toolChoice }: ParserRequest,
  { keepsSpecialTokens = false, structuredOutputs }: RequestAdjustment,
): ChatCompletionRequest {
  const kept = keepsSpecialTokens ? { ...request, skip_special_tokens: false } : request;
  if (structuredOutputs === undefined || toolChoice === 'none') return kept;
  return {
    ...kept,
    structured_outputs: structuredOutputs as ChatCompletionRequest['structured_outputs'],
    response_format: null,
  };
}
