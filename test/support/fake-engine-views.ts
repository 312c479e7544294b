import { explainCapacity } from '../../src/capacity/explain/explain-capacity.ts';
import type {
  BlockMap,
  BlockView,
  EngineSteps,
  RequestView,
  StepView,
  WaitingView,
} from '../../src/shared/twin-api/engine-views.ts';

/** What an engine that only pretends looks like from the page. */
export interface FakeEngineOptions {
  readonly model: string;
  readonly gpu: string;
  readonly maxModelLen: number;
  readonly numBlocks: number;
  /** Requests that come one after the other. */
  readonly numRequests: number;
}

interface FakeRequest {
  readonly id: string;
  readonly prompt: number;
  readonly output: number;
  computed: number;
  numPreemptions: number;
  status: 'WAITING' | 'RUNNING' | 'FINISHED';
  readonly tables: [number[], number[]];
}

const MAX_TOKENS = 2_048;
const MAX_RUNNING = 6;
const BLOCK = 16;
const [FREE, CACHED, IN_USE] = [1, 2, 3];
const NO_GROUP = 15;

/**
 * An engine with two groups whose views move with every `step`: enough to look at, and nothing more. Deterministic. The
 * blocks of what finished stay cached; the first block is the null block.
 */
export class FakeEngineViews {
  readonly #options: FakeEngineOptions;
  readonly #bytes: Uint8Array;
  readonly #requests: FakeRequest[] = [];
  #evictable: number[] = [];
  #steps: StepView[] = [];
  #hits: number[] = [];
  #nextBlock = 1;
  #nextRequest = 0;

  constructor(options: FakeEngineOptions) {
    this.#options = options;
    this.#bytes = new Uint8Array(options.numBlocks).fill((NO_GROUP << 4) | FREE);
    this.#bytes[0] = NO_GROUP << 4;
  }

  explain(): unknown {
    const { model, gpu, maxModelLen } = this.#options;
    return explainCapacity({ model, gpu, maxModelLen });
  }

  blocks(): BlockMap {
    const recent_hits = this.#hits.splice(0);
    const held = this.#bytes.filter((byte) => (byte & 15) === IN_USE).length;
    return {
      num_blocks: this.#bytes.length,
      states: Buffer.from(this.#bytes).toString('base64'),
      eviction_order: this.#evictable.slice(0, 10_000),
      num_free: this.#bytes.length - held - 1,
      usage: held / this.#bytes.length,
      recent_hits,
      groups: [
        { group: 0, kind: 'sliding_window', block_size: BLOCK },
        { group: 1, kind: 'full_attention', block_size: BLOCK },
      ],
      request_ids: this.#live().map(({ id }) => id),
    };
  }

  block(id: number): BlockView {
    const byte = this.#bytes[id] ?? 0;
    const holders = this.#live().flatMap((request) =>
      request.tables.flatMap((table) =>
        table.includes(id) ? [{ request_id: request.id, position: table.indexOf(id) }] : [],
      ),
    );
    const state = (['null', 'free', 'cached_free', 'in_use'] as const)[byte & 15] ?? 'free';
    const place = this.#evictable.indexOf(id);
    return {
      block_id: id,
      state,
      ref_cnt: holders.length,
      block_hash: state === 'in_use' || state === 'cached_free' ? `${id}`.padStart(64, 'a') : null,
      group: byte >> 4 === NO_GROUP ? null : byte >> 4,
      holders,
      eviction_position: place < 0 ? null : place,
    };
  }

  request(id: string): RequestView | null {
    const request = this.#live().find((one) => one.id === id);
    if (request === undefined) return null;
    return {
      request_id: id,
      status: request.status,
      num_tokens: Math.max(request.prompt, request.computed),
      num_prompt_tokens: request.prompt,
      num_computed_tokens: request.computed,
      num_cached_tokens: 0,
      num_preemptions: request.numPreemptions,
      block_tables: request.tables,
    };
  }

  steps(since: number): EngineSteps {
    return {
      max_num_batched_tokens: MAX_TOKENS,
      max_num_seqs: MAX_RUNNING,
      steps: this.#steps.filter(({ step }) => step > since),
      waiting: this.#waiting(),
      running: this.#running().map(({ id }) => id),
    };
  }

