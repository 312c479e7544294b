import { afterEach, describe, expect, it, vi } from 'vitest';
import { Steering } from '../../../../src/frontend/scenarios/steering.ts';
import type { CallEngine } from '../../../../src/frontend/twin/engine-inquiry.ts';
import { INQUIRY_TIMEOUT_MS } from '../../../../src/frontend/twin/engine-inquiry.ts';
import { TwinHub, type TwinHubOptions } from '../../../../src/frontend/twin/twin-hub.ts';
import { VirtualClock } from '../../../../src/shared/clock.ts';
import { WIRE_VERSIONS } from '../../../../src/shared/protocol/versions/wire-versions.ts';
import { createDissector } from '../../../../src/shared/tap/dissector.ts';
import { namedFields } from '../../../../src/shared/tap/named-fields.ts';
import { createReadyResponse } from '../../../support/ready-response.ts';
import { VirtualTimers } from '../../../support/virtual-timers.ts';

const ABOUT = {
  process: 'EngineCore_DP0',
  pid: 42,
  gpu: 'H100',
  model: 'm',
  num_blocks: 10,
  num_requests_running: 3,
  num_requests_waiting: 1,
  kv_cache_usage_perc: 0.5,
  clock: { state: 'running', factor: 1, steps_left: 0 },
};

function hubOf(options: Partial<TwinHubOptions> & { callEngine?: CallEngine } = {}) {
  const clock = new VirtualClock({ startMs: 1_000 });
  const responses = new Map([
    [0, createReadyResponse({ kvCacheSizeTokens: 654_288, kvCacheMaxConcurrency: 15.97 })],
    [1, createReadyResponse({ kvCacheSizeTokens: 172_736, kvCacheMaxConcurrency: 4.2 })],
  ]);
  const hub = new TwinHub({
    clock,
    dissector: createDissector(WIRE_VERSIONS['0.33.0']),
    vllmVersion: '0.33.0',
    model: 'm',
    apiServerCount: 1,
    changesRefusedBecause: null,
    lesson: null,
    createDesk: null,
    createSteering: (faults) =>
      new Steering({
        clock,
        timers: new VirtualTimers(),
        logger: { info: () => {}, error: () => {} },
        place: () => null,
        numEngines: 2,
        faults,
      }),
    handshake: { state: null, next: () => {} },
    phase: () => 'serving',
    engines: () => [0, 1].map((rank) => ({ rank, pid: 100 + rank, state: 'READY' as const })),
    readyResponse: (rank) => responses.get(rank) ?? null,
    nameFields: (response) =>
      namedFields(WIRE_VERSIONS['0.33.0'].tables.engineCoreReadyResponse, response),
    callEngine: async (_rank, method) => (method === 'vllm_twin_about' ? ABOUT : { frames: [] }),
    loadOf: async () => null,
    sources: [],
    ...options,
  });
  return { hub, clock };
}

async function stateOf(hub: TwinHub) {
  const answer = await hub.ask({ ask: 'state' });
  await hub.close();
  if (!answer.isOk) throw new Error(answer.message);
  return answer.value;
}

