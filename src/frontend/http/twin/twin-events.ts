/**
 * The stream of events: the state whenever it changed, and the number of the newest frame. One look for all who listen; who
 * does not read is let go.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { TwinState } from '../../../shared/twin-api/state.ts';
import type { Twin } from '../../twin/twin-question.ts';
import { sendError } from './twin-answers.ts';

/** Between two looks while somebody listens. */
export const EVENT_MS = 250;
/** A comment line, so that nobody in between takes the stream for dead. */
export const HEARTBEAT_MS = 15_000;
export const MAX_LISTENERS = 64;
/** Bytes that may wait for one listener. */
export const MAX_UNREAD_BYTES = 4 * 1024 * 1024;

const HEADERS = { 'content-type': 'text/event-stream', 'x-accel-buffering': 'no' } as const;

interface Listener {
  readonly response: ServerResponse;
  lastState: string;
  lastN: number;
}

export class TwinEvents {
  readonly #twin: Twin;
  readonly #listeners = new Set<Listener>();
  #timer: NodeJS.Timeout | null = null;
  #lastBeatMs = 0;
  #isLooking = false;
  #isClosed = false;

  constructor(twin: Twin) {
    this.#twin = twin;
  }

  add(request: IncomingMessage, response: ServerResponse): void {
    if (request.method === 'HEAD') {
      // It would listen to a stream of which it is never told anything.
      response.writeHead(200, HEADERS).end();
      return;
    }
    if (this.#isClosed) {
      sendError(response, 503, 'the server is ending');
      return;
    }
    if (this.#listeners.size >= MAX_LISTENERS) {
      sendError(response, 503, `${MAX_LISTENERS} listen to the events already: close one of them`);
      return;
    }
    response.writeHead(200, HEADERS);
    response.write(': the twin\n\n');
    const listener = { response, lastState: '', lastN: -1 };
    this.#listeners.add(listener);
    response.on('close', () => this.#remove(listener));
    response.on('error', () => this.#remove(listener));
    request.resume();
    this.#timer ??= setInterval(() => void this.#look(), EVENT_MS).unref();
    void this.#look();
  }

  close(): void {
    this.#isClosed = true;
    for (const { response } of this.#listeners) response.end();
    this.#listeners.clear();
    this.#stop();
  }

  #remove(listener: Listener): void {
    this.#listeners.delete(listener);
    if (this.#listeners.size === 0) this.#stop();
  }

  #stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  async #look(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    try {
      const answer = await this.#twin.ask({ ask: 'state' });
      if (answer.isOk) this.#tellAll(answer.value);
    } finally {
      this.#isLooking = false;
    }
    this.#beat();
  }

  /** The frames' numbers change with every message: they are an event of their own, and none of the state's. */
  #tellAll(state: TwinState): void {
    const { frames, ...rest } = state;
    const text = JSON.stringify(rest);
    const framesEvent = `event: frames\ndata: ${JSON.stringify({ last_n: frames.last_n })}\n\n`;
    // Most looks find the state as it was: it is written out for the first listener who knows another.
    let stateEvent: string | null = null;
    for (const listener of this.#listeners) {
      const { response, lastState, lastN } = listener;
      if (response.writableLength > MAX_UNREAD_BYTES) {
        response.destroy();
        continue;
      }
      if (text !== lastState) {
        stateEvent ??= `event: state\ndata: ${JSON.stringify(state)}\n\n`;
        response.write(stateEvent);
      }
      if (frames.last_n !== lastN) response.write(framesEvent);
      listener.lastState = text;
      listener.lastN = frames.last_n;
    }
  }

  #beat(): void {
    const nowMs = performance.now();
    if (nowMs - this.#lastBeatMs < HEARTBEAT_MS) return;
    this.#lastBeatMs = nowMs;
    for (const { response } of this.#listeners) response.write(': still here\n\n');
  }
}
