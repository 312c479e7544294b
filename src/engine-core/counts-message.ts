import type { Clock } from '../shared/clock.ts';
import { createEngineCoreOutputs, createSchedulerStats } from '../shared/protocol/defaults.ts';
import type { EngineCoreOutputs } from '../shared/protocol/outputs.ts';
import { DPEngineCore } from './dp-engine-core.ts';
import type { EngineCore } from './engine-core.ts';

/**
 * What an engine tells the coordinator when its counts of requests have changed.
 * Source: vllm/v1/engine/core.py EngineCoreProc._maybe_publish_request_counts, DPEngineCoreProc's (0.33.0).
 */
export function countsMessage(
  core: EngineCore,
  { numRunning, numWaiting }: { readonly numRunning: number; readonly numWaiting: number },
  clock: Clock,
): EngineCoreOutputs {
  const lockstep = core instanceof DPEngineCore ? core : { currentWave: 0, stepCounter: 0 };
  return createEngineCoreOutputs({
    engineIndex: core.parts.engineIndex,
    schedulerStats: createSchedulerStats({
      numRunningReqs: numRunning,
      numWaitingReqs: numWaiting,
      kvCacheUsage: core.kvCacheUsage,
      stepCounter: lockstep.stepCounter,
      currentWave: lockstep.currentWave,
    }),
    timestamp: clock.monotonicMs() / 1000,
  });
}
