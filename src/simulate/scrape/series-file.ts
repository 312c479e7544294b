/**
 * Scrapes as the `input_series` of a `promtool test rules` file: a line of values a series, so that the last scrape must be
 * known before the first line is written. Until then the numbers are rows of a file without a name, and memory stays flat.
 */
import { closeSync, openSync, readSync, unlinkSync, writeSync } from 'node:fs';
import { OutputFile } from './output-file.ts';
import type { Scraped, ScrapeSink } from './scraped.ts';

/** What stands where a series has no sample; no metric is as low. */
const MISSING = -Number.MAX_VALUE;

/** Of columns that are put together at a time. */
const MAX_COLUMN_BYTES = 32 * 1024 * 1024;

const BYTES = Float64Array.BYTES_PER_ELEMENT;

export class SeriesFile implements ScrapeSink {
  readonly #file: OutputFile;
  readonly #interval: string;
  readonly #rows: number;
  readonly #columns = new Map<string, number>();
  /** Where each row begins, and how many columns were known then. */
  readonly #rowLengths: number[] = [];

  constructor(path: string, intervalMs: number) {
    this.#file = new OutputFile(path, '--series');
    this.#interval = promtoolDuration(intervalMs);
    const rowsPath = `${path}.rows`;
    this.#rows = openSync(rowsPath, 'w+');
    // It goes with this process, however that ends.
    unlinkSync(rowsPath);
  }

  take({ samples }: Scraped): void {
    for (const { series } of samples)
      if (!this.#columns.has(series)) this.#columns.set(series, this.#columns.size);
    const row = new Float64Array(this.#columns.size).fill(MISSING);
    for (const { series, value } of samples) row[this.#columns.get(series) ?? 0] = numberOf(value);
    this.#rowLengths.push(row.length);
    writeSync(this.#rows, new Uint8Array(row.buffer));
  }

  close(): void {
    this.#file.write(
      [
        '# What Prometheus would have seen. Add the rules, and what is to come of them:',
        '# https://prometheus.io/docs/prometheus/latest/configuration/unit_testing_rules/',
        'rule_files: []',
        `evaluation_interval: ${this.#interval}`,
        'tests:',
        `  - interval: ${this.#interval}`,
        '    input_series:',
        '',
      ].join('\n'),
    );
    const names = [...this.#columns.keys()];
    const numAtOnce = Math.max(
      1,
      Math.floor(MAX_COLUMN_BYTES / BYTES / Math.max(1, this.#rowLengths.length)),
    );
    for (let first = 0; first < names.length; first += numAtOnce)
      this.#writeColumns(names.slice(first, first + numAtOnce), first);
    this.#file.close();
    closeSync(this.#rows);
  }

  abandon(): void {
    this.#file.abandon();
    closeSync(this.#rows);
  }

  #writeColumns(names: readonly string[], first: number): void {
    const numRows = this.#rowLengths.length;
    const columns = new Float64Array(names.length * numRows).fill(MISSING);
    let position = 0;
    for (const [at, length] of this.#rowLengths.entries()) {
      const own = Math.min(Math.max(0, length - first), names.length);
      const part = new Float64Array(own);
      readSync(this.#rows, new Uint8Array(part.buffer), {
        position: position + first * BYTES,
        length: own * BYTES,
      });
      for (const [i, value] of part.entries()) columns[i * numRows + at] = value;
      position += length * BYTES;
    }
    for (const [i, name] of names.entries()) {
      const values = columns.subarray(i * numRows, (i + 1) * numRows);
      this.#file.write(
        `      - series: '${name.replaceAll("'", "''")}'\n        values: '${promtoolValues(values)}'\n`,
      );
    }
  }
}

function numberOf(value: string): number {
  if (value === '+Inf') return Number.POSITIVE_INFINITY;
  return value === '-Inf' ? Number.NEGATIVE_INFINITY : Number(value);
}

/** promtool's durations are whole, and have a unit. */
function promtoolDuration(ms: number): string {
  return ms % 1000 === 0 ? `${ms / 1000}s` : `${Math.round(ms)}ms`;
}

/** `3x4` is 3 five times, `_x2` two times nothing. A series that ends is stale at once, as for Prometheus. */
function promtoolValues(values: Float64Array): string {
  const words: string[] = [];
  let before = MISSING;
  for (let at = 0; at < values.length; ) {
    const value = values[at] as number;
    let end = at + 1;
    while (end < values.length && Object.is(values[end], value)) end += 1;
    let count = end - at;
    if (value === MISSING && before !== MISSING) {
      words.push('stale');
      count -= 1;
    }
    if (count > 0) words.push(wordOf(value, count));
    before = value;
    at = end;
  }
  return words.join(' ');
}

function wordOf(value: number, count: number): string {
  if (value === MISSING) return count === 1 ? '_' : `_x${count}`;
  return count === 1 ? textOf(value) : `${textOf(value)}x${count - 1}`;
}

/** promtool's notation knows no infinity by its sign alone. */
function textOf(value: number): string {
  if (Number.isFinite(value) || Number.isNaN(value)) return String(value);
  return value > 0 ? 'Inf' : '-Inf';
}
