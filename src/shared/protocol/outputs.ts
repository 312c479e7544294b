/**
 * What an engine core sends back. Source: vllm/v1/engine/__init__.py (0.33.0).
 */
import type { EngineIndex, RequestId } from './ids.ts';
import type { PrefillStats, SchedulerStats } from './stats.ts';

/** Source: FinishReason. */
export const FinishReason = { STOP: 0, LENGTH: 1, ABORT: 2, ERROR: 3, REPETITION: 4 } as const;
export type FinishReason = (typeof FinishReason)[keyof typeof FinishReason];

/** The words that HTTP answers and metrics use, in the order of the codes. */
export const FINISH_REASON_STRINGS = ['stop', 'length', 'abort', 'error', 'repetition'] as const;

/** Source: EngineCoreEventType. */
export const EngineCoreEventType = { QUEUED: 1, SCHEDULED: 2, PREEMPTED: 3 } as const;
export type EngineCoreEventType = (typeof EngineCoreEventType)[keyof typeof EngineCoreEventType];

export interface EngineCoreEvent {
  readonly type: EngineCoreEventType;
  /** The engine's monotonic seconds. */
  readonly timestamp: number;
}

/** Comes with FinishReason.ERROR, e.g. `engine_paused`. */
export interface RequestError {
  readonly code: string;
  readonly message: string;
  readonly retryable: boolean;
}

/**
 * A numpy array on the wire: dtype string (`<i4`), shape, and the raw little-endian bytes, inline as an Ext 3 or in
 * an auxiliary frame.
 */
export interface NdArray {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data: Uint8Array;
}

/** Logprobs of sampled tokens: `[num_tokens, max_num_logprobs + 1]`, the sampled token first. Source: vllm/v1/outputs.py. */
export interface LogprobsLists {
  readonly logprobTokenIds: NdArray;
  readonly logprobs: NdArray;
  readonly sampledTokenRanks: NdArray;
  readonly cuNumGeneratedTokens: readonly number[] | null;
}

/** Prompt logprobs. Source: vllm/v1/outputs.py LogprobsTensors. */
export interface LogprobsTensors {
  readonly logprobTokenIds: NdArray;
  readonly logprobs: NdArray;
  readonly selectedTokenRanks: NdArray;
  readonly cuNumGeneratedTokens: readonly number[] | null;
  readonly cuNumGeneratedTokensTensor: NdArray | null;
}

/** Which tokens the sampler kept, in compressed rows. Source: vllm/v1/outputs.py SamplingMaskLists. */
export interface SamplingMaskLists {
  readonly tokenIds: NdArray;
  readonly offsets: NdArray | null;
  readonly cuNumGeneratedTokens: readonly number[] | null;
}

/** Accepted draft tokens of one request. Source: vllm/v1/metrics/stats.py RequestSpecDecodeMetrics. */
export interface RequestSpecDecodeMetrics {
  readonly numSpecTokens: number;
  readonly histogram: readonly number[];
  readonly numDraftTokens: number;
  readonly perStepAccepted: readonly number[];
  readonly perStepDrafted: readonly number[];
}

/** News of one request, 19 positional fields. Source: EngineCoreOutput. */
export interface EngineCoreOutput {
  readonly requestId: RequestId;
  readonly newTokenIds: readonly number[];
  readonly newLogprobs: LogprobsLists | null;
  readonly newPromptLogprobsTensors: LogprobsTensors | null;
  readonly poolingOutput: NdArray | null;
  readonly finishReason: FinishReason | null;
  /** The stop token id or stop string that ended the request; null for eos and length. */
  readonly stopReason: number | string | null;
  readonly events: readonly EngineCoreEvent[] | null;
  readonly kvTransferParams: unknown;
  readonly ecTransferParams: unknown;
  readonly traceHeaders: Readonly<Record<string, string>> | null;
  /** With the first output of a request only. */
  readonly prefillStats: PrefillStats | null;
  readonly routedExperts: NdArray | null;
  readonly numNansInLogits: number;
  readonly mmCacheMissHashes: readonly string[] | null;
  readonly newSamplingMask: SamplingMaskLists | null;
  readonly specDecodeMetrics: RequestSpecDecodeMetrics | null;
  readonly promptTokenIdLogprobs: NdArray | null;
  readonly error: RequestError | null;
}

/** The answer to a UtilityCall: a failure message or a result. */
export interface UtilityOutput {
  readonly callId: number | bigint;
  readonly failureMessage: string | null;
  /** The value itself; on the wire it is wrapped as `[null, value]`. `undefined` means there is no result at all. */
  readonly result: unknown;
}

/** One message to one client, 9 positional fields. Source: EngineCoreOutputs. */
export interface EngineCoreOutputs {
  readonly engineIndex: EngineIndex;
  readonly outputs: readonly EngineCoreOutput[];
  readonly schedulerStats: SchedulerStats | null;
  /** The engine's monotonic seconds. */
  readonly timestamp: number;
  readonly utilityOutput: UtilityOutput | null;
  readonly finishedRequests: readonly RequestId[] | null;
  readonly waveComplete: number | null;
  readonly startWave: number | null;
  readonly weightVersion: string | null;
}

/** The raw frame that an engine core sends to every client before it dies. */
export const ENGINE_CORE_DEAD = 'ENGINE_CORE_DEAD';
