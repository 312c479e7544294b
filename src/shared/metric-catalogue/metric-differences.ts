/**
 * What changed on /metrics between two versions, either of which may be the later one. Of versions whose source was read
 * for the names alone, names are compared; what cannot be told of a family is said.
 */
import { ConfigError } from '../errors.ts';
import { compareVersions } from '../version.ts';
import {
  CACHE_CONFIG_INFO,
  CATALOGUE_VERSIONS,
  type CatalogueFamily,
  catalogueOf,
  type MetricCatalogue,
} from './metric-catalogue.ts';
import { FIRST_VERSION_OF_NAME, RENAMES, type Rename, SCANNED_VERSIONS } from './renames.ts';

export interface MetricDifferences {
  readonly from: string;
  readonly to: string;
  readonly added: readonly FamilyFacts[];
  readonly removed: readonly FamilyFacts[];
  readonly renamed: readonly FamilyRename[];
  /** Null unless both are recorded: of the names alone nothing else is known. */
  readonly changed: readonly FamilyChange[] | null;
  /** Of `vllm:cache_config_info`; null unless both are recorded. */
  readonly cacheConfigInfo: LabelDifferences | null;
  /** Families that came, or went, somewhere near a version of which the names alone are known. */
  readonly uncertain: readonly string[];
}

export interface FamilyFacts {
  /** A counter's is without `_total`. */
  readonly name: string;
  /** Null where the names alone are known. */
  readonly type: CatalogueFamily['type'] | null;
  /** Any one of these brings it; empty: it is always there; null: not known. */
  readonly needs: readonly string[] | null;
  /** What is in its place, or why there is nothing; null: nothing is known of it. */
  readonly note: string | null;
}

export interface FamilyRename {
  readonly from: string;
  /** Several: none of them says the same. */
  readonly to: readonly string[];
  readonly note: string;
}

const COMPARED = [
  'type',
  'help',
  'labels',
  'labelValues',
  'buckets',
  'needs',
  'multiprocessMode',
  'initialChildren',
] as const satisfies readonly (keyof CatalogueFamily)[];

export interface FamilyChange {
  readonly name: string;
  readonly what: (typeof COMPARED)[number];
  readonly from: unknown;
  readonly to: unknown;
}

export interface LabelDifferences {
  readonly added: readonly LabelPlace[];
  readonly removed: readonly LabelPlace[];
  /** Those that both have stand in another order. */
  readonly isReordered: boolean;
}

export interface LabelPlace {
  readonly name: string;
  /** From 0. */
  readonly at: number;
  /** Its value at the defaults. */
  readonly value: string;
}

const VLLM_PREFIX = 'vllm:';

/** All whose metrics, or the names of them, are known; from the oldest. */
export const KNOWN_METRIC_VERSIONS: readonly string[] = [
  ...new Set([...SCANNED_VERSIONS, ...CATALOGUE_VERSIONS]),
].sort(compareVersions);

/** Throws E_BAD_FLAG for a version that is none of KNOWN_METRIC_VERSIONS. */
export function metricDifferences(from: string, to: string): MetricDifferences {
  const [before, after] = [familiesOf(from), familiesOf(to)];
  const renamed = renamesBetween(before, after);
  const replaced = new Set(renamed.map((rename) => rename.from));
  const successors = new Set(renamed.flatMap((rename) => rename.to));
  const isUncertain = (name: string): boolean =>
    before.uncertain.has(name) || after.uncertain.has(name);
  const both = before.catalogue !== null && after.catalogue !== null;
  const onlyIn = (own: VersionFamilies, other: VersionFamilies, known: ReadonlySet<string>) =>
    own.names
      .filter((name) => !other.has(name) && !known.has(name) && !isUncertain(name))
      // Whose names the scan of the sources has not.
      .filter((name) => both || name.startsWith(VLLM_PREFIX));
  return {
    from,
    to,
    added: onlyIn(after, before, successors).map((name) => factsOf(name, after)),
    removed: onlyIn(before, after, replaced).map((name) => factsOf(name, before)),
    renamed,
    changed: both ? changesBetween(before, after) : null,
    cacheConfigInfo:
      before.catalogue !== null && after.catalogue !== null
        ? labelDifferences(before.catalogue, after.catalogue)
        : null,
    uncertain: [...new Set([...before.uncertain, ...after.uncertain])],
  };
}

interface VersionFamilies {
  readonly version: string;
  /** Null where the names alone are known. */
  readonly catalogue: MetricCatalogue | null;
  readonly names: readonly string[];
  readonly uncertain: ReadonlySet<string>;
  has(name: string): boolean;
}

function familiesOf(version: string): VersionFamilies {
  if (!KNOWN_METRIC_VERSIONS.includes(version))
    throw new ConfigError(
      'E_BAD_FLAG',
      `vLLM ${version} is not known; known are ${KNOWN_METRIC_VERSIONS.join(', ')}`,
    );
  if (!CATALOGUE_VERSIONS.includes(version)) return familiesByName(version);
  const catalogue = catalogueOf(version);
  const names = catalogue.families.map(({ name }) => name);
  const own = new Set(names);
  return { version, catalogue, names, uncertain: new Set(), has: (name) => own.has(name) };
}

