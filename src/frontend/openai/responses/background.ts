/**
 * A response that is made while nobody waits for it: its answer goes to the store.
 * Source: vllm/entrypoints/openai/responses/serving.py _run_background_request, _run_background_request_stream (0.33.0).
 */
import type { AnswerChannel } from '../answer-channel.ts';
import type { EventLog } from './event-log.ts';
import type { ResponseStore } from './store.ts';

export class BackgroundChannel implements AnswerChannel {
  readonly #store: ResponseStore;
  readonly #responseId: string;
  readonly #log: EventLog | null;
  #abort: () => void = () => {};

  constructor(store: ResponseStore, responseId: string, log: EventLog | null) {
    this.#store = store;
    this.#responseId = responseId;
    this.#log = log;
  }

  abort(): void {
    this.#abort();
  }

  /** The answer itself was stored as it was made; anything else is a failure. */
  json(status: number): void {
    if (status !== 200) this.#store.fail(this.#responseId);
  }

  beginStream(): void {
    // Readers begin their own.
  }

  event(text: string): void {
    this.#log?.append(text);
  }

  endStream(): void {
    this.#log?.end();
  }

  breakStream(): void {
    this.#store.fail(this.#responseId);
  }

  onDisconnect(handler: () => void): void {
    this.#abort = handler;
  }
}
