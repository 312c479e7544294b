/** What a name in a query is to one version of vLLM, with the features that it has. */
import { closestName } from '../../shared/config/suggestion.ts';
import type {
  CatalogueFamily,
  MetricCatalogue,
} from '../../shared/metric-catalogue/metric-catalogue.ts';
import { CATALOGUE_VERSIONS, catalogueOf } from '../../shared/metric-catalogue/metric-catalogue.ts';
import { RENAMES, type Rename } from '../../shared/metric-catalogue/renames.ts';
import { isMet } from './features.ts';
import { type OtherExporter, otherExporterOf } from './other-exporters.ts';

export type NameVerdict =
  /** On /metrics. */
  | { readonly kind: 'exposed'; readonly family: CatalogueFamily }
  | { readonly kind: 'needs-feature'; readonly family: CatalogueFamily }
  | { readonly kind: 'counter-without-total'; readonly family: CatalogueFamily }
  | { readonly kind: 'histogram-without-suffix'; readonly family: CatalogueFamily }
  | {
      readonly kind: 'no-such-suffix';
      readonly family: CatalogueFamily;
      readonly suffix: string;
    }
  | { readonly kind: 'removed'; readonly rename: Rename; readonly suffix: string }
  /** A family of later versions alone. */
  | { readonly kind: 'not-yet'; readonly since: string }
  /** `vllm_` for `vllm:`; `name` is what it would be. */
  | { readonly kind: 'underscore'; readonly name: string }
  | { readonly kind: 'other-exporter'; readonly exporter: OtherExporter }
  /** Named like vLLM's, and never one of them. */
  | { readonly kind: 'unknown'; readonly nearest: string | null }
  /** A name as recording rules make them, and none that is read makes it. */
  | { readonly kind: 'not-recorded' }
  /** A rule's name, and the rule records nothing. */
  | { readonly kind: 'recorded-from-nothing' }
  /** Nothing of vLLM's by its name. */
  | { readonly kind: 'foreign' };

const PREFIX = 'vllm:';
const SUFFIX = /_(?:total|created|bucket|sum|count)$/;

export function verdictOf(
  name: string,
  catalogue: MetricCatalogue,
  features: ReadonlySet<string>,
): NameVerdict {
  const sample = catalogue.bySample.get(name);
  if (sample !== undefined)
    return { kind: isMet(sample.needs, features) ? 'exposed' : 'needs-feature', family: sample };
  if (name.startsWith(PREFIX)) return ownVerdictOf(name, catalogue);
  return name.startsWith('vllm_') ? underscoreVerdictOf(name, catalogue) : { kind: 'foreign' };
}

/** Programs around vLLM have metrics of their own whose names begin so, without a colon. */
const OTHERS = /^vllm_(?:router|pii|omni|sr|semantic|gateway|proxy|exporter)_/;

function underscoreVerdictOf(name: string, catalogue: MetricCatalogue): NameVerdict {
  if (OTHERS.test(name)) return { kind: 'foreign' };
  const colon = name.replace(/^vllm_/, PREFIX);
  if (isKnown(colon)) return { kind: 'underscore', name: colon };
  return { kind: 'unknown', nearest: nearestTo(colon, catalogue) };
}

/** Of a name that begins like vLLM's and is none of this version's series. */
function ownVerdictOf(name: string, catalogue: MetricCatalogue): NameVerdict {
  // Level, metric and operations: Prometheus' form for what a rule records.
  if (name.slice(PREFIX.length).includes(':')) return { kind: 'not-recorded' };
  const family = familyNamed(name, catalogue);
  if (family?.type === 'counter') return { kind: 'counter-without-total', family };
  if (family !== undefined) return { kind: 'histogram-without-suffix', family };
  const rename = renameOf(name);
  if (rename !== null) return { kind: 'removed', ...rename };
  const since = firstWith(name);
  if (since !== null) return { kind: 'not-yet', since };
  const suffix = SUFFIX.exec(name)?.[0] ?? '';
  const stem = suffix === '' ? undefined : stemFamily(name.slice(0, -suffix.length), catalogue);
  if (stem !== undefined) return { kind: 'no-such-suffix', family: stem, suffix };
  const exporter = otherExporterOf(name);
  if (exporter !== null) return { kind: 'other-exporter', exporter };
  return { kind: 'unknown', nearest: nearestTo(name, catalogue) };
}

function familyNamed(name: string, catalogue: MetricCatalogue): CatalogueFamily | undefined {
  return catalogue.families.find((family) => family.name === name);
}

/** What is left without the last suffix, be it a family or a series: `…_total_total` is of the counter. */
function stemFamily(name: string, catalogue: MetricCatalogue): CatalogueFamily | undefined {
  return familyNamed(name, catalogue) ?? catalogue.bySample.get(name);
}

/** The old family that the name is a series of, or would be: counters were renamed with and without their suffix. */
function renameOf(name: string): { readonly rename: Rename; readonly suffix: string } | null {
  const suffix = SUFFIX.exec(name)?.[0] ?? '';
  for (const candidate of new Set(['', suffix])) {
    const stem = candidate === '' ? name : name.slice(0, -candidate.length);
    const rename = RENAMES.find(({ old }) => old === stem);
    if (rename !== undefined) return { rename, suffix: candidate };
  }
  return null;
}

/** The first version with such a series or family; null: no version that is known has one. */
function firstWith(name: string): string | null {
  const version = CATALOGUE_VERSIONS.find((candidate) => {
    const catalogue = catalogueOf(candidate);
    return catalogue.bySample.has(name) || familyNamed(name, catalogue) !== undefined;
  });
  return version ?? null;
}

/** Whether a version has it, or once had it, or it is a family's whose series have suffixes. */
function isKnown(name: string): boolean {
  if (firstWith(name) !== null || renameOf(name) !== null) return true;
  const suffix = SUFFIX.exec(name)?.[0] ?? '';
  return suffix !== '' && firstWith(name.slice(0, -suffix.length)) !== null;
}

/** The series whose name is spelt nearly so. */
function nearestTo(name: string, catalogue: MetricCatalogue): string | null {
  const dashed = (text: string): string => text.slice(PREFIX.length).replaceAll('_', '-');
  const names = [...catalogue.bySample.keys()].filter(
    (sample) => sample.startsWith(PREFIX) && !sample.endsWith('_created'),
  );
  const nearest = closestName(dashed(name), names.map(dashed));
  return nearest === null ? null : (names.find((sample) => dashed(sample) === nearest) ?? null);
}
