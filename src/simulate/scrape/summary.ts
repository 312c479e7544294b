/**
 * A run in a table: a column an engine, and nothing over all of them. Read from the scrapes alone, as a dashboard would: gauges
 * are what they were at the scrapes, counters go on over a restart.
 */
import type { Scraped, ScrapedSample, ScrapeSink } from './scraped.ts';

/** A gauge over all scrapes. */
class Level {
  #sum = 0;
  #count = 0;
  #max = 0;

  take(value: number): void {
    this.#sum += value;
    this.#count += 1;
    this.#max = Math.max(this.#max, value);
  }

  text(format: (value: number) => string): string {
    return this.#count === 0 ? '-' : `${format(this.#sum / this.#count)} / ${format(this.#max)}`;
  }
}

/** A counter's growth, whatever its resets. */
class Growth {
  total = 0;
  #last = 0;

  take(value: number): void {
    this.total += value >= this.#last ? value - this.#last : value;
    this.#last = value;
  }
}

interface EngineFigures {
  readonly gauges: Map<string, Level>;
  /** By metric, or by bucket: `name{le}`. */
  readonly counters: Map<string, Growth>;
}

const GAUGES = [
  'vllm:num_requests_running',
  'vllm:num_requests_waiting',
  'vllm:kv_cache_usage_perc',
] as const;
const COUNTERS = [
  'vllm:request_success_total',
  'vllm:prompt_tokens_total',
  'vllm:generation_tokens_total',
  'vllm:num_preemptions_total',
  'vllm:prefix_cache_queries_total',
  'vllm:prefix_cache_hits_total',
] as const;
const HISTOGRAMS = [
  'vllm:time_to_first_token_seconds',
  'vllm:inter_token_latency_seconds',
  'vllm:e2e_request_latency_seconds',
] as const;

const WANTED: ReadonlySet<string> = new Set([
  ...GAUGES,
  ...COUNTERS,
  ...HISTOGRAMS.map((name) => `${name}_bucket`),
]);

type Take = (value: number) => void;

export class Summary implements ScrapeSink {
  readonly #engines = new Map<string, EngineFigures>();
  /** By series: what is done with its value; null where it is not wanted. */
  readonly #takers = new Map<string, Take | null>();
  readonly #write: (text: string) => void;
  #numScrapes = 0;
  #numUp = 0;

  constructor(write: (text: string) => void) {
    this.#write = write;
  }

  take({ samples }: Scraped): void {
    this.#numScrapes += 1;
    for (const sample of samples) {
      if (sample.name === 'up' && sample.value === '1') this.#numUp += 1;
      this.#takerOf(sample)?.(Number(sample.value));
    }
  }

  /** A run that did not begin has nothing to tell. */
  close(): void {
    if (this.#numScrapes > 0) this.#write(`${this.lines().join('\n')}\n`);
  }

  /** A table of what came is no table of the run. */
  abandon(): void {}

  lines(): readonly string[] {
    const ranks = [...this.#engines.keys()].sort((a, b) => Number(a) - Number(b));
    const engines = ranks.map((rank) => this.#engines.get(rank) as EngineFigures);
    const rows: string[][] = [['', ...ranks.map((rank) => `engine ${rank}`)]];
    const row = (title: string, cell: (engine: EngineFigures) => string): void => {
      rows.push([title, ...engines.map(cell)]);
    };
    const total = (title: string, name: (typeof COUNTERS)[number]): void =>
      row(title, ({ counters }) => String(counters.get(name)?.total ?? 0));
    const level = (title: string, name: (typeof GAUGES)[number], format: Format): void =>
      row(`${title}, mean / max`, ({ gauges }) => gauges.get(name)?.text(format) ?? '-');
    total('requests finished', 'vllm:request_success_total');
    total('prompt tokens', 'vllm:prompt_tokens_total');
    total('generated tokens', 'vllm:generation_tokens_total');
    total('preemptions', 'vllm:num_preemptions_total');
    row('prefix cache hits', hitRate);
    level('requests running', 'vllm:num_requests_running', rounded);
    level('requests waiting', 'vllm:num_requests_waiting', rounded);
    level('KV cache usage', 'vllm:kv_cache_usage_perc', percent);
    for (const name of HISTOGRAMS)
      row(`${TITLES[name]}, p50 / p99`, (engine) => quantiles(engine, name));
    const answered = `${this.#numUp} of ${this.#numScrapes} scrapes were answered`;
    return [...aligned(rows), answered];
  }

  #takerOf(sample: ScrapedSample): Take | null {
    const known = this.#takers.get(sample.series);
    if (known !== undefined) return known;
    const taker = WANTED.has(sample.name) ? this.#createTaker(sample) : null;
    this.#takers.set(sample.series, taker);
    return taker;
  }

  #createTaker({ series, name }: ScrapedSample): Take | null {
    const rank = /[{,]engine="([^"]*)"/.exec(series)?.[1];
    if (rank === undefined) return null;
    let engine = this.#engines.get(rank);
    if (engine === undefined) {
      engine = { gauges: new Map(), counters: new Map() };
      this.#engines.set(rank, engine);
    }
    if ((GAUGES as readonly string[]).includes(name)) {
      const level = entryOf(engine.gauges, name, () => new Level());
      return (value) => level.take(value);
    }
    const bound = /[{,]le="([^"]*)"/.exec(series)?.[1];
    // Of the reasons to finish, each is a counter of its own.
    const growth = new Growth();
    const sum = entryOf(
      engine.counters,
      bound === undefined ? name : `${name}{${bound}}`,
      () => new Growth(),
    );
    return (value) => {
      const before = growth.total;
      growth.take(value);
      sum.total += growth.total - before;
    };
  }
}

