/**
 * `/v1/chat/completions/batch`: conversations of one request, answered together.
 * Source: vllm/entrypoints/openai/chat_completion/batch_serving.py OpenAIServingChatBatch (0.33.0).
 */
import type { PyDict, PyValue } from '../../../shared/python/values.ts';
import type { AnswerChannel } from '../answer-channel.ts';
import type { ChatCompletionRequest } from '../chat/request.ts';
import { chatSamplingParams, parsedOf } from '../chat/serving.ts';
import { Exchange } from '../exchange.ts';
import { type Later, whenHere } from '../later.ts';
import { baseRequestId, type RequestHeaders } from '../request-headers.ts';
import type { RequestParser } from '../request-parser.ts';
import { checkModel, type ServingContext } from '../serving-context.ts';
import { BatchAnswer, type BatchedChat } from './answer.ts';
import type { BatchChatCompletionRequest } from './request.ts';

export interface BatchServing {
  readonly context: ServingContext;
  readonly parser: RequestParser;
}

/** Throws, or rejects with, ApiError when there is no answer to begin; else the channel gets it, now or later. */
export function createBatchChatCompletion(
  { context, parser }: BatchServing,
  batch: BatchChatCompletionRequest,
  headers: RequestHeaders,
  channel: AnswerChannel,
): Later<void> {
  checkModel(context, batch.model);
  context.llm.preflight(1);
  const arrivalTime = context.clock.wallMs() / 1000;
  return whenHere(renderFrom({ context, parser }, batch, channel, []), (chats) => {
    const id = `chatcmpl-${baseRequestId(headers, batch.request_id)}`;
    const prompts = chats.map(({ prompt, parsed }, index) => ({
      requestId: `${id}_${index}`,
      promptTokenIds: prompt.promptTokenIds,
      text: prompt.text,
      params: chatSamplingParams(context, parsed.request, prompt),
      reasoningEnded: parsed.reasoningEnded,
      reasoningParserKwargs: parsed.reasoningParserKwargs,
    }));
    new Exchange({
      context,
      request: { ...(chats[0] as BatchedChat).request, stream: false },
      headers,
      channel,
      arrivalTime,
      prompts,
      answer: new BatchAnswer(context, id, chats),
      log: { id, skipsEmpty: true, onlyFinal: true },
    }).start();
  });
}

/** The conversations from those that are rendered on, one after another. */
function renderFrom(
  serving: BatchServing,
  batch: BatchChatCompletionRequest,
  channel: AnswerChannel,
  done: readonly BatchedChat[],
): Later<readonly BatchedChat[]> {
  const messages = batch.messages[done.length];
  if (messages === undefined) return done;
  const request = toChatRequest(serving.parser, batch, messages);
  // Tools are no part of a batch: neither shown to the template nor chosen from.
  const shown = { ...request, tools: null, tool_choice: 'none' };
  const { context } = serving;
  return whenHere(context.renderer.renderChatCompletion(shown, channel), (prompt) => {
    const parsed = parsedOf(context, shown, prompt);
    return renderFrom(serving, batch, channel, [...done, { request, prompt, parsed }]);
  });
}

function toChatRequest(
  parser: RequestParser,
  batch: BatchChatCompletionRequest,
  messages: BatchChatCompletionRequest['messages'][number],
): ChatCompletionRequest {
  const fields = Object.entries(batch as unknown as PyDict).filter(
    ([name, value]) => name !== 'messages' && value !== null,
  );
  return parser.check('chat-completion-request', {
    ...Object.fromEntries(fields),
    messages: messages as unknown as PyValue,
  });
}
