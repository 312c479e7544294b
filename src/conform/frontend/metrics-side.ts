/** The frontend's /metrics, as a Prometheus scrapes it: with a deadline, and never trusted to be what it should. */
import { describeSample, parseSamples, type Sample } from '../../shared/exposition.ts';
import { type Fetch, textOf } from './http-side.ts';

/** A line that is neither empty nor a comment; a timestamp, and OpenMetrics' exemplar, may stand behind the value. */
const SAMPLE_LINE = /^[a-zA-Z_:][\w:]*(?:\{.*\})?[ \t]+(\S+)(?:[ \t]+-?[\d.]+)?[ \t]*(?:# \{.*)?$/;
const SPECIAL_VALUES: ReadonlySet<string> = new Set(['NaN', '+Inf', '-Inf', 'Inf']);
const COUNTER = /^vllm:\w+_(?:total|count|bucket)$/;

export class MetricsSide {
  /** Why the last scrape cannot be what vLLM answers; null where it can. */
  problem: string | null = 'it was not asked';
  /** Counters that were lower than in a scrape before, in the order in which that was seen. */
  readonly falls: string[] = [];
  readonly #url: string;
  readonly #fetch: Fetch;
  readonly #counters = new Map<string, number>();

  constructor(options: { readonly url: string; readonly fetch: Fetch }) {
    this.#url = options.url;
    this.#fetch = options.fetch;
  }

  /** What could be read; nothing where it was not answered with 200. */
  async scrape(timeoutMs: number): Promise<readonly Sample[]> {
    try {
      const response = await this.#fetch(this.#url, { signal: AbortSignal.timeout(timeoutMs) });
      const text = await textOf(response);
      const samples = response.status === 200 ? parseSamples(text) : [];
      this.problem = response.status === 200 ? problemOf(text, samples) : `${response.status}`;
      this.#noteFalls(samples);
      return samples;
    } catch (error) {
      const { message, cause } = error as Error;
      this.problem = cause instanceof Error ? `${message}: ${cause.message}` : message;
      return [];
    }
  }

  #noteFalls(samples: readonly Sample[]): void {
    const counted = new Map<string, number>();
    // A series that stands there twice, as where a label is missing, is no less than both.
    for (const sample of samples) {
      if (!COUNTER.test(sample.name)) continue;
      const series = describeSample(sample);
      counted.set(series, (counted.get(series) ?? 0) + sample.value);
    }
    for (const [series, value] of counted) {
      const before = this.#counters.get(series) ?? value;
      if (value < before) this.falls.push(`${series}: ${before}, then ${value}`);
      this.#counters.set(series, value);
    }
  }
}

function problemOf(text: string, samples: readonly Sample[]): string | null {
  const odd = text
    .split('\n')
    .find((line) => line !== '' && !line.startsWith('#') && !isSample(line));
  if (odd !== undefined) return `a line that is no sample: ${odd.slice(0, 120)}`;
  if (!text.endsWith('\n')) return 'the last line does not end';
  return samples.some(({ name }) => name.startsWith('vllm:')) ? null : 'no family of vLLM';
}

function isSample(line: string): boolean {
  const value = SAMPLE_LINE.exec(line)?.[1];
  return value !== undefined && (SPECIAL_VALUES.has(value) || !Number.isNaN(Number(value)));
}
