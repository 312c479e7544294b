/**
 * The last steps of an engine, each with what it scheduled and why others waited; kept only while somebody looks. The engine
 * core tells it what it schedules and what it has taken in; what is reused from step to step is copied here.
 */
import type { Clock } from '../../shared/clock.ts';
import type { StepView } from '../../shared/twin-api/engine-views.ts';
import type { Scheduler } from '../scheduler/scheduler.ts';
import type { SchedulerOutput } from '../scheduler/scheduler-output.ts';
import type { Look } from './look.ts';
import { type ScheduleFacts, waitingReasons } from './waiting-reasons.ts';

export const MAX_STEPS = 512;

type Unfinished = Omit<StepView, 'end_ms' | 'finished'>;

export class StepLog {
  readonly #scheduler: Scheduler;
  readonly #clock: Clock;
  readonly #look: Look;
  #steps: StepView[] = [];
  /** By the object that the scheduler hands out, until the step has been taken in. */
  readonly #open = new Map<SchedulerOutput, Unfinished>();
  #lastFacts: ScheduleFacts | null = null;

  constructor({ scheduler, clock, look }: { scheduler: Scheduler; clock: Clock; look: Look }) {
    this.#scheduler = scheduler;
    this.#clock = clock;
    this.#look = look;
  }

  /** Of the last step; null where none was seen. */
  get lastFacts(): ScheduleFacts | null {
    return this.#lastFacts;
  }

  /** Oldest first. */
  since(step: number): StepView[] {
    return this.#steps.filter((view) => view.step > step);
  }

  /** A batch was scheduled. */
  onScheduled(output: SchedulerOutput, defersPrefills: boolean): void {
    if (!this.#look.isOn) {
      if (this.#open.size > 0) this.#open.clear();
      this.#lastFacts = null;
      return;
    }
    const { state } = this.#scheduler;
    const facts = {
      totalTokens: output.totalNumScheduledTokens,
      numPreempted: output.preemptedReqIds.length,
      defersPrefills,
    };
    this.#lastFacts = facts;
    if (output.totalNumScheduledTokens === 0) return;
    this.#open.set(output, {
      step: state.currentStep,
      start_ms: this.#clock.monotonicMs(),
      scheduled: scheduledOf(output),
      total_tokens: output.totalNumScheduledTokens,
      preempted: [...output.preemptedReqIds],
      num_running: state.running.length,
      num_waiting: state.waiting.length,
      kv_cache_usage: state.kvCacheManager.usage,
      waiting: waitingReasons(state, facts, false),
    });
  }

  /** A batch was taken in, and its output not yet given back. */
  onTakenIn(output: SchedulerOutput): void {
    const open = this.#open.get(output);
    if (open === undefined) return;
    this.#open.delete(output);
    const finished = [...this.#scheduler.state.finishedReqIds];
    this.#steps.push({ ...open, end_ms: this.#clock.monotonicMs(), finished });
    if (this.#steps.length > MAX_STEPS) this.#steps = this.#steps.slice(-MAX_STEPS / 2);
  }
}

function scheduledOf(output: SchedulerOutput): StepView['scheduled'] {
  const scheduled: StepView['scheduled'][number][] = [];
  for (let i = 0; i < output.numRequests; i += 1) {
    const request = output.requests[i];
    const numTokens = output.numScheduledTokens[i];
    const numComputed = output.numComputedTokens[i];
    if (request === undefined || numTokens === undefined || numComputed === undefined) continue;
    const promptLeft = Math.max(0, request.numPromptTokens - numComputed);
    scheduled.push({
      request_id: request.requestId,
      num_tokens: numTokens,
      num_computed_tokens: numComputed,
      num_prefill_tokens: Math.min(numTokens, promptLeft),
    });
  }
  return scheduled;
}
