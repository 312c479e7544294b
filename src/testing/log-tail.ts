/** The last lines of a server's log, and as a person reads them. */
import { isJsonObject } from '../shared/json-object.ts';

/** Lines that are kept. */
const MAX_LINES = 500;
const MAX_LINE_LENGTH = 4_000;

const LEVELS: Readonly<Record<number, string>> = {
  20: 'DEBUG',
  30: 'INFO',
  40: 'WARN',
  50: 'ERROR',
  60: 'FATAL',
};

export class LogTail {
  readonly #lines: string[] = [];

  add(line: string): void {
    if (line === '') return;
    this.#lines.push(readable(line.slice(0, MAX_LINE_LENGTH)));
    if (this.#lines.length > MAX_LINES) this.#lines.shift();
  }

  /** The last so many lines, oldest first, each `INFO (EngineCore_DP0) what it says`. */
  last(count: number = MAX_LINES): readonly string[] {
    return this.#lines.slice(-count);
  }
}

/** Lines of children that are no JSON stay as they are. */
function readable(line: string): string {
  let entry: unknown;
  try {
    entry = JSON.parse(line);
  } catch {
    return line;
  }
  if (!isJsonObject(entry) || typeof entry['msg'] !== 'string') return line;
  return `${LEVELS[Number(entry['level'])] ?? entry['level']} (${entry['process']}) ${entry['msg']}`;
}
