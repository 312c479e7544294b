/**
 * Steps an engine over a scripted workload on a virtual clock and writes down every step in the golden format.
 * One step is one turn of vLLM's busy loop: the step's messages are queued, the queue is drained, the engine steps.
 */

import type { EngineCore } from '../../engine-core/engine-core.ts';
import {
  ScheduleKind,
  type SchedulerOutput,
} from '../../engine-core/scheduler/scheduler-output.ts';
import { assert } from '../../shared/assert.ts';
import { VirtualClock } from '../../shared/clock.ts';
import { ConfigError } from '../../shared/errors.ts';
import type { EngineInput } from '../../shared/protocol/request.ts';
import { toEngineCoreRequest, toOut } from './convert.ts';
import { createReplayCore, type ReplayOptions } from './create-replay-core.ts';
import { KVEventNumbering } from './kv-events.ts';
import type { TraceOpRecord, TraceRecord, TraceRequestRecord } from './record.ts';
import type { AfterRecord, ScheduleRecord, StepOpRecord, StepRecord } from './steps.ts';

/** Pools up to this size have their free queue written down. */
const MAX_RECORDED_FREE_QUEUE_BLOCKS = 40;
/** After the last message, so many steps in a row without a token mean that no other step will have one. */
const MAX_IDLE_STEPS = 10_000;
const MAX_NAMED_REQUESTS = 5;
const STEP_MS = 1;

export class Replay {
  readonly core: EngineCore;
  readonly #clock = new VirtualClock();
  readonly #trace: TraceRecord;
  readonly #arrivals = new Map<number, TraceRequestRecord[]>();
  readonly #ops = new Map<number, TraceOpRecord[]>();
  readonly #lastPlannedStep: number;
  readonly #queue: EngineInput[] = [];
  /** Block tables as they were last written down, by request. */
  readonly #tables = new Map<string, readonly (readonly number[])[]>();
  readonly #kvEvents = new KVEventNumbering();
  readonly #recordsFreeQueue: boolean;
  /** Utility methods by call id. */
  readonly #methods = new Map<number, string>();
  #numPreemptionsSeen = 0;
  #step = 0;
  #nextCallId = 1;

