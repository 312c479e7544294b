/** Figures of engines that differ: each engine's children follow what that engine says, and no other's. */
import type { Sample } from '../../../shared/exposition.ts';
import { createPrefixCacheStats } from '../../../shared/protocol/defaults.ts';
import {
  EngineCoreEventType,
  FINISH_REASON_STRINGS,
  FinishReason,
} from '../../../shared/protocol/outputs.ts';
import { firstOutput, socketFor, tokensFor } from '../answer-request.ts';
import { compared } from '../compared.ts';
import type { FrontendCheck } from '../frontend-check.ts';
import type { FrontendRun } from '../frontend-run.ts';
import { finishAll } from './answer-checks.ts';
import { ranksWith, scrapeReadable, sum } from './scraped.ts';

const LOGGERS = 'vllm/v1/metrics/loggers.py PrometheusStatLogger';

/** A gauge that follows each engine's own statistics. */
function gauge(name: string, what: string, values: (rank: number) => number): FrontendCheck {
  return {
    id: `frontend.metrics.${name.replace('vllm:', '')}`,
    does: `${name} of an engine is ${what} of its own statistics.`,
    source: `${LOGGERS}.record`,
    async run(run) {
      const ranks = ranksWith(await scrapeReadable(run), name, run);
      const expected = ranks.map(values);
      const gotOf = (samples: readonly Sample[]): readonly number[] =>
        ranks.map((rank) => sum(samples, name, { engine: rank }));
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

/** What a counter has grown by on each engine once something was done on the last one that has a child. */
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
      const scraped = await scrapeReadable(run);
      const ranks = ranksWith(scraped, family, run);
      const valuesOf = (samples: readonly Sample[]): readonly number[] =>
        ranks.map((rank) => sum(samples, family, { engine: rank }));
      const before = valuesOf(scraped);
      const acted = await act(run, Math.max(...ranks));
      const expected = ranks.map((rank) => (rank === acted ? grows : 0));
      const grownIn = (samples: readonly Sample[]): readonly number[] =>
        valuesOf(samples).map((value, index) => value - (before[index] ?? 0));
      const isThere = (samples: readonly Sample[]): boolean =>
        JSON.stringify(grownIn(samples)) === JSON.stringify(expected);
      return compared(grownIn(await run.scrapeUntil(isThere)), expected);
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

export const SERIES_CHECKS: readonly FrontendCheck[] = [
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
      const name = 'vllm:request_success_total';
      const ranks = ranksWith(await scrapeReadable(run), name, run);
      const { before, finished } = await finishAll(run);
      const counted = finished.flatMap(({ add }, index) => {
        const reason = FINISH_REASON_STRINGS[index] ?? '';
        const { rank } = add.engine;
        return ranks.includes(rank) ? [{ engine: rank, finished_reason: reason }] : [];
      });
      const missingIn = (samples: readonly Sample[]): readonly object[] =>
        counted.filter((labels) => sum(samples, name, labels) <= sum(before, name, labels));
      // A client may have its answer before the request is counted.
      const samples = await run.scrapeUntil((now) => missingIn(now).length === 0);
      return compared({ notCounted: missingIn(samples) }, { notCounted: [] });
    },
  },
];
