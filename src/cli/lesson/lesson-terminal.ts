/** A lesson in a terminal: what it is about, then a step for each Enter. Without a terminal all steps come at once. */
import { wrap } from '../text-layout.ts';
import type { Lesson, LessonStep } from './lesson.ts';

export interface LessonStreams {
  readonly stdin: Pick<NodeJS.ReadStream, 'isTTY' | 'on' | 'off' | 'resume' | 'pause' | 'unref'>;
  readonly stderr: Pick<NodeJS.WriteStream, 'write'>;
}

export class LessonTerminal {
  readonly #lesson: Lesson;
  readonly #streams: LessonStreams;
  readonly #width: number;
  readonly #onData = (chunk: Buffer | string): void => {
    for (const letter of chunk.toString()) if (letter === '\n' || letter === '\r') this.#next();
  };
  /** Blocks of lines that are still to come. */
  #rest: string[] = [];

  constructor(lesson: Lesson, streams: LessonStreams, width: number) {
    this.#lesson = lesson;
    this.#streams = streams;
    this.#width = width;
  }

  /** Before the server starts at `port`; a start-up by hand has Enter for itself. */
  begin(port: string): void {
    const { title, about, sources, steps, numWhileStarting = 0 } = this.#lesson;
    const lines = [title, '', about, '', `In vLLM 0.33.0: ${sources.join(', ')}`];
    this.#write(lines.flatMap((line) => wrap(line, '', this.#width)).join('\n'));
    const address = `127.0.0.1:${port === '0' ? 'PORT' : port}`;
    for (const [index, step] of steps.slice(0, numWhileStarting).entries())
      this.#write(this.#blockOf(`${index + 1}. ${step.caption}`, step, address));
  }

  /** The server answers at `address`. */
  started(address: string): void {
    const { steps, question, answer, numWhileStarting = 0 } = this.#lesson;
    this.#rest = [
      ...steps
        .map((step, index) => this.#blockOf(`${index + 1}. ${step.caption}`, step, address))
        .slice(numWhileStarting),
      this.#wrapped(`Question: ${question}`),
      this.#blockOf(answer.caption, answer, address),
    ];
    this.#write(`The page is at ${address}/twin. Commands below are for another terminal.`);
    const { stdin } = this.#streams;
    if (stdin.isTTY !== true) {
      while (this.#rest.length > 0) this.#next();
      return;
    }
    stdin.on('data', this.#onData);
    stdin.resume();
    this.#next();
  }

  end(): void {
    const { stdin } = this.#streams;
    // What is no terminal was never read.
    if (stdin.isTTY !== true) return;
    stdin.off('data', this.#onData);
    stdin.pause();
    stdin.unref();
  }

  #next(): void {
    const block = this.#rest.shift();
    if (block === undefined) return;
    const isLast = this.#rest.length === 0;
    const how = isLast ? '[Ctrl-C ends it]' : '[Enter: next]';
    this.#write(this.#streams.stdin.isTTY === true ? `${block}\n${how}` : block);
  }

  #blockOf(caption: string, { command }: LessonStep, address: string): string {
    const place = address.replace(/^https?:\/\//, '');
    const lines = command.map((line) => `    ${line.replaceAll('localhost:8000', place)}`);
    return [this.#wrapped(caption), ...lines].join('\n');
  }

  #wrapped(text: string): string {
    return wrap(text, '', this.#width).join('\n');
  }

  #write(text: string): void {
    this.#streams.stderr.write(`\n${text}\n`);
  }
}