  constructor(options: ReplayOptions) {
    this.#trace = options.trace;
    this.core = createReplayCore(options, this.#clock);
    this.#recordsFreeQueue = options.resolved.num_gpu_blocks <= MAX_RECORDED_FREE_QUEUE_BLOCKS;
    let last = -1;
    for (const request of this.#trace.requests) {
      push(this.#arrivals, request.arrival_step, request);
      last = Math.max(last, request.arrival_step);
    }
    for (const op of this.#trace.ops) {
      push(this.#ops, op.step, op);
      last = Math.max(last, op.step);
    }
    this.#lastPlannedStep = last;
  }

  /** Whether something is still to come, to be done, or to be answered once all is done. */
  hasMore(): boolean {
    const { core } = this;
    return this.#step <= this.#lastPlannedStep || core.hasWork() || core.awaitsIdle;
  }

  /** All steps, or those before `untilStep`. */
  run(untilStep = Number.POSITIVE_INFINITY): StepRecord[] {
    return [...this.steps(untilStep)];
  }

  /**
   * The steps one by one, each made when it is asked for. Throws E_BAD_FILE for a workload that never ends: one whose
   * requests wait for what never comes.
   */
  *steps(untilStep = Number.POSITIVE_INFINITY): Generator<StepRecord> {
    let numIdleSteps = 0;
    while (this.hasMore() && this.#step < untilStep) {
      const record = this.nextStep();
      const isIdle = record.step > this.#lastPlannedStep && !record.model_executed;
      numIdleSteps = isIdle ? numIdleSteps + 1 : 0;
      if (numIdleSteps > MAX_IDLE_STEPS) throw this.#endless(record);
      yield record;
    }
  }

  #endless({ step, after }: StepRecord): ConfigError {
    const stuck = [...after.running, ...after.waiting].slice(0, MAX_NAMED_REQUESTS).join(', ');
    return new ConfigError(
      'E_BAD_FILE',
      `${this.#trace.id}: nothing ran in the ${MAX_IDLE_STEPS} steps before step ${step}, and nothing more is to come; ` +
        `stuck: ${stuck}. Give the pool more blocks, or stop with --until-step`,
    );
  }

  nextStep(): StepRecord {
    const { core } = this;
    const step = this.#step;
    this.#step += 1;
    const { ops, duringExecution } = this.#queueMessages(step);
    this.#drainQueue();
    const hadRequests = core.scheduler.hasRequests();
    const waitMs = core.beginStep();
    const output = hadRequests ? core.scheduledBatch : null;
    const schedule = output === null ? null : this.#recordSchedule(output);
    for (const ids of duringExecution) {
      core.noteAbort(ids);
      this.#queue.push({ type: 'ABORT', requestIds: ids });
    }
    this.#clock.advance(waitMs + STEP_MS);
    const modelExecuted = core.finishStep();
    const preempted = schedule === null ? this.#newPreemptions() : [];
    const out = core
      .takeOutputs()
      .map(({ clientIndex, outputs }) => toOut(clientIndex, outputs, this.#methods));
    const kvEvents = core.takeKvEvents();
    return {
      step,
      ...(ops.length > 0 ? { ops } : {}),
      ...(schedule !== null ? { schedule } : {}),
      model_executed: modelExecuted,
      ...(preempted.length > 0 ? { preempted_outside_schedule: preempted } : {}),
      out,
      after: this.#recordAfter(),
      ...(kvEvents !== null ? { kv_events: this.#kvEvents.number(kvEvents) } : {}),
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
      if (op.op === 'abort_during_execution') {
        duringExecution.push(ids);
        return;
      }
      this.core.noteAbort(ids);
      this.#queue.push({ type: 'ABORT', requestIds: ids });
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

  #queueUtility(method: string, args: readonly unknown[]): StepOpRecord {
    const callId = this.#nextCallId;
    this.#nextCallId += 1;
    this.#methods.set(callId, method);
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

  #recordSchedule(output: SchedulerOutput): ScheduleRecord {
    const { state } = this.core.scheduler;
    const { kvCacheManager } = state;
    const record: ScheduleRecord = {
      tokens: [],
      total: output.totalNumScheduledTokens,
      new: [],
      resumed: [],
      cached: [],
      preempted: output.preemptedReqIds.slice(this.#numPreemptionsSeen),
      worker_finished_req_ids: [...output.finishedReqIds].sort(),
      free_blocks: kvCacheManager.numFreeBlocks,
      running: state.running.map(({ requestId }) => requestId),
      waiting: state.waiting.toArray().map(({ requestId }) => requestId),
    };
    this.#numPreemptionsSeen = 0;
    for (const id of output.finishedReqIds) this.#tables.delete(id);
    const tables: Record<string, number[][]> = {};
    for (let i = 0; i < output.numRequests; i += 1) {
      const request = output.requests[i];
      assert(request !== undefined, 'a scheduled request is missing');
      const id = request.requestId;
      record.tokens.push([id, output.numScheduledTokens[i] ?? 0]);
      const computed = output.numComputedTokens[i] ?? 0;
      const table = kvCacheManager.getBlockIds(request);
      if (output.kinds[i] === ScheduleKind.RUNNING) {
        record.cached.push({ id, computed, new_blocks: nonEmpty(output.newBlocks[i]?.blocks) });
      } else {
        const list = output.kinds[i] === ScheduleKind.NEW ? record.new : record.resumed;
        list.push({ id, computed, blocks: table });
      }
      if (!isSameTable(table, this.#tables.get(id))) {
        this.#tables.set(id, table);
        tables[id] = table;
      }
    }
    if (output.blockCopies !== null && output.blockCopies.length > 0) {
      record.block_copies = output.blockCopies.map((copy) => [copy.srcBlockId, copy.dstBlockId]);
    }
    if (Object.keys(tables).length > 0) record.tables = tables;
    return record;
  }

  /** Preemptions of this step that no schedule call has reported. */
  #newPreemptions(): string[] {
    const { preemptedReqIds } = this.core.scheduler.state;
    const fresh = preemptedReqIds.slice(this.#numPreemptionsSeen);
    this.#numPreemptionsSeen = preemptedReqIds.length;
    return fresh;
  }

  #recordAfter(): AfterRecord {
    const { state } = this.core.scheduler;
    const { kvCacheManager } = state;
    const computed: Record<string, number> = {};
    for (const request of state.requests.values()) {
      computed[request.requestId] = request.numComputedTokens;
    }
    return {
      running: state.running.map(({ requestId }) => requestId),
      waiting: state.waiting.toArray().map(({ requestId }) => requestId),
      free_blocks: kvCacheManager.numFreeBlocks,
      kv_cache_usage: kvCacheManager.usage,
      computed,
      ...(this.#recordsFreeQueue ? { free_queue: kvCacheManager.freeBlockQueue() } : {}),
    };
  }
}

function isSameTable(
  table: readonly (readonly number[])[],
  known: readonly (readonly number[])[] | undefined,
): boolean {
  return table.every((blocks, group) => {
    const before = known?.[group];
    if (before === undefined || before.length !== blocks.length) return false;
    return blocks.every((block, index) => block === before[index]);
  });
}

function nonEmpty(groups: readonly (readonly number[])[] | undefined): number[][] | null {
  if (groups === undefined || groups.every((group) => group.length === 0)) return null;
  return groups.map((group) => [...group]);
}

function push<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}
