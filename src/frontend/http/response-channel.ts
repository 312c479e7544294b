/** An answer on one HTTP response, written without a framework in between. */
import type { ServerResponse } from 'node:http';
import type { AnswerChannel } from '../openai/answer-channel.ts';
import type { TurnWriter } from './turn-writer.ts';

const KEEP_ALIVE_COMMENT = ': keep-alive\n\n';

export interface ResponseChannelOptions {
  readonly response: ServerResponse;
  /** Headers that every answer to this request carries. */
  readonly headers: Readonly<Record<string, string>>;
  readonly turnWriter: TurnWriter;
  /** Seconds of silence after which a stream gets a comment; 0: never. */
  readonly keepAliveSeconds: number;
  /** More headers of a whole answer that is no error, made when it is written. */
  readonly successHeaders?: () => Readonly<Record<string, string>>;
  /** Called once the answer is complete or the client gone. */
  readonly onDone: () => void;
}

export class ResponseChannel implements AnswerChannel {
  readonly #response: ServerResponse;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #turnWriter: TurnWriter;
  readonly #keepAliveSeconds: number;
  readonly #successHeaders: () => Readonly<Record<string, string>>;
  #pending = '';
  #isMarked = false;
  #isEnding = false;
  #isDone = false;
  #onDisconnect: (() => void) | null = null;
  #keepAliveTimer: NodeJS.Timeout | null = null;

  constructor(options: ResponseChannelOptions) {
    const { response, headers, turnWriter, keepAliveSeconds, onDone } = options;
    this.#successHeaders = options.successHeaders ?? (() => ({}));
    this.#response = response;
    this.#headers = headers;
    this.#turnWriter = turnWriter;
    this.#keepAliveSeconds = keepAliveSeconds;
    response.on('close', () => {
      if (this.#keepAliveTimer !== null) clearTimeout(this.#keepAliveTimer);
      if (!this.#isDone) this.#onDisconnect?.();
      this.#isDone = true;
      this.#onDisconnect = null;
      onDone();
    });
  }

  json(status: number, body: string): void {
    if (this.#isDone) return;
    this.#isDone = true;
    this.#response.writeHead(status, {
      'content-length': Buffer.byteLength(body),
      'content-type': 'application/json',
      ...(status === 200 ? this.#successHeaders() : {}),
      ...this.#headers,
    });
    this.#response.end(body);
  }

  beginStream(): void {
    if (this.#isDone) return;
    this.#response.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      ...this.#headers,
    });
    if (this.#keepAliveSeconds > 0) {
      this.#keepAliveTimer = setTimeout(() => this.#keepAlive(), this.#keepAliveSeconds * 1000);
    }
  }

  #keepAlive(): void {
    if (this.#isDone) return;
    this.event(KEEP_ALIVE_COMMENT);
    this.flush();
  }

  event(text: string): void {
    if (this.#isDone) return;
    this.#pending += text;
    this.#mark();
  }

  #mark(): void {
    if (this.#isMarked) return;
    this.#isMarked = true;
    this.#turnWriter.mark(this);
  }

  endStream(): void {
    if (this.#isDone) return;
    this.#isEnding = true;
    this.#mark();
  }

  breakStream(): void {
    if (this.#isDone) return;
    this.flush();
    this.#isDone = true;
    // What was written still goes out; the missing last chunk tells that this is not all.
    this.#response.socket?.end();
  }

  flush(): void {
    this.#isMarked = false;
    const text = this.#pending;
    this.#pending = '';
    if (this.#isDone) return;
    if (this.#isEnding) {
      this.#isDone = true;
      this.#response.end(text);
      return;
    }
    if (text !== '') {
      this.#response.write(text);
      this.#keepAliveTimer?.refresh();
    }
  }

  onDisconnect(handler: () => void): void {
    this.#onDisconnect = handler;
  }
}
