/** The frontend's /metrics, as a Prometheus scrapes it: with a deadline, and never trusted to be what it should. */
import {
  describeSample,
  isSampleLine,
  parseSamples,
  type Sample,
} from '../../shared/exposition.ts';
import { type Fetch, textOf } from './http-side.ts';

const COUNTER = /^vllm:\w+_(?:total|count|bucket)$/;

interface Scrape {
  readonly samples: readonly Sample[];
  readonly problem: string | null;
}

export class MetricsSide {
  /** Why a scrape cannot be what vLLM answers, the first such one; null where each could be. */
  problem: string | null = null;
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
    const { samples, problem } = await this.#ask(timeoutMs);
    this.problem ??= problem;
    this.#noteFalls(samples);
    return samples;
  }

  /** As `scrape`, and no problem or fall is noted; null where it cannot be what vLLM answers. */
  async peek(timeoutMs: number): Promise<readonly Sample[] | null> {
    const { samples, problem } = await this.#ask(timeoutMs);
    return problem === null ? samples : null;
  }

  async #ask(timeoutMs: number): Promise<Scrape> {
    try {
      const response = await this.#fetch(this.#url, { signal: AbortSignal.timeout(timeoutMs) });
      const text = await textOf(response);
      if (response.status !== 200) return { samples: [], problem: `${response.status}` };
      const samples = parseSamples(text);
      return { samples, problem: problemOf(text, samples) };
    } catch (error) {
      const { message, cause } = error as Error;
      const problem = cause instanceof Error ? `${message}: ${cause.message}` : message;
      return { samples: [], problem };
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
    .find((line) => line !== '' && !line.startsWith('#') && !isSampleLine(line));
  if (odd !== undefined) return `a line that is no sample: ${odd.slice(0, 120)}`;
  if (!text.endsWith('\n')) return 'the last line does not end';
  return samples.some(({ name }) => name.startsWith('vllm:')) ? null : 'no family of vLLM';
}
