import { closeSync, openSync, writeSync } from 'node:fs';
import { ConfigError, ServerError } from '../../shared/errors.ts';

/** Characters that are gathered before they are written. */
const CHUNK_CHARACTERS = 1 << 18;

/** A file that text is added to. What cannot be written ends the run with the file's name. */
export class OutputFile {
  readonly #path: string;
  readonly #descriptor: number;
  #text = '';

  /** Begins it anew. Throws ConfigError E_BAD_FILE. */
  constructor(path: string, flag: string) {
    this.#path = path;
    try {
      this.#descriptor = openSync(path, 'w');
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new ConfigError('E_BAD_FILE', `${flag}: cannot write ${path}: ${reason}`);
    }
  }

  write(text: string): void {
    this.#text += text;
    if (this.#text.length >= CHUNK_CHARACTERS) this.#flush();
  }

  close(): void {
    this.#flush();
    closeSync(this.#descriptor);
  }

  #flush(): void {
    let bytes = Buffer.from(this.#text);
    this.#text = '';
    try {
      while (bytes.length > 0) bytes = bytes.subarray(writeSync(this.#descriptor, bytes));
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new ServerError('E_INTERNAL', `cannot write to ${this.#path}: ${reason}`, { cause });
    }
  }
}
