/**
 * An answer on one HTTP response, written without a framework in between. What the client does not read waits here, up to
 * the bounds of unread-bytes.ts; beyond them the client is given up as if it had gone: its request is aborted.
 */
import type { ServerResponse } from 'node:http';
import type { AnswerChannel } from '../openai/answer-channel.ts';
import { ChunkWriter } from './chunk-writer.ts';
import { resetConnection } from './reset-connection.ts';
import type { TurnWriter } from './turn-writer.ts';
import {
  MAX_UNREAD_BYTES,
  MAX_UNREAD_BYTES_UNTOUCHED,
  MAX_UNREAD_STREAM_BYTES,
  UNREAD_TIMEOUT_MS,
  type UnreadBytes,
} from './unread-bytes.ts';

/** Given to the socket at once, so that a slow reader is seen to read. */
const WRITE_BYTES = 64 * 1024;
const KEEP_ALIVE_COMMENT = ': keep-alive\n\n';

export interface ResponseChannelOptions {
  readonly response: ServerResponse;
  /** Headers that every answer to this request carries. */
  readonly headers: Readonly<Record<string, string>>;
  readonly turnWriter: TurnWriter;
  readonly unread: UnreadBytes;
  /** Seconds of silence after which a stream gets a comment; 0: never. */
  readonly keepAliveSeconds: number;
  /** More headers of a whole answer that is no error, made when it is written. */
  readonly successHeaders?: (() => Readonly<Record<string, string>>) | null;
  /** Asked as a stream begins: events after which its connection is reset, as if the client had gone; null: never. */
  readonly cutAfter?: (() => number | null) | null;
  /** Told the content length of a whole answer: what `writeHead` is given nobody can ask the response for. */
  readonly onWholeAnswer?: (bytes: number) => void;
  /** Called once the answer is complete or the client gone. */
  readonly onDone: () => void;
}

export class ResponseChannel implements AnswerChannel {
  readonly #response: ServerResponse;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #turnWriter: TurnWriter;
  readonly #unread: UnreadBytes;
  readonly #keepAliveSeconds: number;
  readonly #successHeaders: (() => Readonly<Record<string, string>>) | null;
  readonly #onWholeAnswer: ((bytes: number) => void) | undefined;
  /** Events that were not written, and their bytes. */
  #pending: string[] = [];
  #pendingBytes = 0;
  /** What came since the socket last took something: the client may be slow, but has it read at all? */
  #bytesSinceDrain = 0;
  /** The socket has taken all that it takes: nothing is written until it says `drain`. */
  #isBlocked = false;
  #isWatched = false;
  /** This connection's share of the unread bytes. */
  #unreadShare = 0;
  #isMarked = false;
  #isEnding = false;
  #isDone = false;
  /** The client left before the answer was complete. */
  #isGone = false;
  #onDisconnect: (() => void) | null = null;
  #keepAliveTimer: NodeJS.Timeout | null = null;
  readonly #cutAfter: (() => number | null) | null;
  /** Events before the cut; null: it is not cut. */
  #eventsLeft: number | null = null;
  #isCut = false;
  /** Of a stream that has begun. */
  #body: ChunkWriter | null = null;

