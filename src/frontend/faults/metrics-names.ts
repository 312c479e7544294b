import { METRICS_NAMES as SPEC } from '../../shared/faults/specs/metrics-names.ts';
import {
  differencesTo,
  type OlderMetrics,
  type OldFamily,
} from '../../shared/protocol/versions/older-metrics.ts';
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
  { lacks, has = [], cacheConfigInfo }: OlderMetrics,
): readonly Family[] {
  const gone = new Set([...lacks, ...has.map(({ name }) => name)]);
  return families.flatMap((family) => {
    const old = has.filter(({ like }) => like === family.name);
    const shown = old.map((wanted) => olderFamily(family, wanted));
    if (gone.has(family.name)) return shown;
    if (family.name !== CACHE_CONFIG_INFO.name || cacheConfigInfo === undefined)
      return [...shown, family];
    const { children } = family.snapshot();
    return family.withChildren(
      children.map((child) => ({ ...child, labels: labelsOf(child.labels, cacheConfigInfo) })),
    );
  });
}

function olderFamily(family: Family, { name, help, stays0 }: OldFamily): Family {
  const old = family.renamed({ name, help });
  if (stays0 !== true) return old;
  return old.withChildren(old.snapshot().children.map((child) => ({ ...child, value: 0 })));
}

function labelsOf(
  labels: Labels,
  { lacks, has }: NonNullable<OlderMetrics['cacheConfigInfo']>,
): Labels {
  const kept = Object.entries(labels).filter(([name]) => !lacks.includes(name));
  return sortedLabels({ ...Object.fromEntries(kept), ...has });
}
