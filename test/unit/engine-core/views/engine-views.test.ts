import { afterEach, describe, expect, it } from 'vitest';
import { MAX_RECENT_HITS } from '../../../../src/engine-core/views/engine-views.ts';
import { VirtualClock } from '../../../../src/shared/clock.ts';
import {
  MAX_ANSWERED_BYTES,
  MAX_ANSWERED_FRAMES,
  WATCH_MS,
} from '../../../../src/shared/tap/process-frames.ts';
import { DEFAULT_RING_FRAMES } from '../../../../src/shared/tap/tap.ts';
import { createTestRequest } from '../../../support/engine.ts';
import { TestProc } from '../../../support/engine-proc.ts';
import { waitFor } from '../../../support/wait-for.ts';
import { WatchedProc, type WatchedProcOptions } from '../../../support/watched-proc.ts';

const procs: TestProc[] = [];
const start = (options?: WatchedProcOptions): WatchedProc => {
  const proc = new WatchedProc(options);
  procs.push(proc);
  return proc;
};
const short = (requestId: string, fields = {}) =>
  createTestRequest({ requestId, sampling: { maxTokens: 2, ignoreEos: true }, ...fields });

afterEach(async () => {
  await Promise.all(procs.splice(0).map((proc) => proc.stop()));
});

describe('what an engine tells of its inside', () => {
  it('begins with what it is', async () => {
    const proc = start({ engine: { numBlocks: 33 } });
    expect(await proc.view('vllm_twin_about')).toEqual({
      process: 'EngineCore_DP0',
      pid: process.pid,
      gpu: 'NVIDIA H100',
      model: 'twin/tinymodel',
      num_blocks: 33,
      num_requests_running: 0,
      num_requests_waiting: 0,
      kv_cache_usage_perc: 0,
      clock: { state: 'running', factor: 1, steps_left: 0 },
    });
  });

  it('is what explain says of it, whenever that is worked out', async () => {
    const proc = start({ explain: async () => ({ schema_version: 1, plan: { ok: true } }) });
    expect(await proc.ask('vllm_twin_explain')).toEqual({ schema_version: 1, plan: { ok: true } });
  });

  it('fails as other calls do where explain fails', async () => {
    const proc = start({ explain: () => Promise.reject(new Error('no such model')) });
    expect(await proc.ask('vllm_twin_explain')).toBe(
      'Call to vllm_twin_explain method failed: no such model',
    );
  });

  it('has no tables of a request that it has not', async () => {
    const proc = start();
    expect(await proc.ask('vllm_twin_request', 'nobody')).toBeNull();
  });

  it.each([
    [
      'vllm_twin_block',
      [],
      "EngineCore.vllm_twin_block() missing 1 required positional argument: 'block_id'",
    ],
    ['vllm_twin_block', [1_000], 'block_id: expected a whole number from 0 to 64, got 1000'],
    ['vllm_twin_frames', [-1], 'since_seq: expected a whole number that is not negative, got -1'],
    ['vllm_twin_steps', ['x'], 'since_step: expected a whole number that is not negative, got "x"'],
    ['vllm_twin_clock', [{ factor: 99 }], 'factor: expected a number from 0.01 to 10, got 99'],
  ])('%s(%j) fails as a call of vLLM does, and says why', async (method, args, text) => {
    const proc = start();
    expect(await proc.ask(method, ...args)).toBe(`Call to ${method} method failed: ${text}`);
  });

  it.each([
    ['EngineCoreProc', false],
    ['DPEngineCoreProc', true],
  ])(
    'fails as an unknown method of vLLM where it is asked what it does not know',
    async (_, isMoeDp) => {
      const proc = start({ isMoeDp });
      const text = (method: string) =>
        `Call to ${method} method failed: 'EngineCoreProc' object has no attribute '${method}'`;
      expect(await proc.ask('vllm_twin_nothing')).toBe(text('vllm_twin_nothing'));
      expect(await proc.ask('no_such_method')).toBe(text('no_such_method'));
    },
  );

  it('is nothing where the engine shows nothing: vLLM has no method of these names', async () => {
    const proc = new TestProc();
    procs.push(proc);
    proc.call('vllm_twin_about', [], 7);
    await waitFor('the answer', () => proc.answers.has(7));
    expect(proc.answers.get(7)).toBe(
      "Call to vllm_twin_about method failed: 'EngineCoreProc' object has no attribute 'vllm_twin_about'",
    );
  });
});

