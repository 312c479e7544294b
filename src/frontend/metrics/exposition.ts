/**
 * The door to prom-client: its registries render our families, as Prometheus text or OpenMetrics.
 * The text format has Python's `_created` gauges, and vLLM's content type (prometheus_client's newest).
 */
import { type Metric, type OpenMetricsContentType, Registry } from 'prom-client';
import { assert } from '../../shared/assert.ts';
import type { Family, FamilySnapshot, RenderedFamily } from './families.ts';

export interface Exposition {
  readonly contentType: string;
  readonly body: string;
}

/** What vLLM's Python frontend answers: prometheus_client's CONTENT_TYPE_LATEST. */
export const TEXT_CONTENT_TYPE = 'text/plain; version=1.0.0; charset=utf-8';
/** What it answers who names no newer one. */
export const OLD_TEXT_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';
export const OPENMETRICS_CONTENT_TYPE =
  'application/openmetrics-text; version=1.0.0; charset=utf-8';

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

/**
 * Renders all families in the order given. `isMultiprocess`: they are merged from several processes, and as with Python's
 * multiprocess registry no child tells when it was made, and a family without children is not there.
 * Source: prometheus_client.exposition.generate_latest, prometheus_client.multiprocess.
 */
export function renderExposition(
  families: Iterable<Family>,
  openMetrics: boolean,
  isMultiprocess = false,
): Promise<Exposition> {
  const shown = isMultiprocess ? [...families].filter((family) => family.hasChildren) : families;
  return openMetrics ? renderOpenMetrics(shown, isMultiprocess) : renderText(shown, isMultiprocess);
}

async function renderText(
  families: Iterable<Family>,
  isMultiprocess: boolean,
): Promise<Exposition> {
  const registry = new Registry();
  for (const family of families) {
    register(registry, family.render(exposedName(family), isMultiprocess));
    const created = isMultiprocess ? null : family.renderCreated();
    if (created !== null) register(registry, created);
  }
  // prom-client puts an empty line between families; Python's client does not.
  const body = (await registry.metrics()).replaceAll('\n\n', '\n');
  return { contentType: TEXT_CONTENT_TYPE, body };
}

async function renderOpenMetrics(
  families: Iterable<Family>,
  isMultiprocess: boolean,
): Promise<Exposition> {
  const registry = new Registry<OpenMetricsContentType>();
  registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
  // The registry appends `_total` to a counter's samples itself.
  for (const family of families) register(registry, family.render(family.name, isMultiprocess));
  return { contentType: OPENMETRICS_CONTENT_TYPE, body: await registry.metrics() };
}

function exposedName(family: Family): string {
  return family.type === 'counter' ? `${family.name}_total` : family.name;
}

function register(registry: Pick<Registry, 'registerMetric'>, rendered: RenderedFamily): void {
  // prom-client types a metric as one of its own classes; its registry only ever calls `get`.
  registry.registerMetric({
    name: rendered.name,
    type: rendered.type,
    get: () => rendered,
  } as unknown as Metric);
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
