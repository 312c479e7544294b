/** The lines of a file, read a piece at a time: memory is bounded by the longest line that is let through. */
import { closeSync, openSync, readSync } from 'node:fs';

/** Bytes that are read at a time. */
const PIECE_BYTES = 256 * 1024;
/** Bytes of the longest line; a longer one is no frame that a socket carried. */
export const MAX_LINE_BYTES = 128 * 1024 * 1024;
const NEWLINE = 0x0a;

export interface FileLine {
  /** From 1. */
  readonly number: number;
  /** Without its end; null where it is longer than a line may be. */
  readonly text: string | null;
  /** The file ends without a newline: whoever wrote it was stopped, or still writes. */
  readonly isCutOff: boolean;
}

/** Reading waits for the disk alone, so it does not give way. `close` at the end, or early; idempotent. */
export class LineReader {
  #fd: number | null;
  readonly #maxLineBytes: number;
  readonly #piece = Buffer.allocUnsafe(PIECE_BYTES);
  #start = 0;
  #end = 0;
  #number = 0;

  /** Throws the system's error where the file cannot be opened. */
  constructor(path: string, maxLineBytes: number = MAX_LINE_BYTES) {
    this.#fd = openSync(path, 'r');
    this.#maxLineBytes = maxLineBytes;
  }

  /** The next line; null at the end. Throws the system's error where it cannot be read. */
  next(): FileLine | null {
    const pieces: Buffer[] = [];
    let bytes = 0;
    for (;;) {
      if (this.#start === this.#end && !this.#fill()) {
        if (bytes === 0) return null;
        return this.#line(pieces, bytes, true);
      }
      const at = this.#piece.subarray(0, this.#end).indexOf(NEWLINE, this.#start);
      const end = at === -1 ? this.#end : at;
      bytes += end - this.#start;
      if (bytes > this.#maxLineBytes) pieces.length = 0;
      else if (at !== -1 && pieces.length === 0)
        pieces.push(this.#piece.subarray(this.#start, end));
      // The piece is read over: what is left of it is copied.
      else pieces.push(Buffer.from(this.#piece.subarray(this.#start, end)));
      this.#start = at === -1 ? end : end + 1;
      if (at !== -1) return this.#line(pieces, bytes, false);
    }
  }

  close(): void {
    if (this.#fd === null) return;
    closeSync(this.#fd);
    this.#fd = null;
  }

  #fill(): boolean {
    if (this.#fd === null) return false;
    this.#start = 0;
    this.#end = readSync(this.#fd, this.#piece, 0, PIECE_BYTES, null);
    return this.#end > 0;
  }

  #line(pieces: readonly Buffer[], bytes: number, isCutOff: boolean): FileLine {
    this.#number += 1;
    const [only] = pieces;
    const whole = pieces.length === 1 && only !== undefined ? only : Buffer.concat(pieces);
    const text = bytes > this.#maxLineBytes ? null : whole.toString('utf8');
    return { number: this.#number, text, isCutOff };
  }
}
