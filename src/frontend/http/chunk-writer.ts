/**
 * The body of a response: a chunk for each text, as vLLM's server makes one of each event, and one write for all that are
 * given together. Node would write a chunk in three parts (its size, its bytes, its end) and would end with an empty text that
 * makes two of one: 2 µs of the 9 that an event cost, and 1 of a completion.
 */
import type { ServerResponse } from 'node:http';

const LINE_END = '\r\n';
const LAST_CHUNK = '0\r\n\r\n';

export class ChunkWriter {
  readonly #response: ServerResponse;
  /** Without a length of its content; an HTTP/1.0 client gets no chunks: there the end of the connection ends the body. */
  readonly #isChunked: boolean;

  /** The response's head has been given to it. */
  constructor(response: ServerResponse) {
    this.#response = response;
    this.#isChunked = response.chunkedEncoding;
    response.chunkedEncoding = false;
  }

  /** False where the socket takes no more for now. */
  write(texts: readonly string[], onSent?: () => void): boolean {
    const { body, encoding } = this.#bodyOf(texts);
    return this.#write(body, encoding, onSent);
  }

  end(texts: readonly string[]): void {
    const { body, encoding } = this.#bodyOf(texts);
    const last = this.#isChunked ? body + LAST_CHUNK : body;
    if (this.#response.socket) {
      this.#write(last, encoding);
      this.#response.end();
    } else this.#response.end(last, encoding);
  }

  #bodyOf(texts: readonly string[]): { readonly body: string; readonly encoding: BufferEncoding } {
    let body = '';
    let isAscii = true;
    for (const text of texts) {
      const bytes = Buffer.byteLength(text);
      isAscii &&= bytes === text.length;
      body += this.#chunk(text, bytes);
    }
    // ASCII is written by a plain copy where it is said to be Latin-1.
    return { body, encoding: isAscii ? 'latin1' : 'utf8' };
  }

  #write(text: string, encoding: BufferEncoding, onSent?: () => void): boolean {
    const { socket } = this.#response;
    socket?.cork();
    const isTaken = this.#response.write(text, encoding, onSent);
    socket?.uncork();
    return isTaken;
  }

  /** A chunk of nothing would end the body. */
  #chunk(text: string, bytes: number): string {
    if (!this.#isChunked || bytes === 0) return text;
    return bytes.toString(16) + LINE_END + text + LINE_END;
  }
}
