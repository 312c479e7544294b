/** A line that is written over and over on a terminal: how far a run has come, how fast, and how long it still takes. */
import { describeDuration } from '../../shared/duration.ts';

const BAR_CHARACTERS = 24;
/** Between two writings. */
const INTERVAL_MS = 100;

export interface ProgressOptions {
  /** Virtual milliseconds of the whole; null where that is not known. */
  readonly totalMs: number | null;
  /** Milliseconds of the system's clock. */
  readonly nowMs: () => number;
  readonly write: (text: string) => void;
}

export class Progress {
  readonly #options: ProgressOptions;
  readonly #startMs: number;
  #writtenMs = Number.NEGATIVE_INFINITY;
  #length = 0;

  constructor(options: ProgressOptions) {
    this.#options = options;
    this.#startMs = options.nowMs();
  }

  /** `elapsedMs`: virtual milliseconds so far. */
  show(elapsedMs: number): void {
    const { nowMs, write } = this.#options;
    const now = nowMs();
    if (now - this.#writtenMs < INTERVAL_MS) return;
    this.#writtenMs = now;
    const text = this.#text(elapsedMs, Math.max(1, now - this.#startMs));
    write(`\r${text.padEnd(this.#length)}`);
    this.#length = text.length;
  }

  /** Takes the line away, for something else to be written. */
  clear(): void {
    if (this.#length > 0) this.#options.write(`\r${' '.repeat(this.#length)}\r`);
    this.#length = 0;
    this.#writtenMs = Number.NEGATIVE_INFINITY;
  }

  #text(elapsedMs: number, realMs: number): string {
    const { totalMs } = this.#options;
    const speed = `${Math.round(elapsedMs / realMs)} × real time`;
    if (totalMs === null) return `${clockOf(elapsedMs)}, ${speed}`;
    const share = Math.min(1, elapsedMs / totalMs);
    const full = Math.round(share * BAR_CHARACTERS);
    const bar = `[${'#'.repeat(full)}${'-'.repeat(BAR_CHARACTERS - full)}]`;
    const left =
      elapsedMs === 0 ? '' : `, ${Math.ceil((realMs * (1 - share)) / share / 1000)} s left`;
    const percent = `${Math.floor(100 * share)} %`;
    return `${bar} ${percent}  ${clockOf(elapsedMs)} of ${describeDuration(totalMs)}, ${speed}${left}`;
  }
}

/** `9:05:00`. */
function clockOf(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${Math.floor(seconds / 3600)}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
}
