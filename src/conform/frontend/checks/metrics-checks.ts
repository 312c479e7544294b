/** What /metrics shows of engines that differ: each its own figures, and nothing summed that is an engine's alone. */
import { hasLabels, type Sample } from '../../../shared/exposition.ts';
import { createPrefixCacheStats } from '../../../shared/protocol/defaults.ts';
import {
  EngineCoreEventType,
  FINISH_REASON_STRINGS,
  FinishReason,
} from '../../../shared/protocol/outputs.ts';
import { firstOutput, socketFor, tokensFor } from '../answer-request.ts';
import { compared, NotApplicable, NothingWithin, outcome } from '../compared.ts';
import type { FrontendCheck } from '../frontend-check.ts';
import type { FrontendRun } from '../frontend-run.ts';
import { finishAll } from './answer-checks.ts';

const LOGGERS = 'vllm/v1/metrics/loggers.py PrometheusStatLogger';
const READY = 'vllm/v1/engine/core_client.py MPClient._apply_ready_response';

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

function sum(
  samples: readonly Sample[],
  name: string,
  labels: Readonly<Record<string, string | number>>,
): number {
  return samples
    .filter((sample) => sample.name === name && hasLabels(sample, labels))
    .reduce((total, { value }) => total + value, 0);
}

function cacheConfigs(samples: readonly Sample[]): readonly Sample['labels'][] {
  return samples
    .filter(({ name }) => name === 'vllm:cache_config_info')
    .map(({ labels }) => labels)
    .sort((a, b) => Number(a['engine']) - Number(b['engine']));
}

/**
 * A label of cache_config_info that is an engine's own: its value on each child, or by vLLM's rule on all that of the engine
 * whose response was read first. Which one that is, ZeroMQ decides where several have come: it takes turns between connections.
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
      const configs = cacheConfigs(await run.scrape());
      const got = configs.map((labels) => labels[label] ?? 'no such label');
      const ranks = configs.map((labels) => Number(labels['engine']));
      const own = run.engines.map(figureOf);
      const ofOne = own.map((figure) => own.map(() => figure));
      const isOneOf = [own, ...ofOne].some((values) => isSame(got, ranks, values));
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
  if (got.length === 0) return false;
  return got.every((text, index) => {
    const rank = ranks[index] ?? index;
    return Number(text) === values[Number.isInteger(rank) ? rank : index];
  });
}

/** Throws where there is no such family at all: then none of its values has to be waited for. */
function needFamily(samples: readonly Sample[], name: string): void {
  if (!samples.some((sample) => sample.name === name)) throw new NothingWithin(`no ${name}`);
}

/** Throws where a family is there, and an engine has no child of it: another check tells that. */
function needChildren({ engines }: FrontendRun, samples: readonly Sample[], name: string): void {
  const family = samples.filter((sample) => sample.name === name);
  const missing = engines.find(({ rank }) => !family.some((s) => hasLabels(s, { engine: rank })));
  if (family.length > 0 && missing !== undefined)
    throw new NotApplicable(`no child of engine ${missing.rank}, which metrics.children tells`);
}

/** A gauge that follows each engine's own statistics. */
function gauge(name: string, what: string, values: (rank: number) => number): FrontendCheck {
  return {
    id: `frontend.metrics.${name.replace('vllm:', '')}`,
    does: `${name} of an engine is ${what} of its own statistics.`,
    source: `${LOGGERS}.record`,
    async run(run) {
      const expected = run.engines.map(({ rank }) => values(rank));
      const gotOf = (samples: readonly Sample[]): readonly number[] =>
        run.engines.map(({ rank }) => sum(samples, name, { engine: rank }));
      const scraped = await run.scrape();
      needFamily(scraped, name);
      needChildren(run, scraped, name);
      for (const engine of run.engines) {
        const { rank } = engine;
        engine.tellStats({
          numRunningReqs: runningOf(rank),
          numWaitingReqs: waitingOf(rank),
          kvCacheUsage: usageOf(rank),
        });
      }
      const isThere = (samples: readonly Sample[]): boolean =>
        JSON.stringify(gotOf(samples)) === JSON.stringify(expected);
      const got = gotOf(await run.scrapeUntil(isThere));
      for (const engine of run.engines) engine.tellStats({});
      return compared(got, expected);
    },
  };
}

const runningOf = (rank: number): number => 3 + 2 * rank;
const waitingOf = (rank: number): number => 11 + 4 * rank;
const usageOf = (rank: number): number => 0.25 + 0.125 * (rank % 6);

/** What a counter has grown by on each engine once something was done on the last one. */
function counter(options: {
  readonly id: string;
  readonly does: string;
  readonly source: string;
  readonly family: string;
  readonly grows: number;
  /** Gives the rank of the engine on which it was done in the end. */
  readonly act: (run: FrontendRun, rank: number) => Promise<number>;
}): FrontendCheck {
  const { id, does, source, family, grows, act } = options;
  return {
    id,
    does,
    source,
    async run(run) {
      const valuesOf = (samples: readonly Sample[]): readonly number[] =>
        run.engines.map(({ rank }) => sum(samples, family, { engine: rank }));
      const scraped = await run.scrape();
      needChildren(run, scraped, family);
      const before = valuesOf(scraped);
      const rank = await act(run, run.engines.length - 1);
      const expected = run.engines.map((engine) => (engine.rank === rank ? grows : 0));
      const grownIn = (samples: readonly Sample[]): readonly number[] =>
        valuesOf(samples).map((value, index) => value - (before[index] ?? 0));
      const isThere = (samples: readonly Sample[]): boolean =>
        JSON.stringify(grownIn(samples)) === JSON.stringify(expected);
      const after = await run.scrapeUntil(isThere);
      needFamily(after, family);
      return compared(grownIn(after), expected);
    },
  };
}