describe('frames', () => {
  const socket = { name: 'input', type: 'DEALER', address: 'tcp://127.0.0.1:1' } as const;

  it('are those that the tap keeps, from where one asks on, and more are kept then', async () => {
    const proc = start();
    const record = () => proc.tap.record(socket, 'receive', null, [Uint8Array.of(1)]);
    for (let i = 0; i < 300; i++) record();
    const first = await proc.view('vllm_twin_frames', 0);
    expect(first).toMatchObject({ process: 'EngineCore_DP0', num_seen: 300, num_fallen_out: 0 });
    expect(first.frames).toHaveLength(256);
    expect(first.frames[0]).toMatchObject({ seq: 1, parts: ['AQ=='], direction: 'receive' });
    record();
    const next = await proc.view('vllm_twin_frames', 256);
    expect(next.frames.map(({ seq }) => seq)).toEqual([301]);
  });

  it('come so many at a time', async () => {
    const proc = start();
    await proc.view('vllm_twin_frames', 0);
    for (let i = 0; i < 2_000; i++) proc.tap.record(socket, 'send', null, [Uint8Array.of(1)]);
    const first = await proc.view('vllm_twin_frames', 0);
    expect(first.frames).toHaveLength(MAX_ANSWERED_FRAMES);
    const rest = await proc.view('vllm_twin_frames', first.frames.at(-1)?.seq);
    expect(rest.frames).toHaveLength(1_000);
    expect(DEFAULT_RING_FRAMES).toBeGreaterThan(2_000);
  });

  it('come so many bytes at a time, one at least', async () => {
    const proc = start();
    await proc.view('vllm_twin_frames', 0);
    const large = new Uint8Array(MAX_ANSWERED_BYTES - 10);
    for (const part of [large, Uint8Array.of(1), large])
      proc.tap.record(socket, 'send', null, [part]);
    expect((await proc.view('vllm_twin_frames', 0)).frames.map(({ seq }) => seq)).toEqual([1, 2]);
    proc.tap.record(socket, 'send', null, [new Uint8Array(2 * MAX_ANSWERED_BYTES)]);
    expect((await proc.view('vllm_twin_frames', 3)).frames.map(({ seq }) => seq)).toEqual([4]);
  });
});

describe('steps and hits are recorded', () => {
  it('while somebody looks, and not before', async () => {
    const proc = start();
    proc.add(short('before'));
    await waitFor('its end', () => proc.finishReasonOf('before') !== null);
    expect(proc.core.scheduler.state.observer).toBeNull();
    expect((await proc.view('vllm_twin_steps', 0)).steps).toEqual([]);
    proc.add(short('after'));
    await waitFor('its end', () => proc.finishReasonOf('after') !== null);
    const { steps, max_num_seqs, max_num_batched_tokens } = await proc.view('vllm_twin_steps', 0);
    expect(steps.map(({ scheduled }) => scheduled[0]?.request_id)).toEqual(['after', 'after']);
    expect(steps.at(-1)?.finished).toEqual(['after']);
    expect({ max_num_seqs, max_num_batched_tokens }).toEqual({
      max_num_seqs: 16,
      max_num_batched_tokens: 2048,
    });
  });

  it('no longer once nobody has looked for a while', async () => {
    const clock = new VirtualClock();
    const proc = start({ engine: { clock } });
    await proc.view('vllm_twin_steps', 0);
    const { state } = proc.core.scheduler;
    expect(state.observer).not.toBeNull();
    clock.advance(WATCH_MS + 1);
    proc.add(short('late'));
    await waitFor('its end', () => proc.finishReasonOf('late') !== null);
    expect(state.observer).toBeNull();
    expect(state.kvCacheManager.onPrefixHit).toBeNull();
    expect((await proc.view('vllm_twin_steps', 0)).steps).toEqual([]);
  });

  it('each hit for one look', async () => {
    const proc = start();
    const promptTokenIds = Array.from({ length: 40 }, (_, i) => i + 3);
    expect((await proc.view('vllm_twin_blocks')).recent_hits).toEqual([]);
    proc.add(short('a', { promptTokenIds }));
    await waitFor('its end', () => proc.finishReasonOf('a') !== null);
    proc.add(short('b', { promptTokenIds }));
    await waitFor('its end', () => proc.finishReasonOf('b') !== null);
    expect((await proc.view('vllm_twin_blocks')).recent_hits).toEqual([1, 2]);
    expect((await proc.view('vllm_twin_blocks')).recent_hits).toEqual([]);
  });

  it('so many hits at most', async () => {
    const proc = start({
      engine: { numBlocks: 4_000, scheduler: { maxModelLen: 40_000, maxNumBatchedTokens: 40_000 } },
    });
    const promptTokenIds = Array.from({ length: 16 * 1_200 }, (_, i) => i % 3_000);
    await proc.view('vllm_twin_blocks');
    for (const id of ['a', 'b']) {
      proc.add(short(id, { promptTokenIds }));
      await waitFor('its end', () => proc.finishReasonOf(id) !== null);
    }
    expect((await proc.view('vllm_twin_blocks')).recent_hits).toHaveLength(MAX_RECENT_HITS);
  });
});
