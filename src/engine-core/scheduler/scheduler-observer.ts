/**
 * What the scheduler and the engine core tell whoever looks, at the places where it is decided. Nothing here changes what
 * they do; without an observer it costs a comparison.
 */
import type { RequestId } from '../../shared/protocol/ids.ts';
import type { Request } from './request.ts';
import type { SchedulerOutput } from './scheduler-output.ts';

/** Why the waiting pass looked at no further request. */
export type AdmissionEnd =
  | { readonly why: 'none_left' }
  | { readonly why: 'paused'; readonly isAll: boolean }
  /** Running requests were preempted in this step: none is admitted beside them. */
  | { readonly why: 'preemption'; readonly numPreempted: number }
  | { readonly why: 'max_num_seqs'; readonly numRunning: number; readonly limit: number }
  | { readonly why: 'token_budget'; readonly limit: number }
  /** The rest concern `request`, the one in front, which was looked at and not admitted. */
  | { readonly why: 'prefill_interval'; readonly request: Request }
  | {
      readonly why: 'no_chunks';
      readonly request: Request;
      readonly numNewTokens: number;
      readonly budget: number;
    }
  /** The chunk may end at a cached Mamba state only, and none is within the budget. */
  | { readonly why: 'mamba_chunk'; readonly request: Request; readonly budget: number }
  | {
      readonly why: 'kv_cache_blocks';
      readonly request: Request;
      readonly needed: number;
      readonly free: number;
      readonly watermark: number;
    };

/** Why a waiting request was passed over, while those behind it were still looked at. */
export type SkipReason =
  | 'stale_output'
  | 'max_loras'
  | 'prefill_lookahead'
  | 'remote_kvs'
  | 'kv_connector'
  | 'grammar';

export interface SchedulerObserver {
  skipped(request: Request, why: SkipReason): void;
  admissionEnded(end: AdmissionEnd): void;
  /** A step was planned; on the engine's clock it runs from `startMs` to `endMs`. Nothing of `output` may be kept. */
  stepScheduled(output: SchedulerOutput, startMs: number, endMs: number): void;
  /** Its tokens were taken in, which ended these requests. */
  stepFinished(output: SchedulerOutput, finished: readonly RequestId[]): void;
}