  constructor(options: ResponseChannelOptions) {
    const { response, onDone } = options;
    this.#successHeaders = options.successHeaders ?? null;
    this.#onWholeAnswer = options.onWholeAnswer;
    this.#response = response;
    this.#headers = options.headers;
    this.#turnWriter = options.turnWriter;
    this.#unread = options.unread;
    this.#keepAliveSeconds = options.keepAliveSeconds;
    this.#cutAfter = options.cutAfter ?? null;
    response.on('close', () => {
      if (this.#keepAliveTimer !== null) clearTimeout(this.#keepAliveTimer);
      this.#shareUnread(0);
      // A stream that is ending is answered, though the client did not stay to read it.
      this.#isGone = !this.#isDone && !this.#isEnding;
      this.#isDone = true;
      if (this.#isGone) this.#onDisconnect?.();
      this.#onDisconnect = null;
      onDone();
    });
  }

  json(status: number, body: string): void {
    if (this.#isDone) return;
    this.#isDone = true;
    const bytes = Buffer.byteLength(body);
    this.#onWholeAnswer?.(bytes);
    this.#response.writeHead(status, {
      'content-length': bytes,
      'content-type': 'application/json',
      ...(status === 200 ? this.#successHeaders?.() : null),
      ...this.#headers,
    });
    this.#body = new ChunkWriter(this.#response);
    this.#body.end([body]);
    this.#checkUnread();
  }

  beginStream(): void {
    if (this.#isDone) return;
    const response = this.#response;
    response.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      ...this.#headers,
    });
    this.#body = new ChunkWriter(response);
    if (this.#keepAliveSeconds > 0) {
      this.#keepAliveTimer = setTimeout(() => this.#keepAlive(), this.#keepAliveSeconds * 1000);
    }
    this.#eventsLeft = this.#cutAfter?.() ?? null;
    if (this.#eventsLeft === 0) this.#cut();
  }

  #keepAlive(): void {
    if (this.#isDone || this.#isCut) return;
    this.#append(KEEP_ALIVE_COMMENT);
    this.flush();
  }

  event(text: string): void {
    if (this.#isDone || this.#isCut) return;
    if (this.#eventsLeft === null) this.#append(text);
    else this.#appendUntilCut(text);
  }

  /** A text may be several events. */
  #appendUntilCut(text: string): void {
    const events = text.split(/(?<=\n\n)/);
    const sent = events.slice(0, this.#eventsLeft ?? 0);
    this.#append(sent.join(''));
    this.#eventsLeft = (this.#eventsLeft ?? 0) - sent.length;
    if (this.#eventsLeft === 0) this.#cut();
  }

  /** What came before goes out, then the connection is reset; what closes it aborts the request. */
  #cut(): void {
    this.#isCut = true;
    this.#body?.write(this.#takePending(Number.POSITIVE_INFINITY), () =>
      resetConnection(this.#response),
    );
    // A client that does not read keeps it from going out.
    this.#checkUnread();
  }

  #append(text: string): void {
    this.#pending.push(text);
    const bytes = Buffer.byteLength(text);
    this.#pendingBytes += bytes;
    if (this.#isBlocked) this.#bytesSinceDrain += bytes;
    this.#mark();
  }

  #mark(): void {
    if (this.#isMarked) return;
    this.#isMarked = true;
    this.#turnWriter.mark(this);
  }

  endStream(): void {
    if (this.#isDone || this.#isCut) return;
    this.#isEnding = true;
    this.#mark();
  }

  breakStream(): void {
    if (this.#isDone || this.#isCut) return;
    this.#body?.write(this.#takePending(Number.POSITIVE_INFINITY));
    this.#isDone = true;
    // What was written still goes out; the missing last chunk tells that this is not all.
    this.#response.socket?.end();
    this.#checkUnread();
  }

  flush(): void {
    this.#isMarked = false;
    if (this.#isDone || this.#isCut) return;
    if (!this.#isBlocked) this.#write();
    this.#checkUnread();
  }

  /** As much as the socket takes without a queue of its own. */
  #write(): void {
    const body = this.#body;
    if (body === null) return;
    while (this.#pending.length > 0) {
      this.#keepAliveTimer?.refresh();
      const isLast = this.#isEnding && this.#pendingBytes <= WRITE_BYTES;
      const texts = this.#takePending(WRITE_BYTES);
      if (isLast) {
        this.#end(body, texts);
        return;
      }
      if (body.write(texts)) continue;
      this.#isBlocked = true;
      this.#response.once('drain', () => this.#onDrain());
      return;
    }
    if (this.#isEnding) this.#end(body, []);
  }

  #end(body: ChunkWriter, texts: readonly string[]): void {
    this.#isDone = true;
    body.end(texts);
  }

  #onDrain(): void {
    this.#isBlocked = false;
    this.#bytesSinceDrain = 0;
    this.flush();
    if (!this.#isBlocked && !this.#isDone) this.#shareUnread(0);
  }

  /** At least one event, and no more than `maxBytes` where several wait. */
  #takePending(maxBytes: number): readonly string[] {
    if (this.#pendingBytes <= maxBytes) {
      const texts = this.#pending;
      this.#pending = [];
      this.#pendingBytes = 0;
      return texts;
    }
    let bytes = 0;
    let count = 0;
    while (count === 0 || bytes < maxBytes)
      bytes += Buffer.byteLength(this.#pending[count++] ?? '');
    this.#pendingBytes -= bytes;
    return this.#pending.splice(0, count);
  }

  #shareUnread(bytes: number): void {
    this.#unread.change(bytes - this.#unreadShare);
    this.#unreadShare = bytes;
  }

  /** Gives the client up where a bound is passed. */
  #checkUnread(): void {
    const { writableLength, destroyed } = this.#response;
    const bytes = writableLength + this.#pendingBytes;
    if (bytes === 0 || destroyed) return;
    this.#shareUnread(bytes);
    const reason = this.#reasonToGiveUp();
    if (reason !== null) this.#giveUp(reason);
    else if (!this.#isWatched) this.#watch();
  }

  #reasonToGiveUp(): string | null {
    if (this.#bytesSinceDrain > MAX_UNREAD_BYTES_UNTOUCHED)
      return `nothing while ${MAX_UNREAD_BYTES_UNTOUCHED} bytes came`;
    if (this.#pendingBytes > MAX_UNREAD_STREAM_BYTES)
      return `more than ${MAX_UNREAD_STREAM_BYTES} bytes wait`;
    if (this.#unread.total > MAX_UNREAD_BYTES)
      return `more than ${MAX_UNREAD_BYTES} bytes wait for all clients`;
    return null;
  }

  #watch(): void {
    this.#isWatched = true;
    // Runs out only while nothing at all gets away.
    this.#response.setTimeout(UNREAD_TIMEOUT_MS, () => {
      if (this.#isBlocked || this.#response.writableLength > 0)
        this.#giveUp(`none of it in ${UNREAD_TIMEOUT_MS / 1000} seconds`);
    });
  }

  #giveUp(reason: string): void {
    this.#unread.giveUp(this.#unreadShare, reason);
    const onDisconnect = this.#onDisconnect;
    this.#onDisconnect = null;
    if (!this.#isDone && !this.#isEnding) onDisconnect?.();
    this.#isDone = true;
    this.#pending = [];
    this.#pendingBytes = 0;
    this.#response.destroy();
  }

  onDisconnect(handler: () => void): void {
    if (this.#isGone) handler();
    else this.#onDisconnect = handler;
  }
}
