import type { CliIo } from '../cli-io.ts';

/** Characters that are gathered before they are written. */
const CHUNK_CHARACTERS = 1 << 16;

/** Writes lines as they come, the first at once, and waits for a slow reader: memory stays flat. */
export class LineWriter {
  readonly #io: CliIo;
  #text = '';
  #isFirst = true;

  constructor(io: CliIo) {
    this.#io = io;
  }

  async line(line: string): Promise<void> {
    this.#text += `${line.trimEnd()}\n`;
    if (!this.#isFirst && this.#text.length < CHUNK_CHARACTERS) return;
    this.#isFirst = false;
    await this.flush();
  }

  async flush(): Promise<void> {
    if (this.#text === '') return;
    this.#io.stdout(this.#text);
    this.#text = '';
    await this.#io.drained();
  }
}
