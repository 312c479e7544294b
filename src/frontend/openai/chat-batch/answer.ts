/**
 * What `/v1/chat/completions/batch` answers: a chat completion with one choice a conversation, in vLLM's key order.
 * Source: vllm/entrypoints/openai/chat_completion/batch_serving.py (0.33.0).
 */
import { jsonIntegers, jsonNullable, jsonString } from '../../../shared/python/json-text.ts';
import type { CompletionOutput, RequestOutput } from '../../llm/request-output.ts';
import { jsonStopReason, usageJson } from '../answer-json.ts';
import { AnswerParts } from '../answer-parts.ts';
import { chatLogprobs } from '../chat/logprobs.ts';
import type { ParsedChat } from '../chat/parsed-chat.ts';
import type { ChatCompletionRequest } from '../chat/request.ts';
import { type Answer, checkFinishReason } from '../exchange.ts';
import type { RenderedChat } from '../renderer.ts';
import type { ServingContext } from '../serving-context.ts';

/** One conversation of the batch. */
export interface BatchedChat {
  readonly request: ChatCompletionRequest;
  readonly prompt: RenderedChat;
  readonly parsed: ParsedChat;
}

export class BatchAnswer implements Answer {
  readonly #context: ServingContext;
  readonly #id: string;
  readonly #chats: readonly BatchedChat[];
  readonly #parts: AnswerParts;

  /** `chats`: at least one. */
  constructor(context: ServingContext, id: string, chats: readonly BatchedChat[]) {
    this.#context = context;
    this.#id = id;
    this.#chats = chats;
    this.#parts = new AnswerParts(context, (chats[0] as BatchedChat).request, chats.length);
  }

  wholeAnswer(finals: readonly RequestOutput[]): string {
    let promptTokens = 0;
    let completionTokens = 0;
    const choices = finals.flatMap((output, index) => {
      promptTokens += output.promptTokenIds.length;
      return output.outputs.map((completion) => {
        completionTokens += completion.tokenIds.length;
        return this.#choice(index, this.#chats[index] as BatchedChat, completion);
      });
    });
    const usage = usageJson({ promptTokens, completionTokens, promptTokensDetails: 'null' });
    return (
      `${this.#parts.head(this.#id, 'chat.completion')}${choices.join(',')}],"service_tier":null,` +
      `"system_fingerprint":${this.#parts.fingerprint},"usage":${usage},"prompt_logprobs":null,"prompt_token_ids":null,` +
      '"prompt_text":null,"kv_transfer_params":null,"ec_transfer_params":null,"metrics":null}'
    );
  }

  #choice(index: number, chat: BatchedChat, completion: CompletionOutput): string {
    checkFinishReason(completion);
    const { request } = chat;
    const { tokenIds, finishReason, stopReason } = completion;
    const { content: said, reasoning } = chat.parsed.choices?.message({
      ...completion,
      index: 0,
    }) ?? {
      content: completion.text,
      reasoning: 'null',
    };
    const role = request.add_generation_prompt
      ? this.#context.responseRole
      : String(request.messages.at(-1)?.['role']);
    const content = request.echo ? echoed(chat, role) + (said ?? '') : said;
    return (
      `{"index":${index},"message":{"role":${jsonString(role)},"content":${jsonNullable(content)},` +
      `"refusal":null,"annotations":null,"audio":null,"function_call":null,"reasoning":${reasoning}},` +
      `"logprobs":${this.#logprobs(request, completion)},"finish_reason":${jsonString(finishReason ?? 'stop')},` +
      `"stop_reason":${jsonStopReason(stopReason)},` +
      `"token_ids":${request.return_token_ids === true ? jsonIntegers(tokenIds) : 'null'},` +
      '"routed_experts":null,"weight_versions":null}'
    );
  }

  #logprobs(request: ChatCompletionRequest, { tokenIds, logprobs }: CompletionOutput): string {
    if (request.logprobs !== true) return 'null';
    const top = request.top_logprobs;
    const format = this.#parts.logprobsFormat(top === -1 ? null : top);
    return chatLogprobs(tokenIds, logprobs ?? [], format, false);
  }

  /** Batches are never streamed. */
  beginStream(): void {}
  streamOutput(): void {}
  lastEvents(): string {
    return '';
  }
  errorEvents(): null {
    return null;
  }
}

/** The last message, where it has the answer's role. */
function echoed({ prompt: { conversation } }: BatchedChat, role: string): string {
  const last = conversation.at(-1);
  if (last === undefined || last['role'] !== role) return '';
  const content = last['content'] || '';
  if (!Array.isArray(content)) return String(content);
  return (content as readonly { text?: unknown }[]).map(({ text }) => String(text)).join('\n');
}