describe('what the twin knows of itself', () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  it("keeps every engine's values apart, under vLLM's names", async () => {
    const { engines } = await stateOf(hubOf().hub);
    expect(engines.map(({ rank, kv_cache_size_tokens: tokens }) => [rank, tokens])).toEqual([
      [0, 654_288],
      [1, 172_736],
    ]);
    expect(engines[1]?.ready_response?.['kv_cache_size_tokens']).toBe(172_736);
    expect(engines[0]).toMatchObject({
      pid: 100,
      gpu: 'H100',
      is_twin: true,
      num_requests_running: 3,
    });
  });

  it('says of an engine of vLLM that it does not tell', async () => {
    const { hub } = hubOf({
      callEngine: async (rank, method) => {
        if (rank === 1) throw new Error(`'EngineCoreProc' object has no attribute '${method}'`);
        return ABOUT;
      },
      loadOf: async () => ({ numRequestsRunning: 7, numRequestsWaiting: 2, kvCacheUsage: 0.25 }),
    });
    const { engines } = await stateOf(hub);
    expect(engines.map(({ is_twin: isTwin, gpu }) => [isTwin, gpu])).toEqual([
      [true, 'H100'],
      [false, null],
    ]);
    // What it says with its outputs, as every engine.
    expect(engines.map(({ num_requests_running: running }) => running)).toEqual([3, 7]);
    expect(engines[1]).toMatchObject({ num_requests_waiting: 2, kv_cache_usage_perc: 0.25 });
    expect(
      await hub.ask({ ask: 'engine', rank: 1, method: 'vllm_twin_blocks', args: [] }),
    ).toMatchObject({
      isOk: false,
      status: 501,
    });
  });

  it('shows what an engine that hangs said last', async () => {
    vi.useFakeTimers();
    let hangs = false;
    const { hub, clock } = hubOf({
      callEngine: (_rank, method) => {
        if (hangs) return new Promise(() => {});
        return Promise.resolve(method === 'vllm_twin_about' ? ABOUT : { frames: [] });
      },
    });
    await hub.ask({ ask: 'state' });
    hangs = true;
    clock.advance(1_000);
    const asked = stateOf(hub);
    await vi.advanceTimersByTimeAsync(2 * INQUIRY_TIMEOUT_MS);
    expect((await asked).engines[0]).toMatchObject({ num_requests_running: 3, gpu: 'H100' });
  });

  it('asks no engine that is dead, or before the start-up is over', async () => {
    const asked: number[] = [];
    const callEngine: CallEngine = async (rank) => {
      asked.push(rank);
      return ABOUT;
    };
    await stateOf(hubOf({ callEngine, phase: () => 'starting' }).hub);
    expect(asked).toEqual([]);
    const engines = () => [
      { rank: 0, pid: 1, state: 'DEAD' as const },
      { rank: 1, pid: 2, state: 'READY' as const },
    ];
    const { hub } = hubOf({ callEngine, engines });
    const state = await stateOf(hub);
    expect(new Set(asked)).toEqual(new Set([1]));
    expect(state.engines[0]?.state).toBe('DEAD');
    expect(
      await hub.ask({ ask: 'engine', rank: 0, method: 'vllm_twin_blocks', args: [] }),
    ).toMatchObject({
      status: 503,
    });
    expect(
      await hub.ask({ ask: 'engine', rank: 9, method: 'vllm_twin_blocks', args: [] }),
    ).toMatchObject({
      status: 404,
    });
  });

  it("changes the clock of one engine or of all, and passes an engine's refusal on", async () => {
    const asked: unknown[] = [];
    const { hub } = hubOf({
      callEngine: async (rank, method, args) => {
        if (method !== 'vllm_twin_clock') return ABOUT;
        asked.push([rank, ...args]);
        return { state: 'paused', factor: 1, steps_left: 0 };
      },
    });
    const all = await hub.ask({ ask: 'clock', change: { state: 'paused' } });
    expect(all).toMatchObject({ isOk: true, value: { clocks: { 0: { state: 'paused' }, 1: {} } } });
    await hub.ask({ ask: 'clock', change: { steps: 2, engine: 1 } });
    expect(asked).toEqual([
      [0, { state: 'paused' }],
      [1, { state: 'paused' }],
      [1, { steps: 2 }],
    ]);
    for (const change of [{}, { factor: 100 }, { steps: 1.5 }, { state: 'halted' as 'paused' }])
      expect(await hub.ask({ ask: 'clock', change })).toMatchObject({ isOk: false, status: 400 });
    expect(await hub.ask({ ask: 'clock', change: { state: 'running', engine: 5 } })).toMatchObject({
      status: 404,
    });
  });

  it('changes no clock where one of the engines is none of ours', async () => {
    const changed: number[] = [];
    const { hub } = hubOf({
      callEngine: async (rank, method) => {
        if (rank === 1) throw new Error(`'EngineCoreProc' object has no attribute '${method}'`);
        if (method === 'vllm_twin_clock') changed.push(rank);
        return ABOUT;
      },
    });
    expect(await hub.ask({ ask: 'clock', change: { state: 'paused' } })).toMatchObject({
      status: 501,
    });
    expect(changed).toEqual([]);
    expect(await hub.ask({ ask: 'clock', change: { state: 'paused', engine: 0 } })).toMatchObject({
      isOk: true,
    });
    expect(changed).toEqual([0]);
  });

  it('says that no start-up is held', async () => {
    expect(await hubOf().hub.ask({ ask: 'handshake-next' })).toMatchObject({ status: 409 });
  });

  it('says which frames are there', async () => {
    const { hub } = hubOf();
    expect(await hub.ask({ ask: 'frame', n: 3 })).toEqual({
      isOk: false,
      status: 404,
      message: 'no frame 3: there are no frames yet',
    });
    await hub.close();
  });
});
