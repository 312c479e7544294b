import {
  closeSync,
  openSync,
  realpathSync,
  renameSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { ConfigError, reasonOf, ServerError } from '../../shared/errors.ts';

/** Characters that are gathered before they are written. */
const CHUNK_CHARACTERS = 1 << 18;

/**
 * A file that text is added to. It comes to its place when it is whole: until then it stands beside, and goes with a run that
 * does not come to its end. What cannot be written ends the run with the file's name.
 */
export class OutputFile {
  readonly #path: string;
  /** Null for what is no file of its own, as /dev/stdout or a pipe: it is written at once. */
  readonly #part: { readonly path: string; readonly place: string } | null;
  readonly #descriptor: number;
  readonly #onExit = (): void => this.abandon();
  #text = '';
  #isOpen = true;

  /** Throws ConfigError E_BAD_FILE. */
  constructor(path: string, flag: string) {
    this.#path = path;
    const place = placeOf(path);
    this.#part = place === null ? null : { path: `${place}.${process.pid}.part`, place };
    try {
      this.#descriptor = openSync(this.#part?.path ?? path, 'w');
    } catch (error) {
      const reason = reasonOf(error).replace(this.#part?.path ?? path, path);
      throw new ConfigError('E_BAD_FILE', `${flag}: cannot write ${path}: ${reason}`);
    }
    process.once('exit', this.#onExit);
  }

  write(text: string): void {
    this.#text += text;
    if (this.#text.length >= CHUNK_CHARACTERS) this.#flush();
  }

  close(): void {
    this.#flush();
    this.#end();
    if (this.#part !== null) renameSync(this.#part.path, this.#part.place);
  }

  /** Leaves what was there before. Idempotent. */
  abandon(): void {
    if (!this.#isOpen) return;
    this.#end();
    if (this.#part !== null) unlinkSync(this.#part.path);
  }

  #end(): void {
    process.off('exit', this.#onExit);
    this.#isOpen = false;
    closeSync(this.#descriptor);
  }

  #flush(): void {
    let bytes = Buffer.from(this.#text);
    this.#text = '';
    try {
      while (bytes.length > 0) bytes = bytes.subarray(writeSync(this.#descriptor, bytes));
    } catch (cause) {
      throw new ServerError('E_INTERNAL', `cannot write to ${this.#path}: ${reasonOf(cause)}`, {
        cause,
      });
    }
  }
}

/** Where a file is, behind links, or may be made; null for what is there and no file. */
function placeOf(path: string): string | null {
  try {
    return statSync(path).isFile() ? realpathSync(path) : null;
  } catch {
    return path;
  }
}
