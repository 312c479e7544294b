import { beforeEach, describe, expect, it } from 'vitest';
import {
  FaultDesk,
  type FaultRecord,
  MAX_ACTIVE_FAULTS,
} from '../../../../src/frontend/faults/fault-desk.ts';
import { ProcessFaults } from '../../../../src/frontend/faults/process-faults.ts';
import type { TwinAnswer } from '../../../../src/frontend/twin/twin-question.ts';
import { VirtualClock } from '../../../../src/shared/clock.ts';
import { silentLogger } from '../../../../src/shared/logger.ts';
import { IMMEDIATE_TIMERS } from '../../../support/immediate-timers.ts';
import { ManualTime } from '../../../support/manual-time.ts';

describe('the desk of faults', () => {
  let desk: FaultDesk;
  let time: ManualTime;
  let said: string[];
  let calls: (readonly [number, string, unknown])[];
  let told: (readonly string[])[];
  let answers: Map<number, TwinAnswer>;
  let signals: string[];
  let gone: Set<number>;
  let slowAnswer: () => Promise<void>;
  beforeEach(() => {
    gone = new Set();
    slowAnswer = async () => {};
    time = new ManualTime();
    said = [];
    calls = [];
    told = [];
    signals = [];
    answers = new Map();
    desk = new FaultDesk({
      hasEngineMetrics: true,
      clock: time,
      logger: { info: (text: unknown) => said.push(String(text)) } as never,
      engineRanks: () => [0, 1],
      askEngine: async (rank, method, [arg]) => {
        calls.push([rank, method, arg]);
        await slowAnswer();
        return answers.get(rank) ?? { isOk: true, value: null };
      },
      isGone: (rank) => gone.has(rank),
      processes: new ProcessFaults({
        coordinatorPid: () => 7,
        apiServerPids: () => [],
        kill: () => signals.push('SIGKILL'),
        stop: () => {
          signals.push('SIGSTOP');
          return () => signals.push('SIGCONT');
        },
        timers: IMMEDIATE_TIMERS,
      }),
      onChange: (active: readonly FaultRecord[]) => told.push(active.map(({ handle }) => handle)),
      timers: time,
    });
  });

  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

  it('begins a fault at the engine that is meant, and ends it by its handle', async () => {
    const slow = { fault: 'engine.slow', engine: 1, for: '30s', factor: '4' };
    const injected = {
      handle: 'f1',
      fault: 'engine.slow',
      engine: 1,
      parameters: { factor: 4 },
      for_ms: 30_000,
    };
    expect(await desk.inject(slow)).toEqual({ isOk: true, value: injected });
    const { engine: _engine, ...ofEngine } = injected;
    expect(calls).toEqual([[1, 'vllm_twin_inject', ofEngine]]);
    time.advance(10_000);
    expect(desk.active).toEqual([{ ...injected, age_ms: 10_000, ends_in_ms: 20_000 }]);
    expect(await desk.clear('f1')).toMatchObject({ isOk: true });
    expect(await desk.clear('f1')).toMatchObject({ isOk: false, status: 404 });
    expect(calls.at(-1)).toEqual([1, 'vllm_twin_clear', 'f1']);
    expect(desk.active).toEqual([]);
    expect(time.numDue).toBe(0);
    expect(told).toEqual([['f1'], []]);
    expect(said).toEqual([
      'Fault engine.slow of engine 1 begins, for 30 s (handle f1)',
      'Fault engine.slow of engine 1 ends (handle f1)',
    ]);
  });

  it('takes every engine where none is named, and ends by the time that was given', async () => {
    await desk.inject({ fault: 'engine.hang', for: 500 });
    expect(calls.map(([rank, method]) => [rank, method])).toEqual([
      [0, 'vllm_twin_inject'],
      [1, 'vllm_twin_inject'],
    ]);
    time.advance(500);
    await turn();
    expect(desk.active).toEqual([]);
    expect(calls.slice(2).map(([rank, method]) => [rank, method])).toEqual([
      [0, 'vllm_twin_clear'],
      [1, 'vllm_twin_clear'],
    ]);
    expect(said.at(-1)).toBe('Fault engine.hang of all engines ends (handle f1)');
  });

  it('tells of a momentary fault once, and holds nothing', async () => {
    await desk.inject({ fault: 'engine.preempt', engine: 0 });
    expect(told).toEqual([['f1']]);
    expect(desk.active).toEqual([]);
    expect(await desk.clear('f1')).toMatchObject({ isOk: false, status: 404 });
  });

  it('asks nobody for faults at HTTP and on /metrics: who serves is told', async () => {
    await desk.inject({ fault: 'http.refuse' });
    expect(calls).toEqual([]);
    expect(told).toEqual([['f1']]);
    expect(said).toEqual(['Fault http.refuse begins (handle f1)']);
  });

  it('ends at all engines what one of them refuses', async () => {
    const refusal = { isOk: false, status: 400, message: 'the handle f1 is in use' } as const;
    answers.set(1, refusal);
    expect(await desk.inject({ fault: 'engine.hang' })).toEqual(refusal);
    expect(calls.slice(2).map(([rank, method]) => [rank, method])).toEqual([
      [0, 'vllm_twin_clear'],
      [1, 'vllm_twin_clear'],
    ]);
    expect(desk.active).toEqual([]);
    expect(said).toEqual([]);
  });

  it('keeps a fault whose engine does not say that it has ended, until it does or is gone', async () => {
    await desk.inject({ fault: 'engine.slow', engine: 1 });
    answers.set(1, { isOk: false, status: 503, message: 'engine 1 did not answer' });
    const refused = await desk.clear('f1');
    expect(refused).toMatchObject({ isOk: false, status: 503 });
    expect(refused).toHaveProperty('message', expect.stringContaining('active still'));
    expect(desk.active).toHaveLength(1);
    expect(told.at(-1)).toEqual(['f1']);
    gone.add(1);
    expect(await desk.clear('f1')).toMatchObject({ isOk: true });
    expect(desk.active).toEqual([]);
  });

  it('ends what an engine may begin after it was given up', async () => {
    answers.set(1, { isOk: false, status: 503, message: 'engine 1 did not answer' });
    expect(await desk.inject({ fault: 'engine.slow' })).toMatchObject({ isOk: false, status: 503 });
    const clears = (): unknown[] =>
      calls.flatMap(([rank, method, handle]) => (method.endsWith('clear') ? [[rank, handle]] : []));
    calls.length = 0;
    time.advance(1_000);
    await turn();
    answers.delete(1);
    expect(clears()).toContainEqual([1, 'f1']);
    time.advance(1_000);
    await turn();
    calls.length = 0;
    time.advance(10_000);
    await turn();
    expect(clears()).toEqual([]);
    expect(desk.active).toEqual([]);
  });

  it('refuses what is asked of an engine that has ended', async () => {
    gone.add(1);
    for (const fault of ['engine.kill', 'engine.hang']) {
      const message = 'engine 1 has ended';
      expect(await desk.inject({ fault, engine: 1 })).toMatchObject({ isOk: false, message });
    }
    expect(said).toEqual([]);
    expect(await desk.inject({ fault: 'metrics.drop-engine', engine: 1 })).toMatchObject({
      isOk: true,
    });
  });

  it('calls an engine for one fault at a time', async () => {
    let numUnderWay = 0;
    let most = 0;
    slowAnswer = async () => {
      numUnderWay += 1;
      most = Math.max(most, numUnderWay);
      await turn();
      numUnderWay -= 1;
    };
    const slow = { fault: 'engine.slow', engine: 1 };
    await Promise.all(Array.from({ length: 20 }, () => desk.inject(slow)));
    await Promise.all(desk.active.map(({ handle }) => desk.clear(handle)));
    expect(most).toBe(1);
    expect(calls.filter(([, method]) => method === 'vllm_twin_clear')).toHaveLength(20);
    expect(desk.active).toEqual([]);
  });

  it('says what ends an engine before the engine has ended', async () => {
    const injecting = desk.inject({ fault: 'engine.kill', engine: 1 });
    expect(said).toEqual(['Fault engine.kill of engine 1 begins (handle f1)']);
    await injecting;
    expect(said).toHaveLength(1);
  });

  it('does not wait for the answer of an engine that the fault ends', async () => {
    answers.set(1, { isOk: false, status: 503, message: 'the engine is gone' });
    expect(await desk.inject({ fault: 'engine.kill', engine: 1 })).toMatchObject({ isOk: true });
  });

  it.each([
    [{ fault: 'engine.rust' }, 400, 'fault', 'there is no fault "engine.rust"'],
    [{ fault: 'engine.slow', factor: 0 }, 400, 'factor', 'factor is 0, not a number from'],
    [{ fault: 'handshake.no-ready' }, 400, 'fault', 'serve --scenario FILE, at: start'],
    [{ fault: 'engine.hang', engine: 2 }, 400, 'engine', 'no engine 2: there are 0, 1'],
    [{ fault: 'api-server.hang' }, 409, undefined, '--api-server-count of at least 2'],
  ])('refuses %j', async (given, status, param, message) => {
    const answer = await desk.inject(given);
    expect(answer).toMatchObject({
      isOk: false,
      status,
      message: expect.stringContaining(message),
    });
    expect(!answer.isOk && answer.param).toBe(param);
    expect(told).toEqual([]);
    expect(calls).toEqual([]);
  });

  it('refuses one too many, until one has ended', async () => {
    for (let i = 0; i < MAX_ACTIVE_FAULTS; i += 1) await desk.inject({ fault: 'http.refuse' });
    expect(await desk.inject({ fault: 'http.refuse' })).toMatchObject({ isOk: false, status: 409 });
    await desk.clear('f1');
    expect(await desk.inject({ fault: 'http.refuse' })).toMatchObject({ isOk: true });
  });

  it('lets stopped processes go on when it closes, and begins nothing after', async () => {
    await desk.inject({ fault: 'coordinator.hang', for: '1h' });
    expect(signals).toEqual(['SIGSTOP']);
    await desk.close();
    expect(signals).toEqual(['SIGSTOP', 'SIGCONT']);
    expect(time.numDue).toBe(0);
    expect(await desk.inject({ fault: 'engine.hang' })).toMatchObject({ isOk: false, status: 503 });
  });
});

describe('a desk of a server with --disable-log-stats', () => {
  const desk = new FaultDesk({
    clock: new VirtualClock(),
    logger: silentLogger(),
    hasEngineMetrics: false,
    engineRanks: () => [0, 1],
    askEngine: async () => ({ isOk: true, value: null }),
    isGone: () => false,
    processes: new ProcessFaults({
      coordinatorPid: () => null,
      apiServerPids: () => [],
      kill: () => {},
      stop: () => () => {},
      timers: new ManualTime(),
    }),
    onChange: () => {},
    timers: new ManualTime(),
  });

  it('refuses to show figures of engines that nobody sees', async () => {
    const refused = await desk.inject({ fault: 'metrics.hold', engine: 1, value: 0.5 });
    expect(refused).toMatchObject({ isOk: false, status: 409 });
    expect(desk.active).toEqual([]);
  });

  it('takes faults of whole scrapes', async () => {
    expect(await desk.inject({ fault: 'metrics.status' })).toMatchObject({ isOk: true });
  });
});
