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
export const OPENMETRICS_CONTENT_TYPE =
  'application/openmetrics-text; version=1.0.0; charset=utf-8';

/** True where the `Accept` header asks for OpenMetrics. */
export function wantsOpenMetrics(accept: string | undefined): boolean {
  return accept?.includes('application/openmetrics-text') === true;
}

/** Renders all families in the order given. */
export function renderExposition(
  families: Iterable<Family>,
  openMetrics: boolean,
): Promise<Exposition> {
  return openMetrics ? renderOpenMetrics(families) : renderText(families);
}

/** A family without children has its two lines of description, as Python's. */
async function renderText(families: Iterable<Family>): Promise<Exposition> {
  const registry = new Registry();
  for (const family of families) {
    register(registry, family.render(exposedName(family)));
    if (family.type === 'gauge') continue;
    const created = family.renderCreated();
    if (created.values.length > 0) register(registry, created);
  }
  // prom-client puts an empty line between families; Python's client does not.
  const body = (await registry.metrics()).replaceAll('\n\n', '\n');
  return { contentType: TEXT_CONTENT_TYPE, body };
}

async function renderOpenMetrics(families: Iterable<Family>): Promise<Exposition> {
  const registry = new Registry<OpenMetricsContentType>();
  registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
  // The registry appends `_total` to a counter's samples itself.
  for (const family of families) {
    const rendered = family.render(family.name);
    if (rendered.values.length > 0) register(registry, rendered);
  }
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
