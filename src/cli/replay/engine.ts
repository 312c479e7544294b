/**
 * Steps an engine over a scripted workload on a virtual clock and writes down every step in the golden format.
 * One step is one turn of vLLM's busy loop: the step's messages are queued, the queue is drained, the engine steps.
 */

import type { KVCacheConfig } from '../../capacity/spec/kv-cache-config.ts';
import { createEngineCore } from '../../engine-core/create-engine-core.ts';
import type { EngineCore } from '../../engine-core/engine-core.ts';
import { createLatencyModel } from '../../engine-core/executor/latency-model.ts';
import { ScriptedTokenSource } from '../../engine-core/executor/scripted-token-source.ts';
import { SimulatedExecutor } from '../../engine-core/executor/simulated-executor.ts';
import { createTokenSource } from '../../engine-core/executor/token-source.ts';
import { DEFAULT_SCHEDULER_CONFIG } from '../../engine-core/scheduler/scheduler-config.ts';
import {
  ScheduleKind,
  type SchedulerOutput,
} from '../../engine-core/scheduler/scheduler-output.ts';
import { assert } from '../../shared/assert.ts';
import { VirtualClock } from '../../shared/clock.ts';
import type { EngineInput } from '../../shared/protocol/request.ts';
import { EOS_TOKEN_ID, toEngineCoreRequest, toOut } from './convert.ts';
import { KVEventNumbering } from './kv-events.ts';
import type { ResolvedRecord, TraceConfigRecord, TraceOpRecord, TraceRecord, TraceRequestRecord } from './record.ts';
import type { AfterRecord, ScheduleRecord, StepOpRecord, StepRecord } from './steps.ts';

/** Pools up to this size have their free queue written down. */
const MAX_RECORDED_FREE_QUEUE_BLOCKS = 40;
/** A workload that has not ended by then never will. */
const MAX_STEPS = 1_000_000;
const STEP_MS = 1;
/** The vocabulary of the golden recordings; ids beyond it only matter to log probabilities. */
const VOCAB_SIZE = 32_000;
const CPU_LORAS = 64;
/** Source: vllm/config/lora.py LoRAConfig.max_loras (0.33.0). */
const DEFAULT_MAX_LORAS = 1;

export interface ReplayOptions {
  readonly trace: TraceRecord;
  readonly resolved: ResolvedRecord;
  readonly kvCacheConfig: KVCacheConfig;
}

export class Replay {
  readonly core: EngineCore;
  readonly #clock = new VirtualClock();
  readonly #trace: TraceRecord;
  readonly #arrivals = new Map<number, TraceRequestRecord[]>();
  readonly #ops = new Map<number, TraceOpRecord[]>();
  readonly #lastPlannedStep: number;
  readonly #queue: EngineInput[] = [];
  readonly #tables = new Map<string, string>();
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
  run(untilStep = MAX_STEPS): StepRecord[] {
    const steps: StepRecord[] = [];
    while (this.hasMore() && this.#step < untilStep) steps.push(this.nextStep());
    assert(this.#step < MAX_STEPS, `the workload has not ended after ${MAX_STEPS} steps`);
    return steps;
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
        ops.push(this.#queueUtility(op));
        return;
      }
      const ids = op.ids ?? [];
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
    for (const op of scripted) if (op.after_adds === true) queueOp(op);
    return { ops, duringExecution };
  }

  #queueUtility(op: TraceOpRecord): StepOpRecord {
    const callId = this.#nextCallId;
    this.#nextCallId += 1;
    const method = op.method ?? '';
    const args = op.args ?? [];
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
      const text = JSON.stringify(table);
      if (this.#tables.get(id) !== text) {
        this.#tables.set(id, text);
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

function createReplayCore(options: ReplayOptions, clock: VirtualClock): EngineCore {
  const { resolved, kvCacheConfig } = options;
  const { config } = options.trace;
  return createEngineCore({
    engineIndex: 0,
    clock,
    executor: new SimulatedExecutor({
      tokenSource: new ScriptedTokenSource(
        createTokenSource({
          kind: 'rule',
          seed: 0,
          vocabSize: VOCAB_SIZE,
          eosTokenId: EOS_TOKEN_ID,
          maxModelLen: resolved.max_model_len,
        }),
      ),
      latencyModel: createLatencyModel({ kind: 'zero' }),
      vocabSize: VOCAB_SIZE,
      numWorkers: 1,
      maxCpuLoras: CPU_LORAS,
      faults: null,
    }),
    kvCacheConfig,
    cache: {
      blockSize: resolved.block_size,
      schedulerBlockSize: resolved.scheduler_block_size,
      hashBlockSize: resolved.hash_block_size,
      enablePrefixCaching: resolved.enable_prefix_caching,
      prefixCachingHashAlgo: 'sha256_cbor',
      prefixCacheRetentionInterval: resolved.prefix_cache_retention_interval,
      enableKvCacheEvents: true,
    },
    scheduler: {
      ...DEFAULT_SCHEDULER_CONFIG,
      maxNumSeqs: resolved.max_num_seqs,
      maxNumActiveSeqs: config.max_num_active_seqs ?? null,
      maxNumBatchedTokens: resolved.max_num_batched_tokens,
      maxNumScheduledTokens: config.max_num_scheduled_tokens ?? null,
      maxModelLen: resolved.max_model_len,
      policy: resolved.policy === 'priority' ? 'priority' : 'fcfs',
      enableChunkedPrefill: config.enable_chunked_prefill ?? true,
      longPrefillTokenThreshold: config.long_prefill_token_threshold ?? 0,
      longPrefillTokenThresholdAdaptive: config.long_prefill_token_threshold_adaptive ?? false,
      prefillScheduleInterval: config.prefill_schedule_interval ?? 1,
      schedulerReserveFullIsl: config.scheduler_reserve_full_isl ?? true,
      watermark: config.watermark ?? 0,
      asyncScheduling: resolved.max_concurrent_batches > 1,
      maxLoras: maxLorasOf(config),
      mambaAlign: resolved.groups.some((group) => group.mamba_cache_mode === 'align'),
    },
    maxConcurrentBatches: resolved.max_concurrent_batches,
    logStats: config.log_stats ?? true,
    includeFinishedSet: config.include_finished_set ?? false,
    // What the recordings were made with.
    vllmClass: 'InprocCore',
  });
}

/** vLLM has a limit only with LoRA on, and then one adapter unless told otherwise. */
function maxLorasOf({ enable_lora, max_loras }: TraceConfigRecord): number | null {
  if (enable_lora === false) return null;
  return max_loras ?? (enable_lora === true ? DEFAULT_MAX_LORAS : null);
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
