/**
 * Metric families as plain numbers, written on the hot path and rendered by prom-client's registry at a scrape.
 * Snapshots of several processes' families merge into one: counters and histograms add up, gauges take the most recent.
 */
import { pythonFloatRepr } from '../../shared/python/float.ts';
import { Child, type FamilyType, type Labels, NEVER_SET, type Writers } from './child.ts';

/** Python's client's words. */
export type MultiprocessMode = 'mostrecent' | 'sum';

export interface FamilyOptions<T extends FamilyType> {
  /** Counters without `_total`. */
  readonly name: string;
  readonly help: string;
  readonly type: T;
  /** Histograms alone: upper bounds without +Inf, ascending. */
  readonly buckets?: T extends 'histogram' ? readonly number[] : never;
  /** False for the families of Python's own collectors: they tell nothing of when a child was made. */
  readonly hasCreated?: false;
  /** Gauges alone: what several processes' values become; `mostrecent` if absent. */
  readonly multiprocessMode?: T extends 'gauge' ? MultiprocessMode : never;
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
  readonly value: number;
}

/** A family's numbers as plain data, to travel between processes. */
export interface FamilySnapshot {
  readonly name: string;
  readonly children: readonly ChildSnapshot[];
}

export interface ChildSnapshot {
  readonly labels: Labels;
  readonly value: number;
  readonly count: number;
  readonly bucketCounts: readonly number[];
  readonly updatedMs: number;
  readonly createdSeconds: number;
}

const NO_LABELS: Labels = {};

/** `L` are the names of its labels: a child with other ones does not compile. */
export class Family<T extends FamilyType = FamilyType, L extends string = string> {
  readonly name: string;
  readonly help: string;
  readonly type: T;
  readonly #options: FamilyOptions<T>;
  /** Of a histogram, one per bucket in order. */
  readonly #bucketLabels: readonly Labels[];
  #children = new Map<string, Child>();

  constructor(options: FamilyOptions<T>) {
    this.name = options.name;
    this.help = options.help;
    this.type = options.type;
    this.#options = options;
    this.#bucketLabels = options.buckets === undefined ? [] : bucketLabelsOf(options.buckets);
  }

  /** The child with these labels, made if there is none yet. `createdSeconds` is wall-clock time. */
  child(labels: Readonly<Record<L, string>>, createdSeconds: number): Writers[T] {
    return this.#child(labels, createdSeconds);
  }