  get numRunning(): number {
    return this.#running().length;
  }

  get numWaiting(): number {
    return this.#waiting().length;
  }

  stepTimes(times: number): void {
    for (let time = 0; time < times; time++) this.step();
  }

  step(): void {
    const number = (this.#steps.at(-1)?.step ?? 0) + 1;
    if (this.#live().length < this.#options.numRequests) this.#arrive();
    const preempted: string[] = [];
    if (number % 37 === 0 && this.numRunning > 2) {
      const victim = this.#running().at(-1);
      if (victim !== undefined) {
        victim.status = 'WAITING';
        victim.computed = 0;
        victim.numPreemptions++;
        this.#free(victim);
        preempted.push(victim.id);
      }
    }
    for (const request of this.#live()) {
      const isWelcome = request.status === 'WAITING' && !preempted.includes(request.id);
      if (isWelcome && this.numRunning < MAX_RUNNING) request.status = 'RUNNING';
    }
    const scheduled: StepView['scheduled'][number][] = [];
    const finished: string[] = [];
    let budget = MAX_TOKENS;
    for (const request of this.#running()) {
      const wanted = request.computed < request.prompt ? request.prompt - request.computed : 1;
      const num_tokens = Math.min(wanted, budget);
      if (num_tokens === 0) continue;
      budget -= num_tokens;
      scheduled.push({
        request_id: request.id,
        num_tokens,
        num_computed_tokens: request.computed,
        num_prefill_tokens: request.computed < request.prompt ? num_tokens : 0,
      });
      request.computed += num_tokens;
      this.#grow(request);
      if (request.computed >= request.prompt + request.output) {
        request.status = 'FINISHED';
        this.#free(request);
        finished.push(request.id);
      }
    }
    this.#steps.push({
      step: number,
      start_ms: number * 20,
      end_ms: number * 20 + 6 + (MAX_TOKENS - budget) / 200,
      scheduled,
      total_tokens: MAX_TOKENS - budget,
      preempted,
      finished,
      num_running: this.numRunning,
      num_waiting: this.numWaiting,
      kv_cache_usage: this.blocksInUse / this.#bytes.length,
      waiting: this.#waiting(),
    });
    this.#steps = this.#steps.slice(-500);
  }

  get blocksInUse(): number {
    return this.#live().reduce((sum, { tables: [a, b] }) => sum + a.length + b.length, 0);
  }

  #live(): FakeRequest[] {
    return this.#requests.filter(({ status }) => status !== 'FINISHED');
  }

  #running(): FakeRequest[] {
    return this.#requests.filter(({ status }) => status === 'RUNNING');
  }

  #waiting(): WaitingView[] {
    return this.#requests
      .filter(({ status }) => status === 'WAITING')
      .map(({ id }) => ({
        request_id: id,
        why: 'max_num_seqs',
        text: `${MAX_RUNNING} requests run, and max_num_seqs is ${MAX_RUNNING}: one of them has to finish first.`,
      }));
  }

  #arrive(): void {
    const number = this.#nextRequest++;
    this.#requests.push({
      id: `cmpl-${((number + 1) * 2_654_435_761).toString(16).padStart(12, '0')}-${number}`,
      prompt: 300 + ((number * 977) % 7_000),
      output: 20 + ((number * 37) % 60),
      computed: 0,
      numPreemptions: 0,
      status: 'WAITING',
      tables: [[], []],
    });
    // Every other one finds its beginning in the cache.
    if (number % 2 === 1) this.#hits.push(...this.#evictable.slice(-40));
  }

  #grow(request: FakeRequest): void {
    const wanted = Math.ceil(request.computed / BLOCK);
    for (const group of [0, 1] as const) {
      const table = request.tables[group];
      while (table.length < wanted) {
        const id = this.#take();
        this.#bytes[id] = (group << 4) | IN_USE;
        table.push(id);
      }
    }
  }

  #take(): number {
    if (this.#nextBlock < this.#bytes.length) return this.#nextBlock++;
    return this.#evictable.shift() ?? 0;
  }

  #free(request: FakeRequest): void {
    for (const group of [0, 1] as const) {
      for (const id of request.tables[group].splice(0).reverse()) {
        this.#bytes[id] = (group << 4) | CACHED;
        this.#evictable.push(id);
      }
    }
  }
}
