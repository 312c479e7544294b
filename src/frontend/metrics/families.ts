/**
 * Metric families as plain numbers, written on the hot path and rendered by prom-client's registry at a scrape.
 * A child is one label set; hot code holds on to children, so that recording costs an addition.
 * Snapshots of several processes' families merge into one: counters and histograms add up, gauges take the most recent.
 */
import { pythonFloatRepr } from '../../shared/python/float.ts';

export type FamilyType = 'counter' | 'gauge' | 'histogram' | 'summary';
export type Labels = Readonly<Record<string, string>>;

export interface FamilyOptions {
  /** Counters without `_total`. */
  readonly name: string;
  readonly help: string;
  readonly type: FamilyType;
  /** Histograms: upper bounds without +Inf, ascending. */
  readonly buckets?: readonly number[];
}

/** One label set with its value; histograms keep a count per bucket (not cumulative) and a sum. */
export class Child {
  readonly labels: Labels;
  /** Counter or gauge: the value. Histogram or summary: the sum. */
  value = 0;
  /** Histogram or summary: the number of observations. */
  count = 0;
  /** Histogram: one per bound and a last one for +Inf. */
  readonly bucketCounts: number[];
  /** Gauge: wall-clock milliseconds of the last set, to find the most recent of several processes. */
  updatedMs = 0;
  /** Wall-clock seconds. */
  readonly createdSeconds: number;
  readonly #bounds: readonly number[];

  constructor(labels: Labels, bounds: readonly number[], createdSeconds: number) {
    this.labels = labels;
    this.#bounds = bounds;
    this.createdSeconds = createdSeconds;
    this.bucketCounts = new Array<number>(bounds.length === 0 ? 0 : bounds.length + 1).fill(0);
  }

  inc(amount: number): void {
    this.value += amount;
  }

  set(value: number, nowMs: number): void {
    this.value = value;
    this.updatedMs = nowMs;
  }

  observe(value: number): void {
    this.value += value;
    this.count += 1;
    const bounds = this.#bounds;
    let index = 0;
    while (index < bounds.length && value > (bounds[index] as number)) index += 1;
    if (bounds.length > 0) this.bucketCounts[index] = (this.bucketCounts[index] as number) + 1;
  }
}

/** What prom-client's registry reads of a family at a scrape. */
export interface RenderedFamily {
  readonly name: string;
  readonly help: string;
  readonly type: FamilyType;
  readonly values: readonly RenderedValue[];
}

export interface RenderedValue {
  readonly metricName?: string;
  readonly labels: Labels;
  /** prom-client flattens this object once and caches the text by identity. */
  readonly sharedLabels: Labels;
  value: number;
}

const NO_LABELS: Labels = {};

export class Family {
  readonly name: string;
  readonly help: string;
  readonly type: FamilyType;
  readonly bounds: readonly number[];
  readonly #leLabels: readonly Labels[];
  readonly #children = new Map<string, Child>();

  constructor({ name, help, type, buckets = [] }: FamilyOptions) {
    this.name = name;
    this.help = help;
    this.type = type;
    this.bounds = buckets;
    this.#leLabels = [...buckets.map((bound) => ({ le: pythonFloatRepr(bound) })), { le: '+Inf' }];
  }

  /** The child with these labels, made if there is none yet. `createdSeconds` is wall-clock time. */
  child(labels: Labels, createdSeconds: number): Child {
    const key = labelKey(labels);
    let child = this.#children.get(key);
    if (child === undefined) {
      child = new Child(labels, this.bounds, createdSeconds);
      this.#children.set(key, child);
    }
    return child;
  }

  get children(): Iterable<Child> {
    return this.#children.values();
  }

  /** Samples in the order of Python's client: buckets (cumulative), count, sum. `sampleName` is the exposed name. */
  render(sampleName: string): RenderedFamily {
    const values: RenderedValue[] = [];
    for (const child of this.#children.values()) {
      const sharedLabels = child.labels;
      if (this.type === 'counter' || this.type === 'gauge') {
        values.push({ labels: NO_LABELS, sharedLabels, value: child.value });
        continue;
      }
      if (this.type === 'histogram') {
        const metricName = `${sampleName}_bucket`;
        let cumulative = 0;
        for (let index = 0; index < child.bucketCounts.length; index += 1) {
          cumulative += child.bucketCounts[index] ?? 0;
          const labels = this.#leLabels[index] ?? NO_LABELS;
          values.push({ metricName, labels, sharedLabels, value: cumulative });
        }
      }
      const { count, value } = child;
      values.push({
        metricName: `${sampleName}_count`,
        labels: NO_LABELS,
        sharedLabels,
        value: count,
      });
      values.push({ metricName: `${sampleName}_sum`, labels: NO_LABELS, sharedLabels, value });
    }
    return { name: sampleName, help: this.help, type: this.type, values };
  }

  /** Python's client writes when each child of a counter, histogram or summary was made, as a gauge of its own. */
  renderCreated(): RenderedFamily {
    const values: RenderedValue[] = [];
    for (const { labels, createdSeconds } of this.#children.values())
      values.push({ labels: NO_LABELS, sharedLabels: labels, value: createdSeconds });
    return { name: `${this.name}_created`, help: this.help, type: 'gauge', values };
  }

  snapshot(): FamilySnapshot {
    return {
      name: this.name,
      children: Array.from(this.#children.values(), (child) => ({
        labels: child.labels,
        value: child.value,
        count: child.count,
        bucketCounts: [...child.bucketCounts],
        updatedMs: child.updatedMs,
        createdSeconds: child.createdSeconds,
      })),
    };
  }

  /** Adds another process's numbers to this family's; a gauge becomes the more recent of the two. */
  merge(snapshot: FamilySnapshot): void {
    for (const theirs of snapshot.children) {
      const child = this.child(theirs.labels, theirs.createdSeconds);
      if (this.type === 'gauge') {
        if (theirs.updatedMs >= child.updatedMs) child.set(theirs.value, theirs.updatedMs);
        continue;
      }
      child.value += theirs.value;
      child.count += theirs.count;
      theirs.bucketCounts.forEach((count, index) => {
        child.bucketCounts[index] = (child.bucketCounts[index] ?? 0) + count;
      });
    }
  }

  /** A family of the same kind without children. */
  emptyCopy(): Family {
    const { name, help, type, bounds } = this;
    return new Family({ name, help, type, buckets: bounds });
  }
}

/** A family's numbers as plain data, to travel between processes. */
export interface FamilySnapshot {
  readonly name: string;
  readonly children: readonly {
    readonly labels: Labels;
    readonly value: number;
    readonly count: number;
    readonly bucketCounts: readonly number[];
    readonly updatedMs: number;
    readonly createdSeconds: number;
  }[];
}

function labelKey(labels: Labels): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
    .sort()
    .join(',');
}
