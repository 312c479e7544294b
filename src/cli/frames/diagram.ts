/**
 * A sequence diagram as text: time and state in the margin, a lane a process, an arrow a frame, then its type and the facts
 * that matter. A frame that both ends recorded is one arrow: it waits for its other record a moment, so little is kept.
 */
import { factsText } from '../../shared/tap/frame-facts.ts';
import type { FrameLine } from '../../shared/tap/frame-line.ts';
import { type FramePair, FramePairing } from '../../shared/tap/frame-pairing.ts';
import type { Palette } from '../text-layout.ts';
import { Lanes } from './lanes.ts';
import { startState } from './start-states.ts';

/** Arrows that wait for the other record; a frame and its echo are next to each other in time. */
export const MAX_WAITING_ARROWS = 256;
/** Milliseconds of the recording that an arrow waits at most. */
const MAX_WAIT_MS = 250;
const TIME_WIDTH = 11;
const STATE_WIDTH = 10;
/** Part of the width beside the margin that lanes may take. */
const LANE_SHARE = 0.55;

export class Diagram {
  readonly #processes: readonly string[];
  readonly #width: number;
  readonly #palette: Palette;
  readonly #maxWaiting: number;
  readonly #pairing = new FramePairing();
  readonly #waiting: FramePair[] = [];
  #lanes: Lanes | null = null;

  /**
   * `processes`: whose recordings are there; others get a lane where a frame comes from or goes to them. `maxWaiting`: 0 for
   * frames of one process that are shown as they come.
   */
  constructor(
    processes: readonly string[],
    width: number,
    palette: Palette,
    maxWaiting = MAX_WAITING_ARROWS,
  ) {
    this.#maxWaiting = maxWaiting;
    this.#processes = processes;
    this.#width = width;
    this.#palette = palette;
  }

  /** The lines that are ready now that this frame is known. */
  *add(line: FrameLine): Generator<string> {
    const { pair, isNew } = this.#pairing.add(line);
    if (isNew) this.#waiting.push(pair);
    // The first lines wait until it is known who takes part.
    if (this.#lanes === null && this.#waiting.length <= this.#maxWaiting) return;
    while (this.#isReady(line.t_ms)) yield* this.#next();
  }

  /** What waited to the end. */
  *end(): Generator<string> {
    while (this.#waiting.length > 0) yield* this.#next();
  }

  #isReady(tMs: number): boolean {
    const [first] = this.#waiting;
    if (first === undefined) return false;
    if (first.sent !== null && first.received !== null) return true;
    return this.#waiting.length > this.#maxWaiting || tMs - first.line.t_ms > MAX_WAIT_MS;
  }

  *#next(): Generator<string> {
    const pair = this.#waiting.shift();
    if (pair === undefined) return;
    if (this.#lanes === null || !this.#lanes.has(pair.from) || !this.#lanes.has(pair.to)) {
      const parties = [pair, ...this.#waiting].flatMap(({ from, to }) => [from, to]);
      const known = this.#lanes?.processes ?? this.#processes;
      this.#lanes = new Lanes([...known, ...parties], this.#laneRoom);
      yield* this.#header(this.#lanes);
    }
    yield* this.#arrow(pair, this.#lanes);
  }

  get #laneRoom(): number {
    return Math.floor((this.#width - TIME_WIDTH - STATE_WIDTH) * LANE_SHARE);
  }

  *#header(lanes: Lanes): Generator<string> {
    const margin = `${'ms'.padStart(TIME_WIDTH - 2).padEnd(TIME_WIDTH)}${'state'.padEnd(STATE_WIDTH)}`;
    yield this.#palette.bold(`${margin}${lanes.header()}`);
    if (lanes.numGrouped === 0) return;
    yield this.#palette.dim(
      cut(
        `the last lane stands for ${lanes.numGrouped} processes; --engine RANK shows one`,
        this.#width,
      ),
    );
  }

  *#arrow({ line, from, to }: FramePair, lanes: Lanes): Generator<string> {
    const { bold, dim, warn } = this.#palette;
    const time = line.t_ms
      .toFixed(2)
      .padStart(TIME_WIDTH - 2)
      .padEnd(TIME_WIDTH);
    const state = (startState(line) ?? '').padEnd(STATE_WIDTH);
    const rest = this.#width - TIME_WIDTH - STATE_WIDTH - lanes.width - 1;
    const facts = factsText(line);
    const head = `${dim(time)}${warn(state)}${lanes.arrow(from, to)} `;
    if (facts === '' || line.type.length + 2 + facts.length <= rest) {
      const type = cut(line.type, rest);
      yield `${head}${bold(type)}${facts === '' ? '' : `  ${facts}`}`;
      return;
    }
    yield `${head}${bold(cut(line.type, rest))}`;
    const room = this.#width - TIME_WIDTH - STATE_WIDTH;
    const lines = facts.length <= room ? [facts] : facts.split('  ');
    for (const text of lines.map((each) => cut(each, room)))
      yield `${' '.repeat(this.#width - text.length)}${text}`;
  }
}

function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(1, width - 1))}…`;
}
