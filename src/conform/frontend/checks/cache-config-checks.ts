/** What vllm:cache_config_info shows of engines that differ: nothing is summed that is an engine's alone. */
import type { Sample } from '../../../shared/exposition.ts';
import { compared, NotApplicable, outcome } from '../compared.ts';
import type { FrontendCheck } from '../frontend-check.ts';
import type { FrontendRun } from '../frontend-run.ts';
import { scrapeReadable } from './scraped.ts';

const LOGGERS = 'vllm/v1/metrics/loggers.py PrometheusStatLogger';
const READY = 'vllm/v1/engine/core_client.py MPClient._apply_ready_response';

function cacheConfigs(samples: readonly Sample[]): readonly Sample['labels'][] {
  return samples
    .filter(({ name }) => name === 'vllm:cache_config_info')
    .map(({ labels }) => labels)
    .sort((a, b) => Number(a['engine']) - Number(b['engine']));
}

/** Throws NotApplicable where there are none. */
async function neededConfigs(run: FrontendRun): Promise<readonly Sample['labels'][]> {
  const configs = cacheConfigs(await scrapeReadable(run));
  if (configs.length > 0) return configs;
  throw new NotApplicable('there is none, which metrics.cache_config_info tells');
}

/** Processes of its HTTP side. Each reads the responses itself, and vLLM shows what each makes of them, side by side. */
function numApiServers({ engines }: FrontendRun): number {
  return engines[0]?.inits[0]?.value?.addresses.inputs.length ?? 1;
}

/**
 * A label of cache_config_info that is an engine's own: its value on each child, or by vLLM's rule on all that of the engine
 * whose response was read first. Which one that is, ZeroMQ decides where several have come, for each API server by itself: it
 * takes turns between connections.
 */
function capacityLabel(options: {
  readonly label: string;
  readonly does: string;
  readonly figureOf: (engine: FrontendRun['engines'][number]) => number;
}): FrontendCheck {
  const { label, does, figureOf } = options;
  return {
    id: `frontend.metrics.${label}`,
    does,
    source: READY,
    async run(run) {
      const configs = await neededConfigs(run);
      const got = configs.map((labels) => labels[label] ?? 'no such label');
      const ranks = configs.map((labels) => Number(labels['engine']));
      const own = run.engines.map(figureOf);
      const ofOne = own.map((figure) => own.map(() => figure));
      const isOneOf =
        numApiServers(run) > 1
          ? got.every((text) => own.includes(Number(text)))
          : [own, ...ofOne].some((values) => isSame(got, ranks, values));
      const expected = `each engine's own ${JSON.stringify(own)}, or one engine's on all`;
      return outcome(isOneOf, expected, got);
    },
  };
}

/** Children may be fewer, which is another check's: those that are there have the values. */
function isSame(
  got: readonly string[],
  ranks: readonly number[],
  values: readonly number[],
): boolean {
  return got.every((text, index) => {
    const rank = ranks[index] ?? index;
    return Number(text) === values[Number.isInteger(rank) ? rank : index];
  });
}

export const CACHE_CONFIG_CHECKS: readonly FrontendCheck[] = [
  {
    id: 'frontend.metrics.cache_config_info',
    does: 'vllm:cache_config_info has one child for each engine; of several API servers that disagree, one of each.',
    source: `${LOGGERS}.log_metrics_info`,
    async run(run) {
      const engines = cacheConfigs(await scrapeReadable(run)).map(
        (labels) => labels['engine'] ?? '',
      );
      const ranks = run.engines.map(({ rank }) => String(rank));
      const most = numApiServers(run);
      const areFew = ranks.every((rank) => engines.filter((one) => one === rank).length <= most);
      return compared(areFew ? [...new Set(engines)] : engines, ranks);
    },
  },
  capacityLabel({
    label: 'kv_cache_size_tokens',
    does: "kv_cache_size_tokens is never a sum: vLLM shows the first engine's on every child; each engine's own says more.",
    figureOf: ({ ready }) => ready.kvCacheSizeTokens ?? 0,
  }),
  capacityLabel({
    label: 'kv_cache_max_concurrency',
    does: "kv_cache_max_concurrency is never a sum: the first engine's on every child, or each engine's own.",
    figureOf: ({ ready }) => ready.kvCacheMaxConcurrency ?? 0,
  }),
  {
    id: 'frontend.metrics.num_gpu_blocks',
    does: 'num_gpu_blocks is the sum over all engines, the same on every child.',
    source: READY,
    async run(run) {
      const got = (await neededConfigs(run)).map((labels) => Number(labels['num_gpu_blocks']));
      const total = run.engines.reduce((count, { ready }) => count + ready.numGpuBlocks, 0);
      return compared([...new Set(got)], [total]);
    },
  },
];
