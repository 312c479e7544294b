/**
 * Reads the answers of one connection that is kept alive, at as little cost as can be: it looks for the end of an answer and
 * counts events, and parses nothing else. What comes in pieces, however cut, is read as what comes whole.
 */
const LF = 10;
const HEADER_END = Buffer.from('\r\n\r\n');
/** The last chunk of a chunked body. */
const BODY_END = Buffer.from('0\r\n\r\n');

export class AnswerReader {
  /** Events of server-sent streams so far; the closing [DONE] is none. */
  numEvents = 0;
  numBytes = 0;
  readonly #onAnswer: () => void;
  /** The header as far as it has come; null while a body is read. */
  #header: Buffer | null = Buffer.alloc(0);
  /** Bytes of the body yet to come; null where the body comes in chunks. */
  #left: number | null = 0;
  /** As many bytes as came last of a chunked body, latest last. */
  #tail: Buffer = Buffer.alloc(BODY_END.length);
  #wasNewline = false;

  constructor(onAnswer: () => void) {
    this.#onAnswer = onAnswer;
  }

  read(bytes: Buffer): void {
    this.numBytes += bytes.length;
    const body = this.#header === null ? bytes : this.#readHeader(this.#header, bytes);
    if (body === null) return;
    if (this.#left === null) this.#readChunked(body);
    else {
      this.#left -= body.length;
      if (this.#left === 0) this.#finish();
    }
  }

  /** What came behind the header, or null where that is not whole yet. */
  #readHeader(before: Buffer, bytes: Buffer): Buffer | null {
    // The bytes lie in a buffer that the next read overwrites.
    const all = before.length === 0 ? bytes : Buffer.concat([before, bytes]);
    const end = all.indexOf(HEADER_END);
    if (end < 0) {
      this.#header = Buffer.from(all);
      return null;
    }
    const header = all.toString('latin1', 0, end);
    if (!header.startsWith('HTTP/1.1 200')) throw new Error(`not a 200: ${all.toString()}`);
    const length = /content-length: (\d+)/i.exec(header)?.[1];
    this.#header = null;
    this.#left = length === undefined ? null : Number(length);
    const body = all.subarray(end + HEADER_END.length);
    return body.length === 0 && this.#left !== 0 ? null : body;
  }

  /** Each event ends with an empty line, and nothing else in a stream does: chunk sizes stand between CR and LF. */
  #readChunked(body: Buffer): void {
    if (this.#wasNewline && body[0] === LF) this.numEvents += 1;
    for (let at = body.indexOf('\n\n'); at >= 0; at = body.indexOf('\n\n', at + 2))
      this.numEvents += 1;
    this.#wasNewline = body.at(-1) === LF && body.at(-2) !== LF;
    if (!this.#endsBody(body)) return;
    // [DONE] was counted as an event.
    this.numEvents -= 1;
    this.#wasNewline = false;
    this.#finish();
  }

  #endsBody(body: Buffer): boolean {
    const size = BODY_END.length;
    if (body.length >= size) body.copy(this.#tail, 0, body.length - size);
    else this.#tail = Buffer.concat([this.#tail, body]).subarray(-size);
    return this.#tail.equals(BODY_END);
  }

  #finish(): void {
    this.#header = Buffer.alloc(0);
    this.#onAnswer();
  }
}
