/**
 * Why each waiting request was not scheduled, in words: what the scheduler said at the places where it decided, and nothing
 * that is worked out again beside it.
 */
import type { WaitingView } from '../../shared/twin-api/engine-views.ts';
import type { Request } from '../scheduler/request.ts';
import type { AdmissionEnd, SkipReason } from '../scheduler/scheduler-observer.ts';
import { PauseState, type SchedulerState } from '../scheduler/scheduler-state.ts';

/** Requests whose reason is told; those further back wait behind them. */
export const MAX_REASONS = 100;

/** Those behind a request that waits for one of these are still looked at. */
const PASSED_OVER: ReadonlySet<string> = new Set<SkipReason>([
  'max_loras',
  'stale_output',
  'grammar',
]);

type Reason = Pick<WaitingView, 'why' | 'text'>;

/** What the last schedule call said. */
export interface AdmissionFacts {
  readonly end: AdmissionEnd;
  readonly skipped: ReadonlyMap<Request, SkipReason>;
}

/** Of the schedule call that has just ended, in the order in which requests would be admitted. */
export function waitingReasons(state: SchedulerState, facts: AdmissionFacts): WaitingView[] {
  const requests = state.waitingRequests().slice(0, MAX_REASONS);
  const forAll = reasonForAll(facts.end);
  const front = 'request' in facts.end ? facts.end.request : null;
  return requests.map((request) => {
    const reason =
      skippedReason(state, facts.skipped.get(request)) ??
      forAll ??
      (front === null || front === request ? ownReason(facts.end) : behind(front));
    return { request_id: request.requestId, ...reason };
  });
}

/** What is true between two steps: of the last one where it looked at the request. `last`: its reasons by request id. */
export function waitingNow(
  state: SchedulerState,
  last: ReadonlyMap<string, WaitingView>,
  isHeld: boolean,
): WaitingView[] {
  const forAll = standingReason(state);
  let front: Request | null = null;
  return state.waiting
    .toArray()
    .slice(0, MAX_REASONS)
    .map((request) => {
      const known = standing(last.get(request.requestId));
      const reason =
        forAll ?? known ?? (front === null ? unseenReason(isHeld) : behind(front as Request));
      if (known === undefined || !PASSED_OVER.has(known.why)) front ??= request;
      return { request_id: request.requestId, why: reason.why, text: reason.text };
    });
}

/** Undefined for a reason that would be `standingReason` if it still held. */
function standing(reason: WaitingView | undefined): WaitingView | undefined {
  return reason?.why === 'paused' || reason?.why === 'max_num_seqs' ? undefined : reason;
}

/** What keeps every waiting request out, now and in the next step. */
function standingReason({ pauseState, running, maxNumActiveReqs }: SchedulerState): Reason | null {
  if (pauseState !== PauseState.UNPAUSED) return paused(pauseState === PauseState.PAUSED_ALL);
  return running.length >= maxNumActiveReqs ? full(running.length, maxNumActiveReqs) : null;
}

function reasonForAll(end: AdmissionEnd): Reason | null {
  switch (end.why) {
    case 'paused':
      return paused(end.isAll);
    case 'preemption':
      return {
        why: 'preemption',
        text: `${count(end.numPreempted, 'running request')} had to give up blocks in this step, so none is admitted`,
      };
    case 'max_num_seqs':
      return full(end.numRunning, end.limit);
    case 'token_budget':
      return {
        why: 'token_budget',
        text: `the ${count(end.limit, 'token')} of the step (max_num_batched_tokens) are used up by requests before it`,
      };
    default:
      return null;
  }
}

function ownReason(end: AdmissionEnd): Reason {
  switch (end.why) {
    case 'prefill_interval':
      return {
        why: 'prefill_interval',
        text: 'prefills are held back in this step while other requests decode (prefill_schedule_interval)',
      };
    case 'no_chunks':
      return {
        why: 'token_budget',
        text: `its ${count(end.numNewTokens, 'token')} do not fit into the ${end.budget} that the step has left, and chunked prefill is off`,
      };
    case 'mamba_chunk':
      return {
        why: 'token_budget',
        text: `a chunk of it has to end where a Mamba state can be cached, and the ${count(end.budget, 'token')} that the step has left do not reach there`,
      };
    case 'kv_cache_blocks':
      return { why: 'kv_cache_blocks', text: shortfallText(end) };
    default:
      return unseenReason(false);
  }
}

function shortfallText({
  needed,
  free,
  watermark,
}: {
  needed: number;
  free: number;
  watermark: number;
}) {
  const kept =
    watermark > 0 ? `, of which ${watermark} are kept free while others run (watermark)` : '';
  return `it needs ${needed} KV cache blocks and ${free} are free${kept}`;
}

function skippedReason({ config }: SchedulerState, why: SkipReason | undefined): Reason | null {
  if (why === undefined) return null;
  if (why === 'stale_output') {
    return {
      why,
      text: 'a step from before its preemption still runs; it resumes once that output is there',
    };
  }
  if (why === 'grammar') return { why, text: 'its grammar is being compiled (structured output)' };
  const { maxLoras } = config;
  return { why, text: `${maxLoras} other LoRA adapters are in use, and max_loras is ${maxLoras}` };
}

function paused(isAll: boolean): Reason {
  return {
    why: 'paused',
    text: isAll
      ? 'the scheduler is paused: no request is scheduled'
      : 'the scheduler is paused: running requests go on, and none is admitted',
  };
}

function full(numRunning: number, limit: number): Reason {
  return {
    why: 'max_num_seqs',
    text: `${count(numRunning, 'request')} ${numRunning === 1 ? 'runs' : 'run'}, and max_num_seqs allows ${limit}`,
  };
}

function behind(front: Request): Reason {
  return {
    why: 'behind_another',
    text: `request ${front.requestId} is in front of it and waits too; none overtakes it`,
  };
}

/** No step has looked at it yet. */
function unseenReason(isHeld: boolean): Reason {
  return isHeld
    ? {
        why: 'clock_paused',
        text: "the engine's clock is paused: no step runs that could admit it",
      }
    : { why: 'next_step', text: 'no step has looked at it yet; the next one will' };
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
