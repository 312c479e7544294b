/**
 * An engine under a scripted workload on a virtual clock. One step is one turn of vLLM's busy loop: the step's messages are
 * queued, the queue is drained, the engine steps. What is written down of a turn is for others to say.
 */
import type { ClientOutputs } from '../../engine-core/client-outputs.ts';
import type { EngineCore } from '../../engine-core/engine-core.ts';
import type { SchedulerOutput } from '../../engine-core/scheduler/scheduler-output.ts';
import { VirtualClock } from '../../shared/clock.ts';
import { ConfigError } from '../../shared/errors.ts';
import type { KVCacheEvent } from '../../shared/protocol/kv-events.ts';
import type { EngineInput } from '../../shared/protocol/request.ts';
import { toEngineCoreRequest } from './convert.ts';
import { createReplayCore, type ReplayOptions } from './create-replay-core.ts';
import type { TraceOpRecord, TraceRequestRecord } from './record.ts';
import { RecordedGrammars } from './recorded-grammars.ts';
import type { StepOpRecord } from './steps.ts';

/** After the last message, so many steps in a row without a token mean that no other step will have one. */
const MAX_IDLE_STEPS = 10_000;
const MAX_NAMED_REQUESTS = 5;
const STEP_MS = 1;
const NOBODY: readonly string[] = Object.freeze([]);

/** A turn that is over. */
export interface Turn {
  readonly step: number;
  readonly ops: readonly StepOpRecord[];
  /** Whether there was something to schedule. */
  readonly isScheduled: boolean;
  /** Since the turn before: by the schedule call, or, where there was none, by what else happened. */
  readonly preempted: readonly string[];
  readonly modelExecuted: boolean;
  readonly messages: readonly ClientOutputs[];
  readonly kvEvents: readonly KVCacheEvent[] | null;
  /** The fewest there were: with the step planned, or at its end. */
  readonly minFreeBlocks: number;
}

/** Is told when a step is planned and has not run yet. Nothing of `output` may be kept. */
export type OnScheduled = (output: SchedulerOutput, preempted: readonly string[]) => void;

export class ScriptedEngine {
  readonly core: EngineCore;
  readonly #clock = new VirtualClock();
  readonly #id: string;
  readonly #grammars: RecordedGrammars;
  readonly #arrivals = new Map<number, TraceRequestRecord[]>();
  readonly #ops = new Map<number, TraceOpRecord[]>();
  readonly #lastPlannedStep: number;
  readonly #queue: EngineInput[] = [];
  #numPreemptionsSeen = 0;
  #step = 0;
  #nextCallId = 1;

