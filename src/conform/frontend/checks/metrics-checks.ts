/** Whether /metrics is vLLM's at all: read to its end, whole, with each engine's children, and never going back. */
import { hasLabels, type Sample } from '../../../shared/exposition.ts';
import {
  CACHE_CONFIG_INFO,
  type CatalogueFamily,
  catalogueOf,
} from '../../../shared/metric-catalogue/metric-catalogue.ts';
import { compared, outcome } from '../compared.ts';
import type { FrontendCheck } from '../frontend-check.ts';
import { CACHE_CONFIG_CHECKS } from './cache-config-checks.ts';
import { scrapeAtStart, scrapeReadable } from './scraped.ts';
import { SERIES_CHECKS } from './series-checks.ts';

const LOGGERS = 'vllm/v1/metrics/loggers.py PrometheusStatLogger';

/** Of a completion between two scrapes; no other check asks for so many. */
const COUNTED_TOKENS = 45;

/** Families of which every engine has a child from the start on. */
const FROM_THE_START = [
  'vllm:num_requests_running',
  'vllm:num_requests_waiting',
  'vllm:kv_cache_usage_perc',
  'vllm:num_preemptions_total',
  'vllm:prompt_tokens_total',
  'vllm:generation_tokens_total',
  'vllm:request_success_total',
  'vllm:prefix_cache_queries_total',
];

export const METRICS_CHECKS: readonly FrontendCheck[] = [
  {
    id: 'frontend.metrics.families',
    does: 'Every family that this version has without a flag is there before any request.',
    source: `${LOGGERS}.__init__`,
    async run(run) {
      const namesOf = (samples: readonly Sample[]): ReadonlySet<string> =>
        new Set(samples.map(({ name }) => name));
      const atStart = namesOf(await scrapeAtStart(run));
      const now = namesOf(await scrapeReadable(run));
      // Of several API servers such a gauge is there once it was set.
      const areThere = ({ samples, multiprocessMode }: CatalogueFamily): boolean => {
        const names = multiprocessMode === 'mostrecent' ? now : atStart;
        return samples.some((name) => names.has(name));
      };
      const missing = catalogueOf(run.options.version.vllmVersion)
        .families.filter((family) => family.needs.length === 0 && family.initialChildren > 0)
        // cache_config_info has checks of its own.
        .filter(
          ({ name, isOutsideStatLogger }) => !isOutsideStatLogger && name !== CACHE_CONFIG_INFO,
        )
        .filter((family) => !areThere(family))
        .map(({ name }) => name);
      return compared(missing, []);
    },
  },
  ...CACHE_CONFIG_CHECKS,
  {
    id: 'frontend.metrics.children',
    does: 'Every engine has its children from the start on, idle or not.',
    source: LOGGERS,
    async run(run) {
      const samples = await scrapeAtStart(run);
      const missing = FROM_THE_START.flatMap((name) => {
        const children = samples.filter((sample) => sample.name === name);
        // Of a family that is not there at all, metrics.families tells.
        if (children.length === 0) return [];
        return run.engines
          .filter(({ rank }) => !children.some((child) => hasLabels(child, { engine: rank })))
          .map(({ rank }) => `${name}{engine="${rank}"}`);
      });
      return compared(missing, []);
    },
  },
  ...SERIES_CHECKS,
  {
    id: 'frontend.metrics.counters',
    does: 'No counter falls from one scrape to the next.',
    source: LOGGERS,
    async run(run) {
      await scrapeReadable(run);
      if (run.hasHttp) await run.complete({ max_tokens: COUNTED_TOKENS });
      await run.scrape();
      return compared(run.needMetrics().falls, []);
    },
  },
  {
    id: 'frontend.metrics.exposition',
    does: "Each scrape of /metrics answers 200 with Prometheus' text format, whole, and with families of vLLM.",
    source: 'vllm/entrypoints/serve/instrumentator/metrics.py attach_router',
    async run(run) {
      await run.scrape();
      const { problem } = run.needMetrics();
      return outcome(problem === null, '200, samples of vllm:…', problem ?? 'that');
    },
  },
];
