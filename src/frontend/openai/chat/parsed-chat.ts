/**
 * A chat whose outputs are parsed: its request as the parsers change it, what the engine is told of its reasoning, and
 * the parsers of its choices.
 * Source: vllm/entrypoints/openai/chat_completion/serving.py OpenAIServingChat (0.33.0).
 */
import { SCRIPTED_TOKEN_IDS_KEY } from '../../../shared/protocol/fault-keys.ts';
import { toPlain } from '../../../shared/python/values.ts';
import type { OutputParsers } from '../parsing/output-parsers.ts';
import type { ParserRequest, RequestAdjustment } from '../parsing/types.ts';
import type { RenderedChat } from '../renderer.ts';
import type { ServingContext } from '../serving-context.ts';
import { askedOutput, withForm } from './asked-output.ts';
import { ParsedChoices } from './parsed-choices.ts';
import { parserRequestOf } from './parser-request.ts';
import type { ChatCompletionRequest } from './request.ts';

export interface ParsedChat {
  readonly request: ChatCompletionRequest;
  /** Null where outputs are content as they are. */
  readonly choices: ParsedChoices | null;
  readonly reasoningEnded: boolean | null;
  readonly reasoningParserKwargs: Readonly<Record<string, unknown>> | null;
}

/** Throws ApiError for tools that no call can be made of. */
export function parsedChat(
  context: ServingContext,
  parsers: OutputParsers,
  request: ChatCompletionRequest,
  { promptTokenIds }: RenderedChat,
): ParsedChat {
  const parserRequest = parserRequestOf(request);
  const chatTemplateKwargs = context.renderer.chatTemplateKwargs(request);
  const parser = parsers.make(parserRequest, chatTemplateKwargs, 'chat_completions');
  const hasEnded = parsers.hasReasoning ? parser.isReasoningEnd(promptTokenIds) : null;
  const adjustment = parsers.adjust(parserRequest);
  const thought =
    hasEnded === false || parsers.isHarmony
      ? { isOpen: parsers.isReasoningOpen(promptTokenIds) }
      : null;
  const form = hasScript(request)
    ? null
    : askedOutput({
        parsers,
        request,
        parserRequest,
        toolCallRate: context.toolCallRate,
        promptTokenIds,
        thought,
      });
  const adjusted = adjust(request, parserRequest, adjustment);
  return {
    request:
      form === null ? adjusted : { ...adjusted, vllm_xargs: withForm(request.vllm_xargs, form) },
    choices: new ParsedChoices({
      parsers,
      request: parserRequest,
      chatTemplateKwargs,
      promptTokenIds,
    }),
    reasoningEnded: request.include_reasoning ? hasEnded : true,
    reasoningParserKwargs: parsers.hasReasoning
      ? { chat_template_kwargs: toPlain(chatTemplateKwargs) }
      : null,
  };
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
