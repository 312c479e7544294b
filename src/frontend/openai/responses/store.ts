/**
 * The answers that can be asked for again, where VLLM_ENABLE_RESPONSES_API_STORE is set.
 * Source: vllm/entrypoints/openai/responses/serving.py response_store, msg_store, event_store (0.33.0), which never forget;
 * here the oldest that are over make room.
 */
import { serviceUnavailable } from '../../llm/errors.ts';
import type { ChatMessageParam } from '../chat/request.ts';
import type { EventLog } from './event-log.ts';

export type StoredStatus =
  | 'queued'
  | 'in_progress'
  | 'completed'
  | 'incomplete'
  | 'failed'
  | 'cancelled';

export interface StoredResponse {
  readonly id: string;
  readonly status: StoredStatus;
  /** The answer's JSON. */
  readonly body: string;
  /** What the model was asked, for a request that goes on from here. */
  readonly messages: readonly ChatMessageParam[];
  /** What it said. */
  readonly outputTexts: readonly string[];
  /** Of a stream in the background. */
  readonly log: EventLog | null;
}

/** A background request before its end. */
export interface BackgroundResponse {
  /** The answer's JSON while nothing has come of it yet. */
  readonly bodyOf: (status: StoredStatus) => string;
  abort: () => void;
}

const MAX_STORED_RESPONSES = 10_000;
/** Characters of bodies, messages' texts and events. */
const MAX_STORED_CHARS = 64 * 1024 * 1024;

export interface ResponseStoreLimits {
  readonly maxResponses: number;
  readonly maxChars: number;
}

export class ResponseStore {
  readonly #limits: ResponseStoreLimits;
  /** In the order in which they were last written. */
  readonly #responses = new Map<string, StoredResponse>();
  readonly #running = new Map<string, BackgroundResponse>();
  readonly #sizes = new Map<string, number>();
  #numChars = 0;

  constructor(
    limits: ResponseStoreLimits = {
      maxResponses: MAX_STORED_RESPONSES,
      maxChars: MAX_STORED_CHARS,
    },
  ) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#responses.size;
  }

  get(id: string): StoredResponse | null {
    return this.#responses.get(id) ?? null;
  }

  /** Throws ApiError where the store is full of requests that still run. */
  begin(response: StoredResponse, background: BackgroundResponse): void {
    if (this.#running.size >= this.#limits.maxResponses) {
      throw serviceUnavailable(
        `The response store holds ${this.#limits.maxResponses} background responses that still run. Please try again later.`,
      );
    }
    this.#running.set(response.id, background);
    this.#put(response);
  }

  /** The end of a request; a cancelled one stays cancelled. */
  finish(response: StoredResponse): void {
    this.#running.delete(response.id);
    if (this.get(response.id)?.status !== 'cancelled') this.#put(response);
  }

  /** Ends a background request whose answer never came. */
  fail(id: string): void {
    this.#end(id, 'failed');
  }

  /** True where it was waiting or running. */
  cancel(id: string): boolean {
    const background = this.#running.get(id);
    if (!this.#end(id, 'cancelled')) return false;
    background?.abort();
    return true;
  }

  #end(id: string, status: StoredStatus): boolean {
    const response = this.#responses.get(id);
    const background = this.#running.get(id);
    if (response === undefined || background === undefined) return false;
    this.#running.delete(id);
    this.#put({ ...response, status, body: background.bodyOf(status) });
    response.log?.end();
    return true;
  }

  #put(response: StoredResponse): void {
    this.#remove(response.id);
    const size = sizeOf(response);
    this.#responses.set(response.id, response);
    this.#sizes.set(response.id, size);
    this.#numChars += size;
    for (const id of this.#responses.keys()) {
      const isFull =
        this.#responses.size > this.#limits.maxResponses || this.#numChars > this.#limits.maxChars;
      if (!isFull) return;
      if (!this.#running.has(id)) this.#remove(id);
    }
  }

  #remove(id: string): void {
    this.#responses.delete(id);
    this.#numChars -= this.#sizes.get(id) ?? 0;
    this.#sizes.delete(id);
  }
}

function sizeOf({ body, messages, outputTexts, log }: StoredResponse): number {
  let size = body.length + (log?.size ?? 0) + JSON.stringify(messages).length;
  for (const text of outputTexts) size += text.length;
  return size;
}