type Format = (value: number) => string;

const TITLES: Readonly<Record<(typeof HISTOGRAMS)[number], string>> = {
  'vllm:time_to_first_token_seconds': 'time to first token',
  'vllm:inter_token_latency_seconds': 'between two tokens',
  'vllm:e2e_request_latency_seconds': 'whole request',
};

function entryOf<V>(map: Map<string, V>, key: string, make: () => V): V {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
}

function rounded(value: number): string {
  return value < 10 ? value.toFixed(2) : value.toFixed(0);
}

function percent(value: number): string {
  return `${(100 * value).toFixed(1)} %`;
}

function hitRate({ counters }: EngineFigures): string {
  const queries = counters.get('vllm:prefix_cache_queries_total')?.total ?? 0;
  const hits = counters.get('vllm:prefix_cache_hits_total')?.total ?? 0;
  return queries === 0 ? '-' : percent(hits / queries);
}

function quantiles(engine: EngineFigures, name: string): string {
  const buckets = bucketsOf(engine, name);
  const count = buckets.at(-1)?.count ?? 0;
  if (count === 0) return '-';
  return [0.5, 0.99].map((share) => seconds(quantile(buckets, share * count))).join(' / ');
}

interface Bucket {
  readonly bound: number;
  /** Cumulative. */
  readonly count: number;
}

function bucketsOf({ counters }: EngineFigures, name: string): readonly Bucket[] {
  const prefix = `${name}_bucket{`;
  return [...counters]
    .filter(([key]) => key.startsWith(prefix))
    .map(([key, { total }]) => {
      const bound = key.slice(prefix.length, -1);
      return { bound: bound === '+Inf' ? Number.POSITIVE_INFINITY : Number(bound), count: total };
    })
    .sort((a, b) => a.bound - b.bound);
}

/** As PromQL's histogram_quantile: straight lines within a bucket, and the last bound for what is beyond it. */
function quantile(buckets: readonly Bucket[], wanted: number): number {
  const at = buckets.findIndex(({ count }) => count >= wanted);
  const before = buckets[at - 1] ?? { bound: 0, count: 0 };
  const bucket = buckets[at];
  if (bucket === undefined || bucket.bound === Number.POSITIVE_INFINITY) return before.bound;
  const share = (wanted - before.count) / Math.max(1, bucket.count - before.count);
  return before.bound + (bucket.bound - before.bound) * share;
}

function seconds(value: number): string {
  return value < 1 ? `${(1000 * value).toFixed(1)} ms` : `${value.toFixed(2)} s`;
}

/** The first column to the left, numbers to the right. */
function aligned(rows: readonly (readonly string[])[]): readonly string[] {
  const numColumns = Math.max(...rows.map(({ length }) => length));
  const widths = Array.from({ length: numColumns }, (_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? '').length)),
  );
  return rows.map((row) =>
    row
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd(),
  );
}
