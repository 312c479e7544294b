/**
 * `/v1/messages` and `/v1/messages/count_tokens`: a message request is served as the chat completion it stands for.
 * Source: vllm/entrypoints/anthropic/serving.py AnthropicServingMessages (0.33.0).
 */
import { toApiError } from '../../llm/errors.ts';
import type { AnswerChannel } from '../answer-channel.ts';
import { parserRequestOf } from '../chat/parser-request.ts';
import type { ChatCompletionRequest } from '../chat/request.ts';
import { createChatCompletion } from '../chat/serving.ts';
import { type Later, whenHere } from '../later.ts';
import type { RequestHeaders } from '../request-headers.ts';
import type { RequestParser } from '../request-parser.ts';
import { checkModel, type ServingContext } from '../serving-context.ts';
import { anthropicErrorBody } from './anthropic-error.ts';
import { toChatRequest } from './chat-request.ts';
import { MessagesChannel } from './messages-channel.ts';
import type { CountTokensRequest, MessagesRequest } from './request.ts';
import { ThinkingEffort } from './thinking-effort.ts';

export class MessagesServing {
  readonly #context: ServingContext;
  readonly #parser: RequestParser;
  readonly #effort: ThinkingEffort;

  constructor(context: ServingContext, parser: RequestParser, disabledThinkingEffort: string) {
    this.#context = context;
    this.#parser = parser;
    this.#effort = new ThinkingEffort(context.renderer, parser, disabledThinkingEffort);
  }

  /** Every refusal is an answer in Anthropic's shape. */
  create(request: MessagesRequest, headers: RequestHeaders, channel: AnswerChannel): Later<void> {
    return refusing(channel, () =>
      whenHere(this.toChat(request), (chat) =>
        createChatCompletion(this.#context, chat, headers, new MessagesChannel(channel)),
      ),
    );
  }

  /** How many tokens the prompt has. */
  countTokens(request: CountTokensRequest, channel: AnswerChannel): Later<void> {
    const context = this.#context;
    return refusing(channel, () =>
      whenHere(this.toChat(request), (chat) => {
        checkModel(context, chat.model);
        context.llm.preflight(1);
        return whenHere(context.renderer.renderChatCompletion(chat, channel), (prompt) => {
          // Rendering ends with the parsers' look at the tools.
          context.parsers?.adjust(parserRequestOf(chat));
          const count = prompt.promptTokenIds.length;
          channel.json(
            200,
            `{"input_tokens":${count},"context_management":{"original_input_tokens":${count}}}`,
          );
        });
      }),
    );
  }

  /** The chat completion request that it stands for. Throws, or rejects with, ApiError. */
  toChat(request: MessagesRequest | CountTokensRequest): Later<ChatCompletionRequest> {
    const { renderer, clock } = this.#context;
    return whenHere(this.#effort.resolveFor(request), (disabledThinkingEffort) =>
      toChatRequest(this.#parser, request, {
        mergesInlineSystem: !renderer.takesInlineSystem,
        nowSeconds: clock.wallMs() / 1000,
        disabledThinkingEffort,
      }),
    );
  }
}

function refusing(channel: AnswerChannel, act: () => Later<void>): Later<void> {
  const refuse = (error: unknown): void => {
    const { info } = toApiError(error);
    channel.json(info.code, anthropicErrorBody(info.code, info.message));
  };
  try {
    const done = act();
    return done instanceof Promise ? done.catch(refuse) : done;
  } catch (error) {
    refuse(error);
  }
}
