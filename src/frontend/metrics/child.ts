/**
 * One label set of a metric family with its value. Hot code holds on to children, so that recording costs an addition;
 * the writers below are how it sees them, so that only what the type of the metric allows compiles.
 */

export type FamilyType = 'counter' | 'gauge' | 'histogram' | 'summary';
export type Labels = Readonly<Record<string, string>>;

export interface Counter {
  inc(amount: number): void;
  /** For a count that somebody else keeps: the whole of it so far. */
  setTotal(total: number): void;
}

export interface Gauge {
  /** `nowMs` is wall-clock time: of several processes' values the most recent one is shown. */
  set(value: number, nowMs: number): void;
}

export interface Observer {
  observe(value: number): void;
}

/** How a child of a family of each type is written. */
export interface Writers {
  readonly counter: Counter;
  readonly gauge: Gauge;
  readonly histogram: Observer;
  readonly summary: Observer;
}

/** Of several processes' gauges the most recent is shown, and one that nobody has set is not. */
export const NEVER_SET = 0;

export class Child implements Counter, Gauge, Observer {
  readonly labels: Labels;
  /** Counter or gauge: the value. Histogram or summary: the sum. */
  value = 0;
  /** Histogram or summary: the number of observations. */
  count = 0;
  /** Histogram: one per bound and a last one for +Inf, not cumulative. */
  readonly bucketCounts: number[];
  /** Gauge: wall-clock milliseconds of the last set; NEVER_SET before the first. */
  updatedMs: number = NEVER_SET;
  /** Wall-clock seconds. */
  readonly createdSeconds: number;
  readonly #bounds: readonly number[];

  /** `bounds`: of a histogram, ascending and without +Inf; null for the other types. */
  constructor(labels: Labels, bounds: readonly number[] | null, createdSeconds: number) {
    this.labels = labels;
    this.#bounds = bounds ?? [];
    this.createdSeconds = createdSeconds;
    this.bucketCounts = new Array<number>(bounds === null ? 0 : bounds.length + 1).fill(0);
  }

  inc(amount: number): void {
    this.value += amount;
  }

  setTotal(total: number): void {
    this.value = total;
  }

  set(value: number, nowMs: number): void {
    this.value = value;
    this.updatedMs = nowMs;
  }

  observe(value: number): void {
    this.value += value;
    this.count += 1;
    // Not for...of: leaving it early makes every observation several times as slow.
    const bounds = this.#bounds;
    let index = 0;
    while (value > (bounds[index] ?? Number.POSITIVE_INFINITY)) index += 1;
    const count = this.bucketCounts[index];
    // Only a histogram counts by bucket.
    if (count !== undefined) this.bucketCounts[index] = count + 1;
  }

  /** Of a histogram or summary: buckets (cumulative), count, sum, from `at` on. Returns where the next child's begin. */
  readObservations(into: Float64Array, at: number): number {
    const { bucketCounts } = this;
    let cumulative = 0;
    for (let index = 0; index < bucketCounts.length; index++) {
      cumulative += bucketCounts[index] as number;
      into[at + index] = cumulative;
    }
    const next = at + bucketCounts.length;
    into[next] = this.count;
    into[next + 1] = this.value;
    return next + 2;
  }
}

/** Label names in alphabetical order, as Python's client writes them. */
export function sortedLabels(labels: Labels): Labels {
  return Object.fromEntries(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));
}
