import { type Metric, type OpenMetricsContentType, Registry } from 'prom-client';
import type { Family, RenderedFamily } from '../../src/frontend/metrics/families.ts';

/** What prom-client's registry itself makes of these families in one go, of which nothing was kept from before. */
export async function promClientExposition(
  families: readonly Family[],
  openMetrics: boolean,
  isMultiprocess = false,
): Promise<string> {
  const shown = isMultiprocess ? families.filter((family) => family.hasChildren) : families;
  // Of no family prom-client writes an empty line, Python's client nothing.
  const isEmpty = shown.length === 0;
  if (openMetrics) return isEmpty ? '# EOF\n' : openMetricsText(shown, isMultiprocess);
  return isEmpty ? '' : text(shown, isMultiprocess);
}

async function text(families: readonly Family[], isMultiprocess: boolean): Promise<string> {
  const registry = new Registry();
  for (const family of families) {
    const name = family.type === 'counter' ? `${family.name}_total` : family.name;
    register(registry, family.render(name, isMultiprocess));
    const created = isMultiprocess ? null : family.renderCreated();
    if (created !== null) register(registry, created);
  }
  // prom-client puts an empty line between families; Python's client does not.
  return (await registry.metrics()).replaceAll('\n\n', '\n');
}

async function openMetricsText(
  families: readonly Family[],
  isMultiprocess: boolean,
): Promise<string> {
  const registry = new Registry<OpenMetricsContentType>();
  registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
  for (const family of families) register(registry, family.render(family.name, isMultiprocess));
  return registry.metrics();
}

function register(registry: Pick<Registry, 'registerMetric'>, rendered: RenderedFamily): void {
  const { name, type } = rendered;
  registry.registerMetric({ name, type, get: () => rendered } as unknown as Metric);
}
