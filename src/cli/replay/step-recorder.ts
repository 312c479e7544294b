/** Writes the turns of an engine down as step records. What did not change since the step before is not made again. */
import type { EngineCore } from '../../engine-core/engine-core.ts';
import type { Request } from '../../engine-core/scheduler/request.ts';
import {
  ScheduleKind,
  type SchedulerOutput,
} from '../../engine-core/scheduler/scheduler-output.ts';
import { assert } from '../../shared/assert.ts';
import { toOut } from './convert.ts';
import { KVEventNumbering } from './kv-events.ts';
import type { ResolvedRecord } from './record.ts';
import type { Turn } from './scripted-engine.ts';
import { type AfterRecord, ComputedTokens, type ScheduleRecord, type StepRecord } from './steps.ts';

/** Pools up to this size have their free queue written down. */
const MAX_RECORDED_FREE_QUEUE_BLOCKS = 40;

/** A request's block tables as they were last written down, and the version of them that this was. */
interface KnownTables {
  version: number;
  tables: readonly (readonly number[])[];
}

export class StepRecorder {
  readonly #core: EngineCore;
  readonly #tables = new Map<string, KnownTables>();
  readonly #kvEvents = new KVEventNumbering();
  readonly #requests = new IdList();
  readonly #running = new IdList();
  readonly #waiting = new IdList();
  readonly #recordsFreeQueue: boolean;
  readonly #recordsExtras: boolean;
  /** Utility methods by call id. */
  readonly #methods = new Map<number, string>();
  #tokens: ScheduleRecord['tokens'] = [];
  #schedule: ScheduleRecord | null = null;

  constructor(core: EngineCore, resolved: ResolvedRecord, withExtras: boolean) {
    this.#core = core;
    this.#recordsExtras = withExtras;
    this.#recordsFreeQueue = resolved.num_gpu_blocks <= MAX_RECORDED_FREE_QUEUE_BLOCKS;
  }

