/**
 * Random workloads on every mix of attention kinds with tiny pools: after each step every block is free or referenced
 * exactly as often as tables name it, usage is a fraction, and hits never exceed queries.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  createMambaSplit,
  type GroupRecord,
  KVCacheBench,
  type TestRequest,
} from '../support/kv-cache.ts';

const full: GroupRecord = { kind: 'full_attention', block_size: 4 };
const window: GroupRecord = { kind: 'sliding_window', block_size: 4, window: 10 };
const mamba: GroupRecord = { kind: 'mamba', block_size: 4, mode: 'align' };

const MIXES: readonly (readonly [string, readonly GroupRecord[], { enableCaching?: boolean }])[] = [
  ['full', [full], {}],
  ['full, caching off', [full], { enableCaching: false }],
  ['sliding window', [window], {}],
  ['full + 3 sliding windows', [full, window, window, window], {}],
  ['full + wider sliding blocks', [full, { ...window, block_size: 8 }], {}],
  ['chunked local', [{ kind: 'chunked_local_attention', block_size: 4, chunk: 12 }], {}],
  [
    'full + chunked local',
    [full, { kind: 'chunked_local_attention', block_size: 4, chunk: 8 }],
    {},
  ],
  ['full + mamba align', [full, mamba], {}],
  ['full + wide mamba blocks', [full, { ...mamba, block_size: 16 }], {}],
  ['full + mamba with checkpoints', [full, { ...mamba, ckpt: 1, ckpt_align: 1 }], {}],
  [
    'full + mamba none',
    [full, { kind: 'mamba', block_size: 64, mode: 'none' }],
    { enableCaching: false },
  ],
  ['full + window + mamba', [full, window, mamba], {}],
  [
    'MLA + its sliding window',
    [
      { kind: 'mla_attention', block_size: 4 },
      { ...window, kind: 'sliding_window_mla' },
    ],
    {},
  ],
  ['R-SWA', [{ kind: 'rswa', block_size: 4, window: 8 }], {}],
  ['full + ring', [full, { kind: 'circular_buffer', block_size: 4 }], {}],
  ['full + cross', [full, { kind: 'cross_attention', block_size: 4 }], { enableCaching: false }],
];

type Move =
  | { readonly op: 'arrive'; readonly document: number; readonly length: number }
  | { readonly op: 'step'; readonly chunk: number }
  | { readonly op: 'finish' | 'preempt'; readonly pick: number }
  | { readonly op: 'reset' };

const pick = fc.nat(100);
const move: fc.Arbitrary<Move> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      op: fc.constant('arrive' as const),
      document: fc.nat(1),
      length: fc.integer({ min: 1, max: 50 }),
    }),
  },
  {
    weight: 10,
    arbitrary: fc.record({
      op: fc.constant('step' as const),
      chunk: fc.integer({ min: 4, max: 40 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ op: fc.constantFrom('finish', 'preempt'), pick }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('reset' as const) }) },
);

const MAX_MODEL_LEN = 64;

/** The least a scheduler has to do: serve the running ones, preempt from the end, then admit in order. */
class Workload {
  readonly bench: KVCacheBench;
  readonly #split: (request: TestRequest, start: number, end: number) => number;
  running: TestRequest[] = [];
  waiting: TestRequest[] = [];
  #queries = 0;
  #hits = 0;

  constructor(groups: readonly GroupRecord[], setup: { enableCaching?: boolean }) {
    this.bench = new KVCacheBench({
      ...setup,
      groups,
      numBlocks: 40,
      maxModelLen: MAX_MODEL_LEN,
      maxInFlightTokens: 40,
      blockSize: groups.find((g) => g.kind === 'mamba')?.block_size ?? 4,
    });
    this.#split = createMambaSplit(groups);
  }