/** A whole completion, on that engine where the frontend does as it is told; gives the rank of its engine. */
async function completeOn(
  run: FrontendRun,
  {
    rank,
    numTokens,
    isPreempted = false,
  }: { rank: number; numTokens: number; isPreempted?: boolean },
): Promise<number> {
  const headers = run.engines.length > 1 ? { 'x-data-parallel-rank': String(rank) } : {};
  const { add, completion } = await run.askHeld(
    { max_tokens: numTokens, ignore_eos: true },
    { headers },
  );
  run.close(add);
  const output = firstOutput(add, tokensFor(add, numTokens));
  const preempted = { type: EngineCoreEventType.PREEMPTED, timestamp: add.engine.nowSeconds };
  const events = [...(output.events ?? []), ...(isPreempted ? [preempted] : [])];
  const outputs = [{ ...output, events, finishReason: FinishReason.LENGTH }];
  add.engine.send({ outputs }, socketFor(add));
  await completion;
  return add.engine.rank;
}

export const METRICS_CHECKS: readonly FrontendCheck[] = [
  {
    id: 'frontend.metrics.cache_config_info',
    does: 'vllm:cache_config_info has one child for each engine.',
    source: `${LOGGERS}.log_metrics_info`,
    async run(run) {
      const engines = cacheConfigs(await run.scrape()).map((labels) => labels['engine'] ?? '');
      const ranks = run.engines.map(({ rank }) => String(rank));
      return compared(engines, ranks);
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
      const configs = cacheConfigs(await run.scrape());
      const got = configs.map((labels) => Number(labels['num_gpu_blocks']));
      const total = run.engines.reduce((count, { ready }) => count + ready.numGpuBlocks, 0);
      return compared([...new Set(got)], [total]);
    },
  },
  {
    id: 'frontend.metrics.children',
    does: 'Every engine has its children from the start on, idle or not.',
    source: LOGGERS,
    async run(run) {
      const samples = await run.scrape();
      const missing = FROM_THE_START.flatMap((name) =>
        run.engines
          .filter(
            ({ rank }) => !samples.some((s) => s.name === name && hasLabels(s, { engine: rank })),
          )
          .map(({ rank }) => `${name}{engine="${rank}"}`),
      );
      return compared(missing, []);
    },
  },
  gauge('vllm:num_requests_running', 'num_running_reqs', runningOf),
  gauge('vllm:num_requests_waiting', 'num_waiting_reqs and what is skipped,', waitingOf),
  gauge('vllm:kv_cache_usage_perc', 'kv_cache_usage', usageOf),
  counter({
    id: 'frontend.metrics.prefix_cache_queries',
    does: 'vllm:prefix_cache_queries_total grows by what an engine says that it grew by.',
    source: `${LOGGERS}.record`,
    family: 'vllm:prefix_cache_queries_total',
    grows: 96,
    async act(run, rank) {
      const prefixCacheStats = createPrefixCacheStats({ requests: 1, queries: 96, hits: 32 });
      run.engines[rank]?.tellStats({ prefixCacheStats });
      return rank;
    },
  }),
  counter({
    id: 'frontend.metrics.generation_tokens',
    does: 'vllm:generation_tokens_total counts the tokens of the engine that made them.',
    source: 'vllm/v1/metrics/stats.py IterationStats.update_from_output',
    family: 'vllm:generation_tokens_total',
    grows: 41,
    act: (run, rank) => completeOn(run, { rank, numTokens: 41 }),
  }),
  counter({
    id: 'frontend.metrics.num_preemptions',
    does: 'A PREEMPTED event is one of vllm:num_preemptions_total.',
    source: 'vllm/v1/metrics/stats.py IterationStats.update_from_events',
    family: 'vllm:num_preemptions_total',
    grows: 1,
    act: (run, rank) => completeOn(run, { rank, numTokens: 42, isPreempted: true }),
  }),
  {
    id: 'frontend.metrics.request_success',
    does: "vllm:request_success_total counts each finish by the engine's reason.",
    source: 'vllm/v1/metrics/stats.py IterationStats.update_from_finished_request',
    async run(run) {
      needChildren(run, await run.scrape(), 'vllm:request_success_total');
      const { before, finished } = await finishAll(run);
      const haveGrown = (samples: readonly Sample[]): readonly boolean[] =>
        finished.map(({ add }, index) => {
          const finishedReason = FINISH_REASON_STRINGS[index] ?? '';
          const own = { finished_reason: finishedReason, engine: add.engine.rank };
          const name = 'vllm:request_success_total';
          return sum(samples, name, own) > sum(before, name, own);
        });
      // A client may have its answer before the request is counted.
      const samples = await run.scrapeUntil((now) => haveGrown(now).every((has) => has));
      return compared(
        haveGrown(samples),
        FINISH_REASON_STRINGS.map(() => true),
      );
    },
  },
];
