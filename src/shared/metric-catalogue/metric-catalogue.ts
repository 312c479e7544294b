/**
 * What each version of vLLM has on /metrics, under which flags: names, labels, values and buckets. Read from versions/*.json,
 * which producers/metric_catalogue.py writes from what each version's own package registers; a version is the difference to
 * the one before it. Loaded late: only what looks at other versions, or judges queries, asks.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { assert } from '../assert.ts';
import { ConfigError } from '../errors.ts';
import { ownFile } from '../own-files.ts';
import { compareVersions } from '../version.ts';

export type FamilyType = 'counter' | 'gauge' | 'histogram' | 'summary';

/** A family of samples with one name, as prometheus_client has it; a counter's name is without `_total`. */
export interface CatalogueFamily {
  readonly name: string;
  readonly type: FamilyType;
  readonly help: string;
  /** In vLLM's order; `le` of a histogram's buckets is none of them. */
  readonly labels: readonly string[];
  /** Names of the series on /metrics, `_created` among them, which several API servers together do not have. */
  readonly samples: readonly string[];
  /** Any one of these brings it, in the recording's words; empty: it is always there. */
  readonly needs: readonly string[];
  /**
   * Values of the labels beside model_name and engine: all that there are, but empty where a value appears with its first
   * event, and examples of `http_*` and of positions of drafts.
   */
  readonly labelValues: Readonly<Record<string, readonly string[]>>;
  /** Upper bounds without +Inf; null: no histogram. */
  readonly buckets: readonly number[] | null;
  /** What else the buckets follow, in words. */
  readonly bucketsDependOn: string | null;
  /** How a gauge of several API servers becomes one; null: no gauge. */
  readonly multiprocessMode: string | null;
  /** Series that are there before any event, of two engines with one model. */
  readonly initialChildren: number;
  /** Registered where it is used, not by vLLM's PrometheusStatLogger. */
  readonly isOutsideStatLogger: boolean;
  readonly note: string | null;
}

export interface MetricCatalogue {
  readonly version: string;
  /** In the order in which vLLM registers them. */
  readonly families: readonly CatalogueFamily[];
  /** Of `vllm:cache_config_info`, `engine` included; in order. */
  readonly cacheConfigInfoLabels: readonly string[];
  /** Their values at vLLM's defaults, of engine 0 with 2,048 blocks. */
  readonly cacheConfigInfoValues: Readonly<Record<string, string>>;
  readonly bySample: ReadonlyMap<string, CatalogueFamily>;
}

/** A version's file. */
interface CatalogueFile {
  /** The version that it is the difference to; null: it is whole. */
  readonly after: string | null;
  readonly gone: readonly string[];
  readonly families: readonly (FileFamily & Placed)[];
  readonly cache_config_info_gone: readonly string[];
  readonly cache_config_info: readonly (FileLabel & Placed)[];
}

interface FileFamily {
  readonly name: string;
  readonly type: FamilyType;
  readonly help: string;
  readonly labels: readonly string[];
  readonly needs?: readonly string[];
  readonly label_values?: Readonly<Record<string, readonly string[]>>;
  readonly buckets?: readonly number[];
  readonly buckets_depend_on?: string;
  readonly multiprocess_mode?: string;
  readonly initial_children?: number;
  readonly outside_stat_logger?: true;
  readonly note?: string;
}

interface FileLabel {
  readonly name: string;
  readonly value: string;
}

interface Placed {
  /** What stands before it; null: nothing does. */
  readonly behind: string | null;
}

const FOLDER = ownFile('shared/metric-catalogue/versions');
/** Whose labels are the fields of CacheConfig. */
export const CACHE_CONFIG_INFO = 'vllm:cache_config_info';

/** What prometheus_client writes of each type, in Prometheus' text format. */
const SUFFIXES: Readonly<Record<FamilyType, readonly string[]>> = {
  counter: ['_total', '_created'],
  gauge: [''],
  histogram: ['_bucket', '_sum', '_count', '_created'],
  summary: ['_count', '_sum', '_created'],
};

/** From the oldest. */
export const CATALOGUE_VERSIONS: readonly string[] = readdirSync(FOLDER)
  .filter((file) => file.endsWith('.json'))
  .map((file) => file.slice(0, -'.json'.length))
  .sort(compareVersions);

/** By version; read when one is first asked for: every server has this module in its bundle, and few ask. */
let catalogues: ReadonlyMap<string, MetricCatalogue> | null = null;

/** Throws E_BAD_FLAG, naming the versions that there are, for another one. */
export function catalogueOf(version: string): MetricCatalogue {
  catalogues ??= readCatalogues();
  const catalogue = catalogues.get(version);
  if (catalogue !== undefined) return catalogue;
  throw new ConfigError(
    'E_BAD_FLAG',
    `The metrics of vLLM ${version} are not known; those of ${CATALOGUE_VERSIONS.join(', ')} are`,
  );
}

interface Content {
  readonly families: readonly FileFamily[];
  readonly info: readonly FileLabel[];
}

function readCatalogues(): ReadonlyMap<string, MetricCatalogue> {
  const contents = new Map<string | null, Content>([[null, { families: [], info: [] }]]);
  const read = new Map<string, MetricCatalogue>();
  for (const version of CATALOGUE_VERSIONS) {
    const file = JSON.parse(readFileSync(`${FOLDER}/${version}.json`, 'utf8')) as CatalogueFile;
    const before = contents.get(file.after);
    assert(before !== undefined, `the metrics of ${version} follow those of ${file.after}`);
    const content = {
      families: applied(before.families, file.gone, file.families),
      info: applied(before.info, file.cache_config_info_gone, file.cache_config_info),
    };
    contents.set(version, content);
    read.set(version, catalogueFrom(version, content));
  }
  return read;
}

function catalogueFrom(version: string, { families, info }: Content): MetricCatalogue {
  const labels = info.map(({ name }) => name);
  const made = families.map((family) => familyOf(family, labels));
  return {
    version,
    families: made,
    cacheConfigInfoLabels: labels,
    cacheConfigInfoValues: Object.fromEntries(info.map(({ name, value }) => [name, value])),
    bySample: new Map(
      made.flatMap((family) => family.samples.map((sample) => [sample, family] as const)),
    ),
  };
}

function applied<Entry extends { readonly name: string }>(
  before: readonly Entry[],
  gone: readonly string[],
  changed: readonly (Entry & Placed)[],
): readonly Entry[] {
  const entries = before.filter(({ name }) => !gone.includes(name));
  for (const entry of changed) {
    const old = entries.findIndex(({ name }) => name === entry.name);
    if (old !== -1) entries.splice(old, 1);
    const behind = entries.findIndex(({ name }) => name === entry.behind);
    entries.splice(behind + 1, 0, entry);
  }
  return entries;
}

function familyOf(family: FileFamily, infoLabels: readonly string[]): CatalogueFamily {
  const { name, type, help } = family;
  return {
    name,
    type,
    help,
    labels: name === CACHE_CONFIG_INFO ? infoLabels : family.labels,
    samples: SUFFIXES[type].map((suffix) => `${name}${suffix}`),
    needs: family.needs ?? [],
    labelValues: family.label_values ?? {},
    buckets: family.buckets ?? null,
    bucketsDependOn: family.buckets_depend_on ?? null,
    multiprocessMode: family.multiprocess_mode ?? null,
    initialChildren: family.initial_children ?? 0,
    isOutsideStatLogger: family.outside_stat_logger === true,
    note: family.note ?? null,
  };
}