/** From each name's first version and its last, and from the recorded versions on either side. */
function familiesByName(version: string): VersionFamilies {
  const [below, above] = [neighbour(version, -1), neighbour(version, 1)];
  const oldNames = new Set(RENAMES.map(({ old }) => old));
  const recorded = new Set(
    CATALOGUE_VERSIONS.flatMap((known) => catalogueOf(known).families.map(({ name }) => name)),
  );
  const names = new Set<string>();
  const read = new Set<string>();
  for (const [written, first] of FIRST_VERSION_OF_NAME) {
    const bare = written.replace(/_total$/, '');
    const isCounter = !oldNames.has(written) && (recorded.has(bare) || oldNames.has(bare));
    const name = isCounter ? bare : written;
    // The beginning of names that are put together.
    if (name.endsWith('_')) continue;
    read.add(name);
    const rename = RENAMES.find(({ old }) => old === name);
    const isGone = rename !== undefined && !isShownIn(rename, version);
    if (compareVersions(first, version) <= 0 && !isGone) names.add(name);
  }
  const uncertain = new Set<string>();
  for (const name of recorded) {
    if (read.has(name) || above === null) continue;
    const [isBelow, isAbove] = [below?.has(name) ?? false, above.has(name)];
    if (isBelow && isAbove) names.add(name);
    else if (isBelow !== isAbove && below !== null) uncertain.add(name);
  }
  return {
    version,
    catalogue: null,
    names: [...names],
    uncertain,
    has: (name) => names.has(name),
  };
}

/** The families of the next recorded version in a direction. */
function neighbour(version: string, direction: -1 | 1): ReadonlySet<string> | null {
  const others = CATALOGUE_VERSIONS.filter(
    (known) => Math.sign(compareVersions(known, version)) === direction,
  );
  const next = direction === 1 ? others[0] : others.at(-1);
  return next === undefined ? null : new Set(catalogueOf(next).families.map(({ name }) => name));
}

/** By either engine that the version has, without --show-hidden-metrics-for-version. */
function isShownIn({ timeline }: Rename, version: string): boolean {
  return Object.values(timeline).some((spans) =>
    spans.some(
      ({ state, from, to }) =>
        state !== 'hidden' &&
        compareVersions(from, version) <= 0 &&
        compareVersions(version, to) <= 0,
    ),
  );
}

/** Old names that one of them has, with what the other has in their place. */
function renamesBetween(before: VersionFamilies, after: VersionFamilies): readonly FamilyRename[] {
  return RENAMES.flatMap(({ old, new: fresh, note }): FamilyRename[] => {
    const isForward = before.has(old) && !after.has(old);
    const isBack = after.has(old) && !before.has(old);
    if (isForward) {
      const to = fresh.filter((name) => after.has(name));
      return to.length === 0 ? [] : [{ from: old, to, note }];
    }
    if (!isBack) return [];
    return fresh
      .filter((name) => before.has(name) && !after.has(name))
      .map((name) => ({ from: name, to: [old], note }));
  });
}

function factsOf(name: string, { catalogue }: VersionFamilies): FamilyFacts {
  const family = catalogue?.families.find((one) => one.name === name);
  const rename = RENAMES.find(({ old }) => old === name);
  return {
    name,
    type: family?.type ?? null,
    needs: family?.needs ?? null,
    note: rename?.note ?? null,
  };
}

function changesBetween(before: VersionFamilies, after: VersionFamilies): readonly FamilyChange[] {
  const later = new Map(after.catalogue?.families.map((family) => [family.name, family]));
  return (before.catalogue?.families ?? []).flatMap((family) => {
    const other = later.get(family.name);
    if (other === undefined) return [];
    return COMPARED.filter(
      (what) =>
        JSON.stringify(family[what]) !== JSON.stringify(other[what]) &&
        // Told label by label.
        !(family.name === CACHE_CONFIG_INFO && what === 'labels'),
    ).map((what) => ({ name: family.name, what, from: family[what], to: other[what] }));
  });
}

function labelDifferences(before: MetricCatalogue, after: MetricCatalogue): LabelDifferences {
  const [old, fresh] = [placesOf(before), placesOf(after)];
  const shared = before.cacheConfigInfoLabels.filter((name) => fresh.has(name));
  const sharedAfter = after.cacheConfigInfoLabels.filter((name) => old.has(name));
  return {
    added: [...fresh.values()].filter(({ name }) => !old.has(name)),
    removed: [...old.values()].filter(({ name }) => !fresh.has(name)),
    isReordered: shared.join() !== sharedAfter.join(),
  };
}

function placesOf({
  cacheConfigInfoLabels,
  cacheConfigInfoValues,
}: MetricCatalogue): ReadonlyMap<string, LabelPlace> {
  return new Map(
    cacheConfigInfoLabels.map((name, at) => [
      name,
      { name, at, value: cacheConfigInfoValues[name] ?? '' },
    ]),
  );
}