  run(m: Move): void {
    switch (m.op) {
      case 'arrive': {
        const prompt = Array.from({ length: m.length }, (_, i) => 100 * m.document + (i % 7));
        this.waiting.push(this.bench.request(prompt));
        return;
      }
      case 'step':
        this.#step(m.chunk);
        return;
      case 'finish':
      case 'preempt': {
        const request = this.running[m.pick % Math.max(1, this.running.length)];
        if (request !== undefined) this.#stop(request, m.op === 'preempt');
        return;
      }
      case 'reset': {
        const isIdle = this.running.length === 0;
        expect(this.bench.manager.resetPrefixCache()).toBe(isIdle);
      }
    }
  }

  #step(chunk: number): void {
    const { manager } = this.bench;
    manager.newStepStarts();
    for (const request of [...this.running])
      if (this.running.includes(request)) this.#advance(request, chunk);
    for (let request = this.waiting[0]; request !== undefined; request = this.waiting[0]) {
      const hit = manager.getComputedBlocks(request);
      const start = hit.numComputedTokens;
      const end = this.#split(request, start, Math.min(request.numTokens, start + chunk));
      if (end <= start) break;
      const blocks = this.bench.admit(request, {
        numNewTokens: end - start,
        numEncoderTokens: 9,
        applyWatermark: this.running.length > 0,
      });
      if (blocks === null) break;
      manager.recordPrefixCacheStats(request, start);
      this.waiting.shift();
      this.running.push(request);
    }
    const copies = manager.takeKvCacheBlockCopies();
    manager.freeBlocks(copies?.retainedBlocks ?? []);
  }

  #advance(request: TestRequest, chunk: number): void {
    const start = request.numComputedTokens;
    if (start >= request.numTokens) {
      if (request.numTokens >= MAX_MODEL_LEN) {
        this.#stop(request, false);
        return;
      }
      this.bench.append(request, request.numTokens % 5);
    }
    const end = this.#split(request, start, Math.min(request.numTokens, start + chunk));
    if (end <= start) return;
    while (this.bench.manager.allocateSlots(request, end - start) === null) {
      const victim = this.running.at(-1);
      if (victim === undefined) throw new Error('nobody left to preempt');
      this.#stop(victim, true);
      if (victim === request) return;
    }
    request.numComputedTokens = end;
  }

  #stop(request: TestRequest, isPreempted: boolean): void {
    this.bench.manager.free(request);
    this.running = this.running.filter((r) => r !== request);
    if (!isPreempted) return;
    request.numComputedTokens = 0;
    request.numPreemptions++;
    this.waiting.unshift(request);
  }

  check(): void {
    const { manager } = this.bench;
    manager.checkInvariants();
    const references = new Map<number, number>();
    for (const request of this.running) {
      for (const block of manager.getBlockIds(request).flat()) {
        if (block !== 0) references.set(block, (references.get(block) ?? 0) + 1);
      }
    }
    for (let block = 1; block < manager.numBlocks; block++) {
      expect(manager.blockPool.refCount(block)).toBe(references.get(block) ?? 0);
    }
    for (const request of this.waiting) expect(manager.getBlockIds(request).flat()).toEqual([]);
    expect(manager.usage).toBe(1 - manager.numFreeBlocks / (manager.numBlocks - 1));
    const stats = manager.makePrefixCacheStats();
    this.#queries += (stats?.queries ?? 0) + (stats?.preemptedQueries ?? 0);
    this.#hits += (stats?.hits ?? 0) + (stats?.preemptedHits ?? 0);
    expect(this.#hits).toBeLessThanOrEqual(this.#queries);
  }
}

describe('KVCacheManager', () => {
  it.each(MIXES)('keeps its invariants: %s', (_name, groups, setup) => {
    fc.assert(
      fc.property(fc.array(move, { maxLength: 60 }), (moves) => {
        const workload = new Workload(groups, setup);
        for (const m of moves) {
          workload.run(m);
          workload.check();
        }
        for (const request of [...workload.running]) workload.bench.manager.free(request);
        expect(workload.bench.manager.usage).toBe(0);
        expect(workload.bench.manager.resetPrefixCache()).toBe(true);
      }),
      { numRuns: 60, verbose: 1 },
    );
  });
});
