import { NO_SPECULATION, type SpeculationConfig } from './speculation-config.ts';

/** How waiting requests are ordered and who is preempted. Source: vllm/v1/core/sched/request_queue.py SchedulingPolicy. */
export type SchedulingPolicy = 'fcfs' | 'priority';

/**
 * The settings the scheduler reads, each with vLLM's meaning.
 * Source: vllm/config/scheduler.py SchedulerConfig (0.33.0).
 */
export interface SchedulerConfig {
  readonly maxNumSeqs: number;
  /** Admission limit into the running list; null means maxNumSeqs. */
  readonly maxNumActiveSeqs: number | null;
  /** Tokens per step over all requests. */
  readonly maxNumBatchedTokens: number;
  /** null means maxNumBatchedTokens. */
  readonly maxNumScheduledTokens: number | null;
  readonly maxModelLen: number;
  readonly policy: SchedulingPolicy;
  readonly enableChunkedPrefill: boolean;
  /** Tokens of one prefill per step while others want the budget; 0 is off. */
  readonly longPrefillTokenThreshold: number;
  /** Raises the threshold to a fair share of the budget. */
  readonly longPrefillTokenThresholdAdaptive: boolean;
  /** Executed steps from one prefill to the next while something decodes; 1 is off. */
  readonly prefillScheduleInterval: number;
  /** Admit a request only when its whole sequence fits. */
  readonly schedulerReserveFullIsl: boolean;
  /** Fraction of the pool to keep free when admitting. */
  readonly watermark: number;
  readonly asyncScheduling: boolean;
  /** Positions that a step keeps free for what it samples; 0 for pooling models. */
  readonly numSampledTokensPerStep: number;
  /** Distinct adapters in one batch; null where LoRA is off. */
  readonly maxLoras: number | null;
  readonly speculation: SpeculationConfig;
  /** Chunks of a prefill end where a Mamba state can be cached. Source: mamba_cache_mode == "align". */
  readonly mambaAlign: boolean;
}

export const DEFAULT_SCHEDULER_CONFIG: SchedulerConfig = Object.freeze({
  maxNumSeqs: 256,
  maxNumActiveSeqs: null,
  maxNumBatchedTokens: 2048,
  maxNumScheduledTokens: null,
  maxModelLen: 4096,
  policy: 'fcfs',
  enableChunkedPrefill: true,
  longPrefillTokenThreshold: 0,
  longPrefillTokenThresholdAdaptive: false,
  prefillScheduleInterval: 1,
  schedulerReserveFullIsl: true,
  watermark: 0,
  asyncScheduling: true,
  numSampledTokensPerStep: 1,
  maxLoras: null,
  speculation: NO_SPECULATION,
  mambaAlign: false,
});
