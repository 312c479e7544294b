/**
 * What another version's /metrics has other than ours, of the families that are served here. From 0.20.0 on it is the
 * catalogue's, recorded from each version's own package. Before it the names alone are known, from each version's source:
 * what else there is to a family, and the labels of `vllm:cache_config_info`, are then as in 0.20.0.
 */

import { compareVersions } from '../version.ts';
import { CATALOGUE_VERSIONS, catalogueOf } from './metric-catalogue.ts';
import { type RenamesFile, readRenamesFile } from './renames-file.ts';

export interface OlderMetrics {
  /** Families by name, counters without `_total`, that it has too, with its help text; the others are not there. */
  readonly helps: ReadonlyMap<string, string>;
  /** Families that ours has no more. */
  readonly has: readonly OldFamily[];
  /** Labels of `vllm:cache_config_info` in its order, with their values at its defaults. */
  readonly cacheConfigInfo: Readonly<Record<string, string>>;
}

/** A family of an older version, made from one of today's: its type, buckets and labels are the same. */
export interface OldFamily {
  readonly name: string;
  readonly help: string;
  /** Whose figures it shows. */
  readonly like: string;
  /** Counters alone: it shows 0, because nothing counts any more what it told. */
  readonly stays0?: true;
}

const GPU_CACHE_USAGE = 'GPU KV-cache usage. 1 means 100 percent usage.';
const TIME_PER_OUTPUT_TOKEN = 'Histogram of time per output token in seconds.';

/** What no recording tells of the families that are gone, each with the last version that has this text. */
const OLD_FAMILIES: readonly (OldFamily & { readonly until: string })[] = [
  {
    name: 'vllm:gpu_cache_usage_perc',
    help: GPU_CACHE_USAGE,
    like: 'vllm:kv_cache_usage_perc',
    until: '0.9.1',
  },
  {
    name: 'vllm:gpu_cache_usage_perc',
    help: `${GPU_CACHE_USAGE}DEPRECATED: Use vllm:kv_cache_usage_perc instead.`,
    like: 'vllm:kv_cache_usage_perc',
    until: '0.10.2',
  },
  {
    name: 'vllm:gpu_prefix_cache_queries',
    help: 'GPU prefix cache queries, in terms of number of queried tokens.',
    like: 'vllm:prefix_cache_queries',
    until: '0.9.1',
  },
  {
    name: 'vllm:gpu_prefix_cache_queries',
    help: 'GPU prefix cache queries, in terms of number of queriedtokens. DEPRECATED: Use vllm:prefix_cache_queries instead.',
    like: 'vllm:prefix_cache_queries',
    until: '0.10.2',
  },
  {
    name: 'vllm:gpu_prefix_cache_hits',
    help: 'GPU prefix cache hits, in terms of number of cached tokens.',
    like: 'vllm:prefix_cache_hits',
    until: '0.9.1',
  },
  {
    name: 'vllm:gpu_prefix_cache_hits',
    help: 'GPU prefix cache hits, in terms of number of cached tokens. DEPRECATED: Use vllm:prefix_cache_hits instead.',
    like: 'vllm:prefix_cache_hits',
    until: '0.10.2',
  },
  {
    name: 'vllm:time_per_output_token_seconds',
    help: TIME_PER_OUTPUT_TOKEN,
    like: 'vllm:inter_token_latency_seconds',
    until: '0.10.1',
  },
  {
    name: 'vllm:time_per_output_token_seconds',
    // Without a blank, as there.
    help: `${TIME_PER_OUTPUT_TOKEN}DEPRECATED: Use vllm:inter_token_latency_seconds instead.`,
    like: 'vllm:inter_token_latency_seconds',
    until: '0.11.2',
  },
  {
    name: 'vllm:prompt_tokens_recomputed',
    help: 'Number of cached tokens recomputed for forward pass.',
    like: 'vllm:prompt_tokens_cached',
    stays0: true,
    until: '0.19.0',
  },
];

/** Of a version of the catalogue, or one whose source was scanned. Throws E_BAD_FLAG for another. */
export function olderMetrics(version: string): OlderMetrics {
  const [oldest = version] = CATALOGUE_VERSIONS;
  const isRecorded = CATALOGUE_VERSIONS.includes(version);
  const { families, cacheConfigInfoValues } = catalogueOf(isRecorded ? version : oldest);
  const file = isRecorded ? null : readRenamesFile();
  const there = families.filter(({ name }) => file === null || isThere(file, name, version));
  return {
    helps: new Map(there.map(({ name, help }) => [name, help])),
    has: file === null ? [] : oldFamilies(file, version),
    cacheConfigInfo: cacheConfigInfoValues,
  };
}

/** Whether the version's source names the family; a counter stands there with or without `_total`. */
function isThere(file: RenamesFile, family: string, version: string): boolean {
  return [family, `${family}_total`].some((name) => {
    const from = file.first_version_of_name[name];
    return from !== undefined && compareVersions(from, version) <= 0;
  });
}

function oldFamilies(file: RenamesFile, version: string): readonly OldFamily[] {
  const shown = file.renames.filter(({ timeline: { V1 = [] } }) =>
    V1.some(
      ({ state, from, to }) =>
        state !== 'hidden' &&
        compareVersions(from, version) <= 0 &&
        compareVersions(version, to) <= 0,
    ),
  );
  return shown.flatMap(({ old }) => {
    const family = OLD_FAMILIES.find(
      ({ name, until }) => name === old && compareVersions(version, until) <= 0,
    );
    return family === undefined ? [] : [family];
  });
}
