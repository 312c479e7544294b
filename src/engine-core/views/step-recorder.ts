/** Keeps the last steps and why requests waited in them, while somebody looks. */
import type { RequestId } from '../../shared/protocol/ids.ts';
import type { StepView, WaitingView } from '../../shared/twin-api/engine-views.ts';
import type { Request } from '../scheduler/request.ts';
import type {
  AdmissionEnd,
  SchedulerObserver,
  SkipReason,
} from '../scheduler/scheduler-observer.ts';
import { NO_SAMPLE, type SchedulerOutput } from '../scheduler/scheduler-output.ts';
import type { SchedulerState } from '../scheduler/scheduler-state.ts';
import { waitingReasons } from './waiting-reasons.ts';

export const MAX_STEPS = 512;
/** Scheduled and waiting requests over all kept steps: large batches end the memory sooner. */
export const MAX_KEPT_ENTRIES = 100_000;
/** The same for one answer; whoever looks asks again from the last step on. */
export const MAX_ANSWERED_ENTRIES = 20_000;

export class StepRecorder implements SchedulerObserver {
  readonly #state: SchedulerState;
  /** False ends the recording: nobody looks any more. */
  readonly #isWatched: () => boolean;
  /** Planned, and not finished. */
  readonly #open = new Map<SchedulerOutput, StepView>();
  #steps: StepView[] = [];
  #numEntries = 0;
  #end: AdmissionEnd = { why: 'none_left' };
  #skipped = new Map<Request, SkipReason>();
  #lastReasons: ReadonlyMap<string, WaitingView> = new Map();

  constructor(state: SchedulerState, isWatched: () => boolean) {
    this.#state = state;
    this.#isWatched = isWatched;
  }

  /** Of the last schedule call, by request id. */
  get lastReasons(): ReadonlyMap<string, WaitingView> {
    return this.#lastReasons;
  }

  /** Finished steps beyond `step`, oldest first; at least one where there is one. */
  since(step: number): StepView[] {
    const steps: StepView[] = [];
    let numEntries = 0;
    for (const view of this.#steps) {
      if (view.step <= step) continue;
      numEntries += entriesOf(view);
      if (steps.length > 0 && numEntries > MAX_ANSWERED_ENTRIES) break;
      steps.push(view);
    }
    return steps;
  }

  /** Forgets what is under way: its end will not be seen. Finished steps stay. */
  stop(): void {
    this.#open.clear();
    this.#skipped.clear();
    this.#lastReasons = new Map();
  }

  skipped(request: Request, why: SkipReason): void {
    this.#skipped.set(request, why);
  }

  admissionEnded(end: AdmissionEnd): void {
    this.#end = end;
  }

  stepScheduled(output: SchedulerOutput, startMs: number, endMs: number): void {
    if (!this.#isWatched()) return;
    const state = this.#state;
    const waiting = waitingReasons(state, { end: this.#end, skipped: this.#skipped });
    if (this.#skipped.size > 0) this.#skipped = new Map();
    this.#lastReasons = new Map(waiting.map((view) => [view.request_id, view]));
    const isEmpty = output.totalNumScheduledTokens === 0 && output.preemptedReqIds.length === 0;
    // An engine that cannot go on plans nothing, again and again.
    if (isEmpty) return;
    this.#open.set(output, {
      step: state.currentStep,
      start_ms: startMs,
      end_ms: endMs,
      scheduled: scheduledOf(output),
      total_tokens: output.totalNumScheduledTokens,
      preempted: output.preemptedReqIds,
      finished: [],
      num_running: state.running.length,
      num_waiting: state.numWaiting,
      kv_cache_usage: state.kvCacheManager.usage,
      waiting,
    });
  }

  stepFinished(output: SchedulerOutput, finished: readonly RequestId[]): void {
    const view = this.#open.get(output);
    if (view === undefined) return;
    this.#open.delete(output);
    const step = { ...view, finished };
    this.#steps.push(step);
    this.#numEntries += entriesOf(step);
    while (this.#steps.length > MAX_STEPS || this.#isOverfull) {
      const oldest = this.#steps.shift();
      if (oldest !== undefined) this.#numEntries -= entriesOf(oldest);
    }
  }

  get #isOverfull(): boolean {
    return this.#numEntries > MAX_KEPT_ENTRIES && this.#steps.length > 1;
  }
}

function entriesOf({ scheduled, waiting, finished }: StepView): number {
  return scheduled.length + waiting.length + finished.length;
}

function scheduledOf(output: SchedulerOutput): StepView['scheduled'] {
  return Array.from({ length: output.numRequests }, (_, i) => {
    const request = output.requests[i];
    const numTokens = output.numScheduledTokens[i] ?? 0;
    const numComputed = output.numComputedTokens[i] ?? 0;
    const samples = (output.samplePositions[i] ?? NO_SAMPLE) !== NO_SAMPLE;
    return {
      request_id: request?.requestId ?? '',
      num_tokens: numTokens,
      num_computed_tokens: numComputed,
      num_prefill_tokens: samples
        ? numPrefillTokens(request?.numPromptTokens ?? 0, numComputed, numTokens)
        : numTokens,
    };
  });
}

/**
 * Of tokens that end in a sample: all of the prompt, and all but the last one where output is computed again after a
 * preemption.
 */
function numPrefillTokens(numPromptTokens: number, numComputed: number, numTokens: number): number {
  const prefillEnd = Math.max(numPromptTokens, numComputed + numTokens - 1);
  return Math.max(0, Math.min(numTokens, prefillEnd - numComputed));
}
