import { assert } from '../../shared/assert.ts';
import type { KVCacheEvictionEvent, SchedulerStats } from '../../shared/protocol/stats.ts';
import type { SchedulerState } from './scheduler-state.ts';

/** Without a KV connector nothing is ever fetched; vLLM names the stages all the same. */
const NO_KV_FETCHES: Readonly<Record<string, number>> = Object.freeze({
  waiting_to_start: 0,
  in_progress: 0,
  completed_waiting: 0,
});
const NO_ADAPTERS: Readonly<Record<string, number>> = Object.freeze({});

/**
 * The scheduler's state as it travels with a step's outputs; null where statistics are off.
 * Source: vllm/v1/core/sched/scheduler.py Scheduler.make_stats (0.33.0). The adapter counts stay empty there as well:
 * the frontend fills them in.
 */
export function makeSchedulerStats(
  state: SchedulerState,
  kvCacheEvictionEvents: readonly KVCacheEvictionEvent[],
): SchedulerStats | null {
  if (!state.logStats) return null;
  const prefixCacheStats = state.kvCacheManager.makePrefixCacheStats();
  assert(prefixCacheStats !== null, 'statistics are on, so the prefix cache counts');
  const { specDecodingStats } = state;
  state.specDecodingStats = null;
  const numDeferred = state.deferred.size;
  const { kvTransfer } = state;
  return {
    numRunningReqs: state.running.length,
    numWaitingReqs: state.numWaiting - numDeferred,
    numSkippedWaitingReqs: numDeferred,
    numKvFetchReqsByStage: kvTransfer?.fetchStages?.counts ?? NO_KV_FETCHES,
    stepCounter: 0,
    currentWave: 0,
    kvCacheUsage: state.kvCacheManager.usage,
    iterationDetails: null,
    prefixCacheStats,
    connectorPrefixCacheStats: kvTransfer?.prefixCacheStats?.take() ?? null,
    kvCacheEvictionEvents,
    specDecodingStats,
    kvConnectorStats: kvTransfer?.takeConnectorStats() ?? null,
    ecConnectorStats: null,
    waitingLoraAdapters: NO_ADAPTERS,
    runningLoraAdapters: NO_ADAPTERS,
    cudagraphStats: null,
    perfStats: null,
  };
}