  /** Takes down what is planned; `record` puts it into the step's record. */
  schedule(output: SchedulerOutput, preempted: readonly string[]): void {
    const { state } = this.#core.scheduler;
    const record: ScheduleRecord = {
      tokens: this.#tokensOf(output),
      total: output.totalNumScheduledTokens,
      new: [],
      resumed: [],
      cached: [],
      preempted,
      worker_finished_req_ids: [...output.finishedReqIds].sort(),
      free_blocks: state.kvCacheManager.numFreeBlocks,
      running: this.#running.of(state.running),
      waiting: this.#waiting.of(state.waitingRequests()),
    };
    if (this.#recordsExtras)
      record.spec_tokens = Object.fromEntries(output.scheduledSpecDecodeTokens);
    const { emptyKVCacheBlocks } = state.kvCacheManager;
    for (const id of output.finishedReqIds) this.#tables.delete(id);
    const changed: Record<string, readonly (readonly number[])[]> = {};
    let hasChanged = false;
    for (let i = 0; i < output.numRequests; i += 1) {
      const request = output.requests[i];
      assert(request !== undefined, 'a scheduled request is missing');
      const id = request.requestId;
      const computed = output.numComputedTokens[i] ?? 0;
      const known = this.#tables.get(id);
      const tables = this.#tablesOf(request, known);
      if (tables !== known?.tables) {
        changed[id] = tables;
        hasChanged = true;
      }
      const kind = output.kinds[i];
      if (kind === ScheduleKind.RUNNING) {
        const added = output.newBlocks[i];
        // Fifteen steps of sixteen need no block.
        const newBlocks = added === emptyKVCacheBlocks ? null : nonEmpty(added?.blocks);
        record.cached.push({ id, computed, new_blocks: newBlocks });
      } else {
        const list = kind === ScheduleKind.NEW ? record.new : record.resumed;
        list.push({ id, computed, blocks: tables });
      }
    }
    if (output.blockCopies !== null && output.blockCopies.length > 0) {
      record.block_copies = output.blockCopies.map((copy) => [copy.srcBlockId, copy.dstBlockId]);
    }
    if (hasChanged) record.tables = changed;
    this.#schedule = record;
  }

  /** A turn that is over, whose plan `schedule` took down. */
  record(turn: Turn): StepRecord {
    const { step, ops, preempted, kvEvents } = turn;
    for (const op of ops) if (op.op === 'utility') this.#methods.set(op.call_id, op.method);
    const schedule = turn.isScheduled ? this.#schedule : null;
    return {
      step,
      ...(ops.length > 0 ? { ops } : {}),
      ...(schedule !== null ? { schedule } : {}),
      model_executed: turn.modelExecuted,
      ...(schedule === null && preempted.length > 0
        ? { preempted_outside_schedule: preempted }
        : {}),
      out: turn.messages.map(({ clientIndex, outputs }) =>
        toOut(clientIndex, outputs, this.#methods, this.#recordsExtras),
      ),
      after: this.#recordAfter(),
      ...(kvEvents !== null ? { kv_events: this.#kvEvents.number(kvEvents) } : {}),
    };
  }

  /** Who has how many tokens: the very list of the step before while it says the same. */
  #tokensOf(output: SchedulerOutput): ScheduleRecord['tokens'] {
    const { numRequests, requests, numScheduledTokens } = output;
    const before = this.#tokens;
    let isSame = before.length === numRequests;
    for (let i = 0; isSame && i < numRequests; i += 1) {
      const entry = before[i];
      isSame = requests[i]?.requestId === entry?.[0] && numScheduledTokens[i] === entry?.[1];
    }
    if (isSame) return before;
    const tokens: [string, number][] = [];
    for (let i = 0; i < numRequests; i += 1)
      tokens.push([requests[i]?.requestId ?? '', numScheduledTokens[i] ?? 0]);
    this.#tokens = tokens;
    return tokens;
  }

  /** The request's tables: the very object of before where nothing in them has changed. */
  #tablesOf(request: Request, known: KnownTables | undefined): readonly (readonly number[])[] {
    const { kvCacheManager } = this.#core.scheduler.state;
    const version = kvCacheManager.getTablesVersion(request);
    if (version === known?.version) return known.tables;
    const tables = kvCacheManager.getBlockIds(request);
    if (known !== undefined && isSameTable(tables, known.tables)) {
      known.version = version;
      return known.tables;
    }
    this.#tables.set(request.requestId, { version, tables });
    return tables;
  }

  #recordAfter(): AfterRecord {
    const { state } = this.#core.scheduler;
    const { kvCacheManager } = state;
    const requests = [...state.requests.values()];
    return {
      running: this.#running.of(state.running),
      waiting: this.#waiting.of(state.waitingRequests()),
      free_blocks: kvCacheManager.numFreeBlocks,
      kv_cache_usage: kvCacheManager.usage,
      computed: new ComputedTokens(
        this.#requests.of(requests),
        requests.map(({ numComputedTokens }) => numComputedTokens),
      ),
      ...(this.#recordsFreeQueue ? { free_queue: kvCacheManager.freeBlockQueue() } : {}),
    };
  }
}

/** The ids of requests in their order: the very list of the call before while it says the same. */
class IdList {
  #ids: readonly string[] = [];

  of(requests: readonly Request[]): readonly string[] {
    const ids = this.#ids;
    const isSame =
      requests.length === ids.length &&
      requests.every(({ requestId }, index) => requestId === ids[index]);
    if (!isSame) this.#ids = requests.map(({ requestId }) => requestId);
    return this.#ids;
  }
}

function isSameTable(
  table: readonly (readonly number[])[],
  known: readonly (readonly number[])[],
): boolean {
  return table.every((blocks, group) => {
    const before = known[group];
    if (before === undefined || before.length !== blocks.length) return false;
    return blocks.every((block, index) => block === before[index]);
  });
}

function nonEmpty(
  groups: readonly (readonly number[])[] | undefined,
): readonly (readonly number[])[] | null {
  if (groups === undefined || groups.every((group) => group.length === 0)) return null;
  return groups;
}
