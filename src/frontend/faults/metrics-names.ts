import { METRICS_NAMES as SPEC } from '../../shared/faults/specs/metrics-names.ts';
import { differencesTo, type OlderMetrics } from '../../shared/protocol/versions/older-metrics.ts';
import { type Labels, sortedLabels } from '../metrics/child.ts';
import { CACHE_CONFIG_INFO } from '../metrics/definitions.ts';
import type { Family } from '../metrics/families.ts';
import { frontendFault } from './frontend-fault.ts';

export const METRICS_NAMES = frontendFault(SPEC, ({ version }) => {
  const differences = differencesTo(version);
  return { changeNames: (families) => differences.reduce(withNamesOf, families) };
});

/** One version older. */
function withNamesOf(
  families: readonly Family[],
  { lacks, cacheConfigInfo }: OlderMetrics,
): readonly Family[] {
  return families
    .filter(({ name }) => !lacks.includes(name))
    .map((family) => {
      if (family.name !== CACHE_CONFIG_INFO.name) return family;
      const { children } = family.snapshot();
      return family.withChildren(
        children.map((child) => ({ ...child, labels: labelsOf(child.labels, cacheConfigInfo) })),
      );
    });
}

function labelsOf(labels: Labels, { lacks, has }: OlderMetrics['cacheConfigInfo']): Labels {
  const kept = Object.entries(labels).filter(([name]) => !lacks.includes(name));
  return sortedLabels({ ...Object.fromEntries(kept), ...has });
}
