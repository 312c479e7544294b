/** What a request hands to whoever answers its client. Source: vllm/outputs.py RequestOutput, CompletionOutput (0.33.0). */

import type { RequestSpecDecodeMetrics } from '../../shared/protocol/outputs.ts';
import type { RequestStateStats } from '../metrics/iteration-stats.ts';
import type { LogprobsTable, PositionLogprobs } from './logprobs.ts';

export interface WeightVersionSpan {
  readonly version: string;
  readonly start: number;
  readonly end: number;
}

/** One answer of the request's n: new text and tokens, or all of them where only the final output counts. */
export interface CompletionOutput {
  readonly index: number;
  readonly text: string;
  readonly tokenIds: readonly number[];
  readonly logprobs: readonly PositionLogprobs[] | null;
  /** stop, length, abort, error or repetition; null while it runs. */
  readonly finishReason: string | null;
  readonly stopReason: number | string | null;
  readonly weightVersions: readonly WeightVersionSpan[] | null;
  /** By token: those that could have been sampled. Null where the engine does not tell. */
  readonly samplingMask: readonly (readonly number[])[] | null;
}

export interface RequestOutput {
  readonly promptTokenIds: readonly number[];
  readonly promptLogprobs: LogprobsTable | null;
  readonly outputs: readonly CompletionOutput[];
  /** True with the last output of the whole request, children included. */
  readonly isFinished: boolean;
  /** Null where several requests made the answer. */
  readonly numCachedTokens: number | null;
  readonly numCacheCreationTokens: number;
  readonly kvTransferParams: unknown;
  readonly ecTransferParams: unknown;
  /** Null where several requests made the answer. */
  readonly stats: RequestStateStats | null;
  /** What the engine counted of its drafts; null before the end, and where it does not tell. */
  readonly specDecodeMetrics: RequestSpecDecodeMetrics | null;
}

/** Called synchronously, in order; nothing comes after an output that is finished or after an error. */
export interface RequestSink {
  onOutput(output: RequestOutput): void;
  onError(error: Error): void;
}
