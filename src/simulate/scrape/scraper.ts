/**
 * Prometheus, as far as it stores what it scrapes: a body becomes samples with the labels of the target, an answer that is no
 * exposition becomes nothing but `up` 0. Pure.
 * Source: Prometheus 2.x scrape/scrape.go scrapeAndReport, report.
 */
import type { Scraped, ScrapedFamily, ScrapedSample } from './scraped.ts';

export interface ScrapeTarget {
  readonly job: string;
  readonly instance: string;
}

/** What came of asking. */
export interface ScrapeAnswer {
  readonly status: number;
  readonly body: string;
}

interface KnownSeries {
  readonly series: string;
  readonly name: string;
}

/** A label set or none, behind a metric's name. */
const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})?$/;
const VALUE = /^([-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?|NaN|[-+]?Inf)$/;

/** Series are kept by how the target writes them; there are as many as the target has. */
export class Scraper {
  readonly #target: string;
  readonly #known = new Map<string, KnownSeries>();

  constructor({ job, instance }: ScrapeTarget) {
    this.#target = `instance=${JSON.stringify(instance)},job=${JSON.stringify(job)}`;
  }

  /** `answer`: null where nobody answered in time. */
  take(atMs: number, answer: ScrapeAnswer | null, durationMs: number): Scraped {
    const read = answer?.status === 200 ? this.#read(answer.body) : null;
    const samples = read?.samples ?? [];
    const own: readonly (readonly [string, number])[] = [
      ['up', read === null ? 0 : 1],
      ['scrape_duration_seconds', durationMs / 1000],
      ['scrape_samples_scraped', samples.length],
    ];
    return {
      atMs,
      families: read?.families ?? [],
      samples: [
        ...samples,
        ...own.map(([name, value]) => ({
          series: `${name}{${this.#target}}`,
          name,
          value: String(value),
        })),
      ],
    };
  }

  /** Null where a line is none of an exposition: then Prometheus takes none of them. */
  #read(body: string): Pick<Scraped, 'samples' | 'families'> | null {
    // The last line ends too: half of it is not a line.
    if (!body.endsWith('\n')) return null;
    const samples: ScrapedSample[] = [];
    const types = new Map<string, string>();
    const helps = new Map<string, string>();
    for (const line of body.split('\n')) {
      if (line === '') continue;
      if (line.startsWith('#')) {
        const [, kind, name = '', ...text] = line.split(' ');
        if (kind === 'TYPE') types.set(name, text.join(' '));
        if (kind === 'HELP') helps.set(name, text.join(' '));
        continue;
      }
      const end = line.lastIndexOf(' ');
      const value = line.slice(end + 1);
      const known = this.#seriesOf(line.slice(0, end));
      if (known === null || !VALUE.test(value)) return null;
      samples.push({ series: known.series, name: known.name, value });
    }
    const families: ScrapedFamily[] = [...types].map(([name, type]) => ({
      name,
      type,
      help: helps.get(name) ?? '',
    }));
    return { samples, families };
  }

  #seriesOf(written: string): KnownSeries | null {
    const known = this.#known.get(written);
    if (known !== undefined) return known;
    const [, name, labels = ''] = SAMPLE.exec(written) ?? [];
    if (name === undefined) return null;
    const all = labels === '' ? this.#target : `${labels},${this.#target}`;
    const series = { series: `${name}{${all}}`, name };
    this.#known.set(written, series);
    return series;
  }
}
