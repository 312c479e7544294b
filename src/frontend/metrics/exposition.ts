/**
 * The door to prom-client: its registries write our families, as Prometheus text or OpenMetrics, whenever series come; from
 * then on the values in what they wrote are brought up to date (family-text.ts).
 * The text format has Python's `_created` gauges, and vLLM's content type (prometheus_client's newest).
 */
import {
  type Metric,
  type OpenMetricsContentType,
  type PrometheusContentType,
  Registry,
} from 'prom-client';
import { assert } from '../../shared/assert.ts';
import { BodyRoom } from './body-room.ts';
import type { Family, FamilySnapshot, RenderedFamily } from './families.ts';
import { FamilyText } from './family-text.ts';

export interface Exposition {
  readonly contentType: string;
  readonly body: Buffer;
  /** To be called when nobody reads the body any more: the next scrape may be written in its place. Else it stays. */
  release(): void;
}

/** What vLLM's Python frontend answers: prometheus_client's CONTENT_TYPE_LATEST. */
export const TEXT_CONTENT_TYPE = 'text/plain; version=1.0.0; charset=utf-8';
/** What it answers who names no newer one. */
export const OLD_TEXT_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';
export const OPENMETRICS_CONTENT_TYPE =
  'application/openmetrics-text; version=1.0.0; charset=utf-8';

const END_OF_FILE = Buffer.from('# EOF\n');

export interface Encoder {
  readonly isOpenMetrics: boolean;
  readonly contentType: string;
}

const ESCAPINGS: readonly string[] = ['allow-utf-8', 'underscores', 'dots', 'values'];

/**
 * The format that an `Accept` header gets from Python's client: the first entry that it can write, whatever its weight.
 * No names here need escaping, so that the scheme asked for is only named. Without a header it is the text format as
 * vLLM's `GET /metrics` has it, which looks at no header.
 * Source: prometheus_client.exposition.choose_encoder 0.26.
 */
export function chooseEncoder(accept: string | undefined): Encoder {
  if (accept === undefined) return { isOpenMetrics: false, contentType: TEXT_CONTENT_TYPE };
  for (const entry of accept.split(',')) {
    const [type = '', ...parameters] = entry.split(';').map((part) => part.trim());
    const version = parameterOf(parameters, 'version');
    const asked = parameterOf(parameters, 'escaping');
    const escaping = ESCAPINGS.includes(asked) ? asked : 'underscores';
    const isNew = Number.parseInt(version, 10) >= 1;
    if (type === 'application/openmetrics-text') {
      if (version === '') return { isOpenMetrics: true, contentType: OPENMETRICS_CONTENT_TYPE };
      const contentType = `application/openmetrics-text; version=${version}; charset=utf-8; escaping=${escaping}`;
      if (isNew) return { isOpenMetrics: true, contentType };
    } else if (type === 'text/plain' && isNew) {
      return { isOpenMetrics: false, contentType: `${TEXT_CONTENT_TYPE}; escaping=${escaping}` };
    }
  }
  return { isOpenMetrics: false, contentType: OLD_TEXT_CONTENT_TYPE };
}

function parameterOf(parameters: readonly string[], name: string): string {
  const found = parameters.find((parameter) => parameter.startsWith(`${name}=`));
  return found?.slice(name.length + 1) ?? '';
}

/** A family and what was written of its series; null before that. */
interface Written {
  readonly family: Family;
  text: FamilyText | null;
}

/** Writes families for scrapes; what it wrote of a family is kept for the next one. */
export class ExpositionWriter {
  readonly #isMultiprocess: boolean;
  /** By the family's name. */
  readonly #text = new Map<string, Written>();
  readonly #openMetrics = new Map<string, Written>();
  readonly #room = new BodyRoom();

  /**
   * `isMultiprocess`: families are merged from several processes, and as with Python's multiprocess registry no child tells
   * when it was made, and a family without children is not there.
   * Source: prometheus_client.exposition.generate_latest, prometheus_client.multiprocess.
   */
  constructor({ isMultiprocess }: { readonly isMultiprocess: boolean }) {
    this.#isMultiprocess = isMultiprocess;
  }

  /** All families in the order given, as they are at one moment. */
  async write(
    families: readonly Family[],
    { isOpenMetrics, contentType }: Encoder,
  ): Promise<Exposition> {
    const kept = isOpenMetrics ? this.#openMetrics : this.#text;
    const all = this.#isMultiprocess ? families.filter(({ hasChildren }) => hasChildren) : families;
    const shown = all.map((family) => writtenOf(family, kept));
    // Writing a family anew takes a turn, in which others may get series: then those are written too.
    for (;;) {
      const outdated = shown.filter((written) => !this.#update(written));
      if (outdated.length === 0) break;
      await Promise.all(
        outdated.map(async (written) => {
          written.text = await this.#begin(written.family, isOpenMetrics);
        }),
      );
    }
    const parts = shown.map(({ text }) => (text as FamilyText).bytes);
    if (isOpenMetrics) parts.push(END_OF_FILE);
    return { contentType, ...this.#room.join(parts) };
  }

  /** False where it must be written anew. */
  #update({ family, text }: Written): boolean {
    return text?.update((into) => family.readValues(into, this.#isMultiprocess)) ?? false;
  }

  async #begin(family: Family, isOpenMetrics: boolean): Promise<FamilyText> {
    // An OpenMetrics registry appends `_total` to a counter's samples itself.
    const name = isOpenMetrics ? family.name : exposedName(family);
    const rendered = family.render(name, this.#isMultiprocess);
    const values = Float64Array.from(rendered.values, ({ value }) => value);
    const created = isOpenMetrics || this.#isMultiprocess ? null : family.renderCreated();
    const all = created === null ? [rendered] : [rendered, created];
    const texts = await Promise.all(all.map((one) => textOf(one, isOpenMetrics)));
    return new FamilyText(texts.join('\n'), values);
  }
}

/** Merged families, and those that faults change, are made at each scrape, mostly with the series that they had. */
function writtenOf(family: Family, kept: Map<string, Written>): Written {
  const known = kept.get(family.name);
  if (known?.family === family) return known;
  const text = known !== undefined && family.hasSeriesOf(known.family) ? known.text : null;
  const written = { family, text };
  kept.set(family.name, written);
  return written;
}

function exposedName(family: Family): string {
  return family.type === 'counter' ? `${family.name}_total` : family.name;
}

function textOf(rendered: RenderedFamily, isOpenMetrics: boolean): Promise<string> {
  const registry = new Registry<PrometheusContentType | OpenMetricsContentType>();
  if (isOpenMetrics) registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
  const { name, type } = rendered;
  // prom-client types a metric as one of its own classes; its registry only ever calls `get`.
  registry.registerMetric({ name, type, get: () => rendered } as unknown as Metric);
  return registry.getSingleMetricAsString(name);
}

/** Merges the families of several processes: each API server's own numbers become one exposition. */
export function mergeFamilies(
  shape: Iterable<Family>,
  snapshots: readonly (readonly FamilySnapshot[])[],
): readonly Family[] {
  const merged = new Map<string, Family>();
  for (const family of shape) merged.set(family.name, family.emptyCopy());
  for (const snapshot of snapshots) {
    for (const theirs of snapshot) {
      const family = merged.get(theirs.name);
      assert(family !== undefined, () => `${theirs.name} of an API server that has other families`);
      family.merge(theirs);
    }
  }
  return [...merged.values()];
}
