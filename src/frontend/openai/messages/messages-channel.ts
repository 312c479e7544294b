/** A channel that a chat completion is answered on, and whose client reads messages. */
import { toApiError } from '../../llm/errors.ts';
import type { AnswerChannel } from '../answer-channel.ts';
import { anthropicErrorBody } from './anthropic-error.ts';
import type { ChatAnswerJson } from './chat-answer.ts';
import { MessageStream } from './message-stream.ts';
import { wholeMessage } from './whole-message.ts';

const DATA = 'data: ';
const DONE = '[DONE]';

export class MessagesChannel implements AnswerChannel {
  readonly #inner: AnswerChannel;
  readonly #stream = new MessageStream();
  #hasFailed = false;

  constructor(inner: AnswerChannel) {
    this.#inner = inner;
  }

  json(status: number, body: string): void {
    const answer = JSON.parse(body) as ChatAnswerJson;
    if (answer.error !== undefined) {
      this.#inner.json(status, anthropicErrorBody(status, answer.error.message));
      return;
    }
    try {
      this.#inner.json(status, wholeMessage(answer));
    } catch (error) {
      const { info } = toApiError(error);
      this.#inner.json(info.code, anthropicErrorBody(info.code, info.message));
    }
  }

  beginStream(): void {
    this.#inner.beginStream();
  }

  event(text: string): void {
    let out = '';
    for (const part of text.split('\n\n')) {
      if (this.#hasFailed || !part.startsWith(DATA) || part === DATA + DONE) continue;
      const chunk = JSON.parse(part.slice(DATA.length)) as ChatAnswerJson;
      if (chunk.error === undefined) out += this.#stream.take(chunk);
      else {
        this.#hasFailed = true;
        out += this.#stream.fail(chunk.error.code, chunk.error.message);
      }
    }
    if (out !== '') this.#inner.event(out);
  }

  endStream(): void {
    if (!this.#hasFailed) this.#inner.event(this.#stream.end());
    this.#inner.endStream();
  }

  breakStream(): void {
    this.#inner.breakStream();
  }

  onDisconnect(handler: () => void): void {
    this.#inner.onDisconnect(handler);
  }
}