  constructor(options: ReplayOptions) {
    const { id, requests, ops } = options.trace;
    this.#id = id;
    this.#grammars = new RecordedGrammars(options.trace);
    this.core = createReplayCore(options, this.#clock);
    let last = -1;
    for (const request of requests) {
      push(this.#arrivals, request.arrival_step, request);
      last = Math.max(last, request.arrival_step);
    }
    for (const op of ops) {
      push(this.#ops, op.step, op);
      last = Math.max(last, op.step);
    }
    this.#lastPlannedStep = last;
  }

  /** Whether something is still to come, to be done, or to be answered once all is done. */
  #hasMore(): boolean {
    const { core } = this;
    return this.#step <= this.#lastPlannedStep || core.hasWork() || core.awaitsIdle;
  }

  /**
   * The turns before step `untilStep` one by one, each made when it is asked for. Throws E_BAD_FILE for a workload that
   * never ends: one whose requests wait for what never comes.
   */
  *turns(
    untilStep = Number.POSITIVE_INFINITY,
    onScheduled: OnScheduled = () => {},
  ): Generator<Turn> {
    let numIdleSteps = 0;
    while (this.#hasMore() && this.#step < untilStep) {
      const turn = this.#nextTurn(onScheduled);
      const isIdle = turn.step > this.#lastPlannedStep && !turn.modelExecuted;
      numIdleSteps = isIdle ? numIdleSteps + 1 : 0;
      if (numIdleSteps > MAX_IDLE_STEPS) throw this.#endless(turn.step);
      yield turn;
    }
  }

  #endless(step: number): ConfigError {
    const { state } = this.core.scheduler;
    const stuck = [...state.running, ...state.waitingRequests()].slice(0, MAX_NAMED_REQUESTS);
    return new ConfigError(
      'E_BAD_FILE',
      `${this.#id}: nothing ran in the ${MAX_IDLE_STEPS} steps before step ${step}, and nothing more is to come; ` +
        `stuck: ${stuck.map(({ requestId }) => requestId).join(', ')}. Give the pool more blocks, or stop with --until-step`,
    );
  }

  #nextTurn(onScheduled: OnScheduled): Turn {
    const { core } = this;
    const step = this.#step;
    this.#step += 1;
    const { ops, duringExecution } = this.#queueMessages(step);
    this.#drainQueue();
    this.#grammars.compile(step, core);
    const hadRequests = core.scheduler.hasRequests();
    const waitMs = core.beginStep();
    const output = hadRequests ? core.scheduledBatch : null;
    const { kvCacheManager } = core.scheduler.state;
    const freeBlocks = kvCacheManager.numFreeBlocks;
    let preempted = NOBODY;
    if (output !== null) {
      preempted = output.preemptedReqIds.slice(this.#numPreemptionsSeen);
      this.#numPreemptionsSeen = 0;
      onScheduled(output, preempted);
    }
    for (const ids of duringExecution) this.#queueAbort(ids);
    this.#clock.advance(waitMs + STEP_MS);
    const modelExecuted = core.finishStep();
    if (output === null) preempted = this.#newPreemptions();
    return {
      step,
      ops,
      isScheduled: output !== null,
      preempted,
      modelExecuted,
      messages: core.takeOutputs(),
      kvEvents: core.takeKvEvents(),
      minFreeBlocks: Math.min(freeBlocks, kvCacheManager.numFreeBlocks),
    };
  }

  /** Messages of one step: scripted ones, then arrivals, then those that are to come after the arrivals. */
  #queueMessages(step: number): { ops: StepOpRecord[]; duringExecution: (readonly string[])[] } {
    const ops: StepOpRecord[] = [];
    const duringExecution: (readonly string[])[] = [];
    const scripted = this.#ops.get(step) ?? [];
    const queueOp = (op: TraceOpRecord): void => {
      if (op.op === 'utility') {
        ops.push(this.#queueUtility(op.method, op.args ?? []));
        return;
      }
      const { ids } = op;
      ops.push({ op: op.op, ids });
      if (op.op === 'abort_during_execution') duringExecution.push(ids);
      else this.#queueAbort(ids);
    };
    for (const op of scripted) if (op.after_adds !== true) queueOp(op);
    for (const request of this.#arrivals.get(step) ?? []) {
      ops.push({ op: 'add', id: request.id });
      this.#queue.push({ type: 'ADD', request: toEngineCoreRequest(request) });
    }
    this.#arrivals.delete(step);
    this.#ops.delete(step);
    for (const op of scripted) if (op.after_adds === true) queueOp(op);
    return { ops, duringExecution };
  }

  #queueAbort(requestIds: readonly string[]): void {
    this.core.noteAbort(requestIds);
    this.#queue.push({ type: 'ABORT', requestIds });
  }

  #queueUtility(method: string, args: readonly unknown[]): StepOpRecord {
    const callId = this.#nextCallId;
    this.#nextCallId += 1;
    this.#queue.push({ type: 'UTILITY', call: { clientIndex: 0, callId, method, args } });
    return { op: 'utility', method, args, call_id: callId };
  }

  #drainQueue(): void {
    const { core } = this;
    while (!core.hasWork()) {
      core.notifyIdle();
      if (this.#queue.length === 0) core.clearNotedAborts();
      const input = this.#queue.shift();
      if (input === undefined) break;
      core.handleInput(input);
    }
    for (let input = this.#queue.shift(); input; input = this.#queue.shift()) {
      core.handleInput(input);
    }
  }

  /** Preemptions that no schedule call has reported. */
  #newPreemptions(): readonly string[] {
    const { preemptedReqIds } = this.core.scheduler.state;
    const fresh = preemptedReqIds.slice(this.#numPreemptionsSeen);
    this.#numPreemptionsSeen = preemptedReqIds.length;
    return fresh;
  }
}

function push<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}
