/**
 * An answer on one HTTP response, written without a framework in between. What the client does not read waits here, up to
 * the bounds of unread-bytes.ts; beyond them the client is given up as if it had gone: its request is aborted.
 */
import type { ServerResponse } from 'node:http';
import type { AnswerChannel } from '../openai/answer-channel.ts';
import type { TurnWriter } from './turn-writer.ts';
import {
  MAX_UNREAD_BYTES,
  MAX_UNREAD_STREAM_BYTES,
  UNREAD_TIMEOUT_MS,
  type UnreadBytes,
} from './unread-bytes.ts';

const KEEP_ALIVE_COMMENT = ': keep-alive\n\n';

export interface ResponseChannelOptions {
  readonly response: ServerResponse;
  /** Headers that every answer to this request carries. */
  readonly headers: Readonly<Record<string, string>>;
  readonly turnWriter: TurnWriter;
  readonly unread: UnreadBytes;
  /** Seconds of silence after which a stream gets a comment; 0: never. */
  readonly keepAliveSeconds: number;
  /** Called once the answer is complete or the client gone. */
  readonly onDone: () => void;
}

export class ResponseChannel implements AnswerChannel {
  readonly #response: ServerResponse;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #turnWriter: TurnWriter;
  readonly #unread: UnreadBytes;
  readonly #keepAliveSeconds: number;
  #pending = '';
  #pendingBytes = 0;
  /** The socket has taken all that it takes: nothing is written until it says `drain`. */
  #isBlocked = false;
  #isWatched = false;
  /** This connection's share of the unread bytes. */
  #unreadShare = 0;
  #isMarked = false;
  #isEnding = false;
  #isDone = false;
  #onDisconnect: (() => void) | null = null;
  #keepAliveTimer: NodeJS.Timeout | null = null;

  constructor(options: ResponseChannelOptions) {
    const { response, onDone } = options;
    this.#response = response;
    this.#headers = options.headers;
    this.#turnWriter = options.turnWriter;
    this.#unread = options.unread;
    this.#keepAliveSeconds = options.keepAliveSeconds;
    response.on('close', () => {
      if (this.#keepAliveTimer !== null) clearTimeout(this.#keepAliveTimer);
      this.#shareUnread(0);
      // A stream that is ending is answered, though the client did not stay to read it.
      if (!this.#isDone && !this.#isEnding) this.#onDisconnect?.();
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
      ...this.#headers,
    });
    this.#response.end(body);
    this.#checkUnread(Number.POSITIVE_INFINITY);
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
    this.#pendingBytes += Buffer.byteLength(text);
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
    this.#response.write(this.#takePending());
    this.#isDone = true;
    // What was written still goes out; the missing last chunk tells that this is not all.
    this.#response.socket?.end();
    this.#checkUnread(MAX_UNREAD_STREAM_BYTES);
  }

  flush(): void {
    this.#isMarked = false;
    if (this.#isDone) return;
    if (this.#isBlocked) {
      this.#checkUnread(MAX_UNREAD_STREAM_BYTES);
      return;
    }
    const text = this.#takePending();
    if (this.#isEnding) {
      this.#isDone = true;
      this.#response.end(text);
      this.#checkUnread(MAX_UNREAD_STREAM_BYTES);
      return;
    }
    if (text === '') return;
    this.#keepAliveTimer?.refresh();
    if (this.#response.write(text)) return;
    this.#isBlocked = true;
    this.#response.once('drain', () => {
      this.#isBlocked = false;
      this.#shareUnread(0);
      this.flush();
    });
    this.#checkUnread(MAX_UNREAD_STREAM_BYTES);
  }

  #takePending(): string {
    const text = this.#pending;
    this.#pending = '';
    this.#pendingBytes = 0;
    return text;
  }

  #shareUnread(bytes: number): void {
    this.#unread.change(bytes - this.#unreadShare);
    this.#unreadShare = bytes;
  }

  /** Gives the client up where more waits for it than `maxBytes`, or than all connections together may hold. */
  #checkUnread(maxBytes: number): void {
    const { writableLength, destroyed } = this.#response;
    const bytes = writableLength + this.#pendingBytes;
    if (bytes === 0 || destroyed) return;
    this.#shareUnread(bytes);
    if (bytes > maxBytes) this.#giveUp(`more than ${maxBytes} bytes wait`);
    else if (this.#unread.total > MAX_UNREAD_BYTES)
      this.#giveUp(`more than ${MAX_UNREAD_BYTES} bytes wait for all clients`);
    else if (!this.#isWatched) {
      this.#isWatched = true;
      // Runs out only while nothing at all gets away.
      this.#response.setTimeout(UNREAD_TIMEOUT_MS, () => {
        if (this.#isBlocked || this.#response.writableLength > 0)
          this.#giveUp(`none of it in ${UNREAD_TIMEOUT_MS / 1000} seconds`);
      });
    }
  }

  #giveUp(reason: string): void {
    this.#unread.giveUp(this.#unreadShare, reason);
    const onDisconnect = this.#onDisconnect;
    this.#onDisconnect = null;
    if (!this.#isDone && !this.#isEnding) onDisconnect?.();
    this.#isDone = true;
    this.#takePending();
    this.#response.destroy();
  }

  onDisconnect(handler: () => void): void {
    this.#onDisconnect = handler;
  }
}