  /**
   * Samples in the order of Python's client: buckets (cumulative), count, sum. `sampleName` is the exposed name.
   * `isMultiprocess`: merged from several processes, where a gauge that nobody has set is not shown, but for sums.
   */
  render(sampleName: string, isMultiprocess = false): RenderedFamily {
    const values: RenderedValue[] = [];
    for (const child of this.#children.values())
      if (this.#isShown(child, isMultiprocess)) values.push(...this.#samples(child, sampleName));
    return { name: sampleName, help: this.help, type: this.type, values };
  }

  /** The values of `render` alone, in its order. False where there are not as many as `into` holds: series have come. */
  readValues(into: Float64Array, isMultiprocess = false): boolean {
    const isSingle = this.type === 'counter' || this.type === 'gauge';
    let at = 0;
    for (const child of this.#children.values()) {
      if (!this.#isShown(child, isMultiprocess)) continue;
      if (isSingle) {
        into[at] = child.value;
        at += 1;
      } else {
        at = child.readObservations(into, at);
      }
    }
    return at === into.length;
  }

  /** Of two families with one name: their texts differ in values alone. */
  hasSeriesOf(other: Family): boolean {
    if (this.type !== other.type || this.help !== other.help) return false;
    if (this.#options.buckets !== other.#options.buckets) return false;
    if (this.#children.size !== other.#children.size) return false;
    const theirs = other.#children.entries();
    for (const [key, child] of this.#children) {
      const [otherKey, otherChild] = theirs.next().value ?? [];
      if (key !== otherKey || child.createdSeconds !== otherChild?.createdSeconds) return false;
      if ((child.updatedMs === NEVER_SET) !== (otherChild.updatedMs === NEVER_SET)) return false;
    }
    return true;
  }

  get hasChildren(): boolean {
    return this.#children.size > 0;
  }

  /**
   * Python's client writes when each child of a counter, histogram or summary was made, as a gauge of its own; null where
   * there is none.
   */
  renderCreated(): RenderedFamily | null {
    const { hasCreated = true } = this.#options;
    if (this.type === 'gauge' || !hasCreated || !this.hasChildren) return null;
    const values = Array.from(this.#children.values(), ({ labels, createdSeconds }) => ({
      labels: NO_LABELS,
      sharedLabels: labels,
      value: createdSeconds,
    }));
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
      const child = this.#child(theirs.labels, theirs.createdSeconds);
      if (this.type === 'gauge' && this.#options.multiprocessMode !== 'sum') {
        if (theirs.updatedMs >= child.updatedMs) child.set(theirs.value, theirs.updatedMs);
        continue;
      }
      child.updatedMs = Math.max(child.updatedMs, theirs.updatedMs);
      child.value += theirs.value;
      child.count += theirs.count;
      for (const [index, count] of child.bucketCounts.entries())
        child.bucketCounts[index] = count + (theirs.bucketCounts[index] ?? 0);
    }
  }

  /** The same family with these children instead, as numbers of its own. */
  withChildren(children: FamilySnapshot['children']): Family<T, L> {
    const family = this.emptyCopy();
    family.merge({ name: this.name, children });
    return family;
  }

  /** The same family under another name, with the same numbers. */
  renamed({ name, help }: Pick<FamilyOptions<T>, 'name' | 'help'>): Family<T, L> {
    const family = new Family<T, L>({ ...this.#options, name, help });
    family.merge(this.snapshot());
    return family;
  }

  /** The same family with another help text: the children are in common. */
  described(help: string): Family<T, L> {
    const family = new Family<T, L>({ ...this.#options, help });
    family.#children = this.#children;
    return family;
  }

  /** A family of the same kind without children. */
  emptyCopy(): Family<T, L> {
    return new Family(this.#options);
  }

  #isShown({ updatedMs }: Child, isMultiprocess: boolean): boolean {
    if (!isMultiprocess || this.type !== 'gauge' || updatedMs !== NEVER_SET) return true;
    return this.#options.multiprocessMode === 'sum';
  }

  #child(labels: Labels, createdSeconds: number): Child {
    const key = labelKey(labels);
    const known = this.#children.get(key);
    if (known !== undefined) return known;
    const child = new Child(labels, this.#options.buckets ?? null, createdSeconds);
    this.#children.set(key, child);
    return child;
  }

  #samples(child: Child, sampleName: string): readonly RenderedValue[] {
    const { labels: sharedLabels, value, count } = child;
    const own = { labels: NO_LABELS, sharedLabels };
    if (this.type === 'counter' || this.type === 'gauge') return [{ ...own, value }];
    let cumulative = 0;
    const buckets = this.#bucketLabels.map((labels, index) => {
      cumulative += child.bucketCounts[index] ?? 0;
      return { metricName: `${sampleName}_bucket`, labels, sharedLabels, value: cumulative };
    });
    return [
      ...buckets,
      { ...own, metricName: `${sampleName}_count`, value: count },
      { ...own, metricName: `${sampleName}_sum`, value },
    ];
  }
}

function bucketLabelsOf(bounds: readonly number[]): readonly Labels[] {
  return [...bounds.map((bound) => ({ le: pythonFloatRepr(bound) })), { le: '+Inf' }];
}

/** Equal for equal label sets, however they are written, and for no others: each value has its length before it. */
export function labelKey(labels: Labels): string {
  let key = '';
  for (const name of Object.keys(labels).sort()) {
    const value = labels[name] as string;
    key += `${name}=${value.length}:${value},`;
  }
  return key;
}
