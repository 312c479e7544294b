/** Label names in queries: which are vLLM's, which are meant for one of vLLM's, which only scraping can have added. */
import { closestName } from '../../shared/config/suggestion.ts';
import type {
  CatalogueFamily,
  MetricCatalogue,
} from '../../shared/metric-catalogue/metric-catalogue.ts';
import {
  CACHE_CONFIG_INFO,
  CATALOGUE_VERSIONS,
  catalogueOf,
} from '../../shared/metric-catalogue/metric-catalogue.ts';

/** Every scraped series has these. Source: prometheus/prometheus scrape/target.go */
export const SCRAPE_LABELS = ['job', 'instance'] as const;

/** Labels of vLLM that a deployment's own labels are called too: alone they tell nothing. */
const COMMON: ReadonlySet<string> = new Set([
  'backend',
  'handler',
  'method',
  'mode',
  'operation',
  'outcome',
  'request_type',
  'result',
  'stage',
  'status',
  'tier',
]);

/** What people write for a label of vLLM, and no scrape adds. */
const MEANT: Readonly<Record<string, string>> = {
  engine_id: 'engine',
  engine_index: 'engine',
  engine_idx: 'engine',
  dp_rank: 'engine',
  data_parallel_rank: 'engine',
  reason: 'finished_reason',
  finish_reason: 'finished_reason',
  stop_reason: 'finished_reason',
  served_model_name: 'model_name',
  lora_name: 'running_lora_adapters',
  lora_adapter: 'running_lora_adapters',
};

/** The same of what is counted over HTTP; elsewhere these may be anybody's. */
const MEANT_OF_HTTP: Readonly<Record<string, string>> = {
  code: 'status',
  status_code: 'status',
  http_status: 'status',
  path: 'handler',
  route: 'handler',
  uri: 'handler',
  url: 'handler',
};

/** Labels that vllm:cache_config_info had before the versions that are recorded. Source: vllm/config.py CacheConfig (0.8.5) */
const OLD_CACHE_CONFIG_LABELS: readonly string[] = [
  'swap_space',
  'swap_space_bytes',
  'cpu_offload_gb',
  'cpu_kvcache_space_bytes',
];

/** Every label name that some version's families have or are thought to have, but for the common ones. */
const OWN_LABELS: ReadonlySet<string> = new Set([
  'le',
  ...Object.keys(MEANT),
  ...OLD_CACHE_CONFIG_LABELS,
  ...CATALOGUE_VERSIONS.flatMap((version) =>
    catalogueOf(version).families.flatMap(({ labels }) => labels),
  ).filter((label) => !COMMON.has(label)),
]);

/** What is wrong with a label that a family's series have not; null: it may be the deployment's. */
export interface WrongLabel {
  /** The label that is meant; null: there is none to name. */
  readonly instead: string | null;
  /** Families that have it, of the same figures. */
  readonly siblings: readonly string[];
  /** A label of another version's vllm:cache_config_info; the versions that have it. */
  readonly versions: readonly string[];
}

/** The labels of a series by its name: `le` is on buckets alone. */
export function labelsOf(family: CatalogueFamily, series: string): readonly string[] {
  return series === `${family.name}_bucket` ? [...family.labels, 'le'] : family.labels;
}

/** Those labels that a family's series certainly have not, because they are vLLM's and of other families, or mistaken. */
export function absentLabels(family: CatalogueFamily, series: string): ReadonlySet<string> {
  const own = labelsOf(family, series);
  const meant = family.name.startsWith('http_') ? Object.keys(MEANT_OF_HTTP) : [];
  return new Set([...OWN_LABELS, ...meant].filter((label) => !own.includes(label)));
}

/**
 * `value`: what it is matched with, which tells a common label to be meant for vLLM's; null: it is only named.
 */
export function wrongLabel(
  label: string,
  family: CatalogueFamily,
  series: string,
  catalogue: MetricCatalogue,
  value: string | null,
): WrongLabel | null {
  const own = labelsOf(family, series);
  if (own.includes(label)) return null;
  const meant = family.name.startsWith('http_') ? MEANT_OF_HTTP[label] : MEANT[label];
  const isMeant = meant !== undefined && own.includes(meant);
  const instead = isMeant ? meant : misspelt(label, own);
  const isOwn = OWN_LABELS.has(label) || (value !== null && isValueOf(label, value, catalogue));
  if (instead === null && !isOwn) return null;
  return {
    instead,
    siblings: catalogue.families
      .filter(({ name, labels }) => name.startsWith(`${family.name}_`) && labels.includes(label))
      .map(({ name, type }) => (type === 'counter' ? `${name}_total` : name)),
    versions: family.name === CACHE_CONFIG_INFO ? versionsWith(label) : [],
  };
}

function versionsWith(label: string): readonly string[] {
  return CATALOGUE_VERSIONS.filter((version) =>
    catalogueOf(version).cacheConfigInfoLabels.includes(label),
  );
}

const SHORTEST_MISSPELT = 6;
/** `node_name` is two letters from `model_name`, and of Kubernetes. */
const SCRAPED =
  /^(?:app|cluster|container|exported|host|instance|job|k8s|kube|kubernetes|label|namespace|node|pod|region|service|zone)/;

function misspelt(label: string, own: readonly string[]): string | null {
  if (label.length < SHORTEST_MISSPELT || OWN_LABELS.has(label) || SCRAPED.test(label)) return null;
  const dashed = own.map((name) => name.replaceAll('_', '-'));
  const squeezed = label.replace(/[^a-z]/gi, '').toLowerCase();
  const same = own.find((name) => name.replaceAll('_', '') === squeezed);
  if (same !== undefined) return same;
  const nearest = closestName(label, dashed);
  const found = nearest === null ? null : nearest.replaceAll('-', '_');
  // closestName also takes an abbreviation, which a deployment's own label may look like.
  return found === null || found.startsWith(label) || Math.abs(found.length - label.length) > 2
    ? null
    : found;
}

/** Values of HTTP's labels, in whatever case and pattern. */
const HTTP_VALUES: Readonly<Record<string, RegExp>> = {
  handler: /^\^?\//,
  method: /^(?:get|post|put|delete|patch|head|options)\b/i,
  status: /^\(?[1-5](?:xx|\d\d|\.\.)/i,
};

/** Whether some family has the value under that label. */
function isValueOf(label: string, value: string, catalogue: MetricCatalogue): boolean {
  if (HTTP_VALUES[label]?.test(value) === true) return true;
  return catalogue.families.some(({ labelValues }) => labelValues[label]?.includes(value) === true);
}
