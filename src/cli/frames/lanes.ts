/** The lanes of a sequence diagram: one a process, frontends first, then the coordinator, then engines by rank. */
import { rankOfProcess } from '../../shared/tap/frame-pairing.ts';

interface Lane {
  readonly column: number;
  readonly title: string;
}

/** Columns that a lane needs for its name, and an arrow between two of them. */
const MIN_LANE_WIDTH = 5;
const MAX_LANE_WIDTH = 16;
const MIN_SHOWN_LANES = 3;
/** Part of the room that lanes take where they need not take all of it. */
const FEW_LANES_SHARE = 0.75;

/** Lanes as they stand in `width` columns. */
export class Lanes {
  readonly #lanes: readonly Lane[];
  readonly processes: readonly string[];
  readonly #columnOf = new Map<string, number>();
  readonly laneWidth: number;
  /** Engines that share the last lane; 0 where every process has its own. */
  readonly numGrouped: number;

  constructor(processes: readonly string[], width: number) {
    const ordered = [...new Set(processes)].sort(compareProcesses);
    this.processes = ordered;
    const maxLanes = Math.max(MIN_SHOWN_LANES, Math.floor(width / MIN_LANE_WIDTH));
    const numAlone = ordered.length <= maxLanes ? ordered.length : maxLanes - 1;
    this.numGrouped = ordered.length - numAlone;
    const numLanes = numAlone + (this.numGrouped > 0 ? 1 : 0);
    this.laneWidth = Math.max(
      MIN_LANE_WIDTH,
      Math.min(MAX_LANE_WIDTH, Math.floor((width * FEW_LANES_SHARE) / Math.max(1, numLanes))),
    );
    this.#lanes = Array.from({ length: numLanes }, (_, index) => ({
      column: index * this.laneWidth + Math.floor(this.laneWidth / 2),
      title:
        index < numAlone
          ? titleOf(ordered[index] ?? '', this.laneWidth - 1)
          : `+${this.numGrouped}`,
    }));
    ordered.forEach((process, index) => {
      this.#columnOf.set(process, Math.min(index, numLanes - 1));
    });
  }

  get width(): number {
    return this.#lanes.length * this.laneWidth;
  }

  has(process: string): boolean {
    return this.#columnOf.has(process);
  }

  /** The names, each over its lane. */
  header(): string {
    return this.#lanes
      .map(({ title }) => centred(cut(title, this.laneWidth - 1), this.laneWidth))
      .join('')
      .trimEnd();
  }

  /** A line with a bar in each lane, and an arrow from one to the other. */
  arrow(from: string, to: string): string {
    const cells = this.#bars();
    const start = this.#column(from);
    const end = this.#column(to);
    if (start === null || end === null) return cells.join('');
    if (start === end) {
      cells[start] = '●';
      return cells.join('');
    }
    const [left, right] = start < end ? [start, end] : [end, start];
    for (let column = left + 1; column < right; column++) cells[column] = '─';
    if (start < end) cells[end - 1] = '▶';
    else cells[end + 1] = '◀';
    return cells.join('');
  }

  #bars(): string[] {
    const cells = Array.from({ length: this.width }, () => ' ');
    for (const { column } of this.#lanes) cells[column] = '│';
    return cells;
  }

  #column(process: string): number | null {
    const index = this.#columnOf.get(process);
    return index === undefined ? null : (this.#lanes[index]?.column ?? null);
  }
}

function compareProcesses(a: string, b: string): number {
  return (
    kindOf(a) - kindOf(b) ||
    (rankOfProcess(a) ?? 0) - (rankOfProcess(b) ?? 0) ||
    a.localeCompare(b, 'en', { numeric: true })
  );
}

function kindOf(process: string): number {
  if (rankOfProcess(process) !== null) return 3;
  if (process === 'an engine' || process === 'the engines') return 4;
  return process === 'DPCoordinator' ? 2 : 1;
}

/** The name where it fits, else a shorter one: `engine 3`, `API 1`, `coord.`. */
function titleOf(process: string, width: number): string {
  const rank = rankOfProcess(process);
  if (rank !== null) return `engine ${rank}`.length <= width ? `engine ${rank}` : `E${rank}`;
  if (process.length <= width) return process;
  if (process === 'DPCoordinator') return width < 6 ? 'DPC' : 'coord.';
  return process.replace(/^ApiServer_/i, 'API ').replace(/^APIServer$/, 'API');
}

function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, width - 1)}…`;
}

function centred(text: string, width: number): string {
  const left = Math.max(0, Math.floor((width - text.length) / 2));
  return (' '.repeat(left) + text).padEnd(width);
}
