import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { ENGINE_BUSY_MESSAGE } from '../../../../src/frontend/engine-client/engine-client.ts';
import type { MultiProcessClientOptions } from '../../../../src/frontend/engine-client/multi-process-client.ts';
import { DROPPED_MESSAGE } from '../../../../src/shared/dropped-messages.ts';
import { TwinError } from '../../../../src/shared/errors.ts';
import type { CoordinatorUpdate } from '../../../../src/shared/protocol/coordinator.ts';
import {
  createEngineCoreOutput,
  createEngineCoreRequest,
  createSamplingParams,
  createSchedulerStats,
} from '../../../../src/shared/protocol/defaults.ts';
import { identityFromEngineIndex } from '../../../../src/shared/protocol/identity.ts';
import type {
  EngineCoreOutput,
  EngineCoreOutputs,
} from '../../../../src/shared/protocol/outputs.ts';
import type { EngineInput } from '../../../../src/shared/protocol/request.ts';
import type { SchedulerStats } from '../../../../src/shared/protocol/stats.ts';
import { WIRE_VERSIONS } from '../../../../src/shared/protocol/versions/wire-versions.ts';
import { createWireCodec } from '../../../../src/shared/protocol/wire-codec.ts';
import { createInMemoryTransport } from '../../../../src/shared/transport/in-memory.ts';
import type { Closable, Transport } from '../../../../src/shared/transport/transport.ts';
import { bindClient, messagesArrived, recordingLogger } from '../../../support/engine-client.ts';
import { FakeEngine, type FakeEngineOptions } from '../../../support/fake-engine.ts';
import { wireCodec } from '../../../support/wire-codec.ts';

const { encodeCoordinatorUpdate } = wireCodec;

const open: Closable[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((closable) => closable.close()));
});

async function createClient({
  ranks = [0],
  onInput,
  readyResponse,
  ...options
}: Partial<MultiProcessClientOptions> & {
  ranks?: readonly number[];
  onInput?: FakeEngineOptions['onInput'];
  readyResponse?: FakeEngineOptions['readyResponse'];
} = {}) {
  const transport = createInMemoryTransport();
  const client = await bindClient({ transport, engineRanks: ranks, ...options });
  const own = {
    ...(onInput === undefined ? {} : { onInput }),
    ...(readyResponse === undefined ? {} : { readyResponse }),
  };
  const engines = ranks.map((rank) => new FakeEngine({ transport, rank, ...own }));
  const { input, output } = client.addresses;
  for (const engine of engines) engine.connect({ inputs: [input], outputs: [output] });
  await client.waitUntilReady();
  open.push(client, ...engines);
  return { transport, client, engines };
}

function answerUtility(input: EngineInput, engine: FakeEngine): void {
  if (input.type !== 'UTILITY') return;
  const { callId, method, args } = input.call;
  engine.send({
    utilityOutput:
      method === 'fail'
        ? { callId, failureMessage: 'Call to fail method failed: no', result: undefined }
        : { callId, failureMessage: null, result: { rank: engine.rank, method, args } },
  });
}

function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof TwinError) return `${error.code}: ${error.message}`;
    throw error;
  }
  return 'no error';
}

describe('a request', () => {
  it('goes to the only engine as it was made', async () => {
    const { client, engines } = await createClient();
    const request = createEngineCoreRequest({
      requestId: 'a',
      promptTokenIds: [1, 2],
      samplingParams: createSamplingParams({ maxTokens: 3 }),
    });
    expect(client.addRequest(request)).toBe(0);
    await messagesArrived();
    expect(engines[0]?.inputs).toEqual([{ type: 'ADD', request }]);
  });

  it('goes to the rank that it asks for, and so does its abort', async () => {
    const { client, engines } = await createClient({ ranks: [0, 1, 2] });
    client.addRequest(createEngineCoreRequest({ requestId: 'a', dataParallelRank: 2 }));
    client.abortRequests(['a', 'unknown']);
    await messagesArrived();
    expect(engines[2]?.inputs[1]).toEqual({ type: 'ABORT', requestIds: ['a'] });
    expect(engines[0]?.inputs).toEqual([]);
    expect(engines[1]?.inputs).toEqual([]);
  });

  it("is refused for a rank out of range in vLLM's words", async () => {
    const { client } = await createClient({ ranks: [4, 5] });
    const add = (dataParallelRank: number) => () =>
      client.addRequest(createEngineCoreRequest({ requestId: 'a', dataParallelRank }));
    const message = 'E_BAD_REQUEST: data_parallel_rank 2 is out of range [0, 2).';
    expect(codeOf(add(2))).toBe(message);
    expect(codeOf(add(-1))).toBe(message.replace('2', '-1'));
    expect(add(1)()).toBe(5);
  });

  it('is no longer counted once its engine says that it is finished', async () => {
    const { client, engines } = await createClient({ ranks: [0, 1] });
    const seen: EngineCoreOutputs[] = [];
    client.onOutputs((outputs) => seen.push(outputs));
    expect(client.addRequest(createEngineCoreRequest({ requestId: 'a' }))).toBe(0);
    engines[0]?.send({ finishedRequests: ['a', 'of another client'] });
    engines[0]?.send({ schedulerStats: createSchedulerStats() });
    await messagesArrived();
    client.abortRequests(['a']);
    client.addRequest(createEngineCoreRequest({ requestId: 'b', dataParallelRank: 0 }));
    await messagesArrived();
    expect(engines[0]?.inputs.map(({ type }) => type)).toEqual(['ADD', 'ADD']);
  });
});

describe('the coordinator', () => {
  async function createCoordinated(options: Partial<MultiProcessClientOptions> = {}) {
    const created = await createClient({ ranks: [2, 3], ...options });
    const coordinator = await created.transport.bindXPub('ipc:///stats', { lingerMs: 0 });
    const subscriptions: number[] = [];
    coordinator.onMessage((frames) => subscriptions.push(...(frames[0] ?? [])));
    open.push(coordinator);
    const publish = async (update: Partial<CoordinatorUpdate>): Promise<void> => {
      coordinator.send(
        encodeCoordinatorUpdate({ counts: null, currentWave: 0, enginesRunning: false, ...update }),
      );
      await messagesArrived();
    };
    return { ...created, coordinator, subscriptions, publish };
  }
  const busy = [9, 9, 1] as const;

  it("steers requests by the counts of this client's ranks, and sets their wave", async () => {
    const { client, engines, subscriptions, publish } = await createCoordinated();
    expect(client.subscribeToCoordinator('ipc:///stats')).toBe(true);
    await messagesArrived();
    expect(subscriptions).toEqual([1]);
    const counts = [busy, busy, [3, 3, 0], [0, 1, 0]] as const;
    await publish({ counts, currentWave: 7, enginesRunning: true });
    expect(client.enginesRunning).toBe(true);
    const ranks = ['a', 'b'].map((requestId) =>
      client.addRequest(createEngineCoreRequest({ requestId })),
    );
    expect(ranks).toEqual([3, 3]);
    await messagesArrived();
    expect(engines[1]?.inputs[0]).toMatchObject({ type: 'ADD', request: { currentWave: 7 } });
  });

  it('tells a wave without counts, which leaves the counts as they were', async () => {
    const { client, publish } = await createCoordinated();
    client.subscribeToCoordinator('ipc:///stats');
    await messagesArrived();
    await publish({ counts: [busy, busy, [3, 3, 0], [0, 1, 0]] });
    expect(client.enginesRunning).toBe(false);
    await publish({ counts: null, currentWave: 8, enginesRunning: true });
    expect(client.enginesRunning).toBe(true);
    expect(client.addRequest(createEngineCoreRequest({ requestId: 'a' }))).toBe(3);
    await publish({ enginesRunning: false });
    expect(client.enginesRunning).toBe(false);
  });

  it.each([
    ['0.32.0', '92c40203000792c402020008'],
    ['0.33.0', ''],
  ] as const)('of vLLM %s hears of requests while no engine runs: %s', async (version, notices) => {
    const codec = createWireCodec(WIRE_VERSIONS[version]);
    const { client, subscriptions: heard, publish } = await createCoordinated({ codec });
    client.subscribeToCoordinator('ipc:///stats');
    await messagesArrived();
    heard.length = 0;
    const add = (requestId: string, dataParallelRank: number) =>
      client.addRequest(createEngineCoreRequest({ requestId, dataParallelRank }));
    await publish({ currentWave: 7, enginesRunning: false });
    add('a', 1);
    // Said once until the coordinator says that they stand still.
    add('b', 0);
    await publish({ currentWave: 7, enginesRunning: true });
    add('c', 0);
    await publish({ currentWave: 8, enginesRunning: false });
    add('d', 0);
    await messagesArrived();
    expect(Buffer.from(heard).toString('hex')).toBe(notices);
  });

  it('is found at the address that the engines learnt', async () => {
    const learnt = await createCoordinated();
    expect(learnt.client.subscribeToCoordinator(null)).toBe(false);
    expect(learnt.client.enginesRunning).toBe(false);
    await messagesArrived();
    expect(learnt.subscriptions).toEqual([]);

    const { client, transport } = await createClient({
      readyResponse: { dpStatsAddress: 'ipc:///elsewhere' },
    });
    const coordinator = await transport.bindXPub('ipc:///elsewhere', { lingerMs: 0 });
    const subscriptions: number[] = [];
    coordinator.onMessage((frames) => subscriptions.push(...(frames[0] ?? [])));
    open.push(coordinator);
    expect(client.subscribeToCoordinator(null)).toBe(true);
    await messagesArrived();
    expect(subscriptions).toEqual([1]);
  });

  it('is subscribed to once', async () => {
    const { client } = await createCoordinated();
    client.subscribeToCoordinator('ipc:///stats');
    expect(() => client.subscribeToCoordinator('ipc:///stats')).toThrow(
      'subscribed to the coordinator before',
    );
  });

  it('is not believed when it tells of fewer engines than there are, or in no words of its own', async () => {
    const { logger, warnings } = recordingLogger();
    const { client, coordinator, publish } = await createCoordinated({ logger });
    client.subscribeToCoordinator('ipc:///stats');
    await messagesArrived();
    await publish({ counts: [busy, busy, busy] });
    coordinator.send([Buffer.from('garbage')]);
    await messagesArrived();
    expect(client.badFrameCount).toBe(2);
    expect(warnings[0]).toEqual([
      {
        socket: 'coordinator',
        err: 'counts of 3 engines, of which ranks 2, 3 are asked for',
      },
      DROPPED_MESSAGE,
    ]);
    expect(warnings[1]?.[0]).toMatchObject({ socket: 'coordinator' });
    expect(client.addRequest(createEngineCoreRequest({ requestId: 'a' }))).toBe(2);
  });

  it('is left with the client', async () => {
    const { client, subscriptions, publish } = await createCoordinated();
    client.subscribeToCoordinator('ipc:///stats');
    await messagesArrived();
    await client.close();
    await publish({ enginesRunning: true });
    expect(client.enginesRunning).toBe(false);
    expect(subscriptions).toEqual([1]);
  });
});

describe('a utility call', () => {
  it('is answered by the engine that it went to', async () => {
    const { client } = await createClient({ ranks: [0, 1], onInput: answerUtility });
    expect(await client.callUtility(1, 'sleep', [1, 'abort'])).toEqual({
      rank: 1,
      method: 'sleep',
      args: [1, 'abort'],
    });
  });

  it('to all engines gives their results in rank order', async () => {
    const { client } = await createClient({ ranks: [0, 1, 2], onInput: answerUtility });
    const results = await client.callUtilityOnAll('is_sleeping', []);
    expect(results).toEqual([0, 1, 2].map((rank) => ({ rank, method: 'is_sleeping', args: [] })));
  });

  it("rejects with the engine's own message", async () => {
    const { client } = await createClient({ onInput: answerUtility });
    await expect(client.callUtility(0, 'fail', [])).rejects.toMatchObject({
      code: 'E_UTILITY_FAILED',
      message: 'Call to fail method failed: no',
    });
  });

  it('rejects when the engine dies meanwhile', async () => {
    const { client, engines } = await createClient();
    const call = client.callUtility(0, 'pause_scheduler', []);
    engines[0]?.die();
    await expect(call).rejects.toMatchObject({ code: 'E_ENGINE_DEAD' });
  });
});

describe('a utility call to an engine that there is not', () => {
  it('rejects and is not sent', async () => {
    const { client, engines } = await createClient({ ranks: [1, 2] });
    await expect(client.callUtility(0, 'sleep', [])).rejects.toMatchObject({
      code: 'E_UTILITY_FAILED',
      message: 'Call to sleep method: no engine 0',
    });
    await messagesArrived();
    expect(engines.map(({ inputs }) => inputs)).toEqual([[], []]);
  });
});

describe('an engine that says that it dies', () => {
  it('is reported once, and every later call is refused', async () => {
    const { client, engines } = await createClient({ ranks: [0, 1] });
    const deaths: unknown[] = [];
    client.onEngineDead((...death) => deaths.push(death));
    expect(client.isEngineDead).toBe(false);
    engines[1]?.die();
    engines[0]?.die();
    await messagesArrived();
    client.markEngineDead(1, 'its process ended');
    expect(deaths).toEqual([[null, 'an engine core sent ENGINE_CORE_DEAD']]);
    expect(codeOf(() => client.addRequest(createEngineCoreRequest({ requestId: 'a' })))).toMatch(
      /^E_ENGINE_DEAD: EngineCore encountered an issue\./,
    );
    await expect(client.callUtility(0, 'sleep', [])).rejects.toMatchObject({
      code: 'E_ENGINE_DEAD',
    });
    client.abortRequests(['a']);
  });
});

describe('a client that is one of several', () => {
  it('says in every request and call which of them it is', async () => {
    const { client, engines } = await createClient({ clientIndex: 1, clientCount: 2 });
    client.addRequest(createEngineCoreRequest({ requestId: 'a', clientIndex: 0 }));
    const call = client.callUtility(0, 'sleep', []);
    await messagesArrived();
    expect(engines[0]?.inputs).toMatchObject([
      { type: 'ADD', request: { clientIndex: 1 } },
      { type: 'UTILITY', call: { clientIndex: 1, callId: 1, method: 'sleep', args: [] } },
    ]);
    await Promise.all([
      client.close(),
      expect(call).rejects.toMatchObject({ code: 'E_ENGINE_DEAD' }),
    ]);
  });
});

describe('an abort', () => {
  it('of nothing, or to dead engines, is not sent', async () => {
    const { client, engines } = await createClient();
    client.abortRequests([]);
    client.markEngineDead(0, 'its process ended');
    client.abortRequests(['a']);
    await messagesArrived();
    expect(engines[0]?.inputs).toEqual([]);
  });

  it('goes to the only engine for every id that is asked for', async () => {
    const { client, engines } = await createClient();
    client.abortRequests(['a', 'b']);
    await messagesArrived();
    expect(engines[0]?.inputs).toEqual([{ type: 'ABORT', requestIds: ['a', 'b'] }]);
  });
});

describe('an abort when there is no room', () => {
  it('arrives, although requests and calls are refused', async () => {
    const { client, engines } = await createClient({ maxUnheardBytes: 50_000 });
    const promptTokenIds = new Array<number>(1_000).fill(70_000);
    const add = (requestId: string) =>
      client.addRequest(createEngineCoreRequest({ requestId, promptTokenIds }));
    let numTaken = 0;
    // The engine says nothing, so all of it may still wait for it.
    expect(() => {
      for (; numTaken < 100; numTaken++) add(`r${numTaken}`);
    }).toThrow(expect.objectContaining({ code: 'E_UNAVAILABLE', message: ENGINE_BUSY_MESSAGE }));
    expect(numTaken).toBe(10);
    await expect(client.callUtility(0, 'is_sleeping', [])).rejects.toMatchObject({
      code: 'E_UNAVAILABLE',
    });
    client.abortRequests(['r0']);
    await vi.waitFor(() =>
      expect(engines[0]?.inputs.at(-1)).toEqual({ type: 'ABORT', requestIds: ['r0'] }),
    );
  });

  it('is followed by requests again once the engine gives the sign that it was asked for', async () => {
    const { client, engines } = await createClient({
      maxUnheardBytes: 50_000,
      onInput: (input, engine) => {
        if (input.type === 'UTILITY') answerUtility(input, engine);
      },
    });
    const promptTokenIds = new Array<number>(1_000).fill(70_000);
    const request = createEngineCoreRequest({ requestId: 'r', promptTokenIds });
    const fill = (): void => {
      for (let i = 0; i < 100; i++) client.addRequest({ ...request, requestId: `r${i}` });
    };
    expect(fill).toThrow(ENGINE_BUSY_MESSAGE);
    const isCall = ({ type }: EngineInput): boolean => type === 'UTILITY';
    await vi.waitFor(() => expect(engines[0]?.inputs.filter(isCall)).toHaveLength(1));
    await messagesArrived();
    expect(client.addRequest(createEngineCoreRequest({ requestId: 'after' }))).toBe(0);
  });

  it('does not throw when the client is closed', async () => {
    const { client } = await createClient();
    await client.close();
    expect(() => client.abortRequests(['a'])).not.toThrow();
    // Whoever waits for room would wait for ever.
    expect(client.whenRoom(() => {})).toBe(true);
    expect(() => client.addRequest(createEngineCoreRequest({ requestId: 'a' }))).toThrow(
      ENGINE_BUSY_MESSAGE,
    );
  });
});

describe('outputs that can be decoded and cannot be', () => {
  const stats = (values: Partial<SchedulerStats>): Partial<EngineCoreOutputs> => ({
    schedulerStats: createSchedulerStats(values),
  });
  const output = (values: Partial<EngineCoreOutput>): Partial<EngineCoreOutputs> => ({
    outputs: [createEngineCoreOutput({ requestId: 'a', ...values })],
  });

  it.each<[string, Partial<EngineCoreOutputs>]>([
    ['outputs of engine 7, which never reported', { engineIndex: 7, ...stats({}) }],
    ['outputs of engine -1, which never reported', { engineIndex: -1, ...stats({}) }],
    ['num_running_reqs: expected at least 0, got -1', stats({ numRunningReqs: -1 })],
    ['kv_cache_usage: expected a finite number, got NaN', stats({ kvCacheUsage: Number.NaN })],
    ['timestamp: expected a finite number, got Infinity', { timestamp: Infinity, ...stats({}) }],
    ['new_token_ids: expected at least 0, got -5', output({ newTokenIds: [1, -5] })],
    [
      'the length of EngineCoreOutput.new_token_ids: expected at most',
      output({ newTokenIds: new Array<number>(1_000_000).fill(1) }),
    ],
  ])('cost that message: %s', async (words, outputs) => {
    const { logger, warnings } = recordingLogger();
    const { client, engines } = await createClient({ logger });
    const seen: EngineCoreOutputs[] = [];
    client.onOutputs((one) => seen.push(one));
    engines[0]?.send(outputs);
    engines[0]?.send(stats({ numRunningReqs: 3 }));
    await messagesArrived();
    expect(seen.map(({ schedulerStats }) => schedulerStats?.numRunningReqs)).toEqual([3]);
    expect(client.badFrameCount).toBe(1);
    expect(JSON.stringify(warnings)).toContain(words);
  });
});

describe('frames that cannot be used', () => {
  it('cost that message only', async () => {
    const { logger, warnings } = recordingLogger();
    const { client, engines } = await createClient({ logger });
    const seen: EngineCoreOutputs[] = [];
    client.onOutputs((outputs) => seen.push(outputs));
    const garbage = [[Buffer.from('garbage')], [Buffer.alloc(0)], [], [Buffer.from([0x93, 1])]];
    for (const frames of garbage) engines[0]?.sendFrames(frames);
    engines[0]?.sendOnInput([Buffer.from('a second ready response')]);
    engines[0]?.send({ outputs: [createEngineCoreOutput({ requestId: 'a', newTokenIds: [5] })] });
    await messagesArrived();
    await messagesArrived();
    expect(client.badFrameCount).toBe(garbage.length + 1);
    expect(client.isEngineDead).toBe(false);
    expect(warnings.map(([what]) => (what as { socket: string }).socket).sort()).toEqual([
      'input',
      ...garbage.map(() => 'output'),
    ]);
    expect(warnings).toContainEqual([
      { socket: 'input', err: 'engine 0 sent more than its ready response' },
      DROPPED_MESSAGE,
    ]);
  });

  it('are counted apart where they answer no call', async () => {
    const { logger, warnings } = recordingLogger();
    const { client, engines } = await createClient({ logger });
    const seen: EngineCoreOutputs[] = [];
    client.onOutputs((outputs) => seen.push(outputs));
    engines[0]?.send({ utilityOutput: { callId: 9, failureMessage: null, result: 1 } });
    await messagesArrived();
    expect(warnings).toEqual([
      [{ socket: 'output', err: 'answer to no call: 9' }, DROPPED_MESSAGE],
    ]);
    expect(seen).toEqual([]);
    expect([client.badFrameCount, client.unclaimedAnswerCount]).toEqual([0, 1]);
  });
});

describe('outputs before anybody takes them', () => {
  it('wait in order', async () => {
    const { client, engines } = await createClient({ onInput: answerUtility });
    for (const requestId of ['a', 'b']) {
      engines[0]?.send({ outputs: [createEngineCoreOutput({ requestId })] });
    }
    await client.callUtility(0, 'is_sleeping', []);
    const ids: string[] = [];
    client.onOutputs(({ outputs }) => ids.push(...outputs.map(({ requestId }) => requestId)));
    expect(ids).toEqual(['a', 'b']);
  });
});

describe('a message of an engine', () => {
  it('is handed on when it brings outputs or stats, and only then', async () => {
    const { client, engines } = await createClient();
    const seen: EngineCoreOutputs[] = [];
    client.onOutputs((outputs) => seen.push(outputs));
    engines[0]?.send({ finishedRequests: ['a'] });
    engines[0]?.send({ outputs: [createEngineCoreOutput({ requestId: 'a' })] });
    engines[0]?.send({ schedulerStats: createSchedulerStats({ numRunningReqs: 3 }) });
    await messagesArrived();
    expect(
      seen.map(({ outputs, schedulerStats }) => [outputs.length, schedulerStats?.numRunningReqs]),
    ).toEqual([
      [1, undefined],
      [0, 3],
    ]);
  });
});

describe('the sockets of a client', () => {
  it('wait for nothing when they close, and have no identity of their own', async () => {
    const transport = createInMemoryTransport();
    const opened: unknown[] = [];
    const recording: Transport = {
      ...transport,
      bindRouter: (address, options) => {
        opened.push(['ROUTER', address, options]);
        return transport.bindRouter(address, options);
      },
      bindPull: (address, options) => {
        opened.push(['PULL', address, options]);
        return transport.bindPull(address, options);
      },
      connectXSub: (address, options) => {
        opened.push(['XSUB', address, options]);
        return transport.connectXSub(address, options);
      },
    };
    const client = await bindClient({ transport: recording });
    client.subscribeToCoordinator('ipc:///stats');
    expect(opened).toEqual([
      ['ROUTER', 'ipc:///input', { name: 'input', lingerMs: 0, handover: false }],
      ['PULL', 'ipc:///output', { name: 'output', lingerMs: 0 }],
      ['XSUB', 'ipc:///stats', { name: 'frontend_stats_publish', lingerMs: 0, identity: null }],
    ]);
    await client.close();
    const next = await bindClient({ transport });
    open.push(next);
    expect(next.addresses).toEqual({ input: 'ipc:///input', output: 'ipc:///output' });
  });
});

describe('a client that cannot bind its second socket', () => {
  it('gives the first one back', async () => {
    const transport = createInMemoryTransport();
    const taken = await transport.bindPull('ipc:///output', { lingerMs: 0 });
    open.push(taken);
    await expect(bindClient({ transport })).rejects.toThrow('Address already in use');
    const input = await transport.bindRouter('ipc:///input', { lingerMs: 0, handover: false });
    open.push(input);
    expect(input.address).toBe('ipc:///input');
  });
});

describe('ready responses', () => {
  it('make the engines known by rank and by arrival once all are there', async () => {
    const transport = createInMemoryTransport();
    const client = await bindClient({ transport, engineRanks: [0, 1] });
    const engines = [1, 0].map((rank) => new FakeEngine({ transport, rank }));
    open.push(client, ...engines);
    const { input, output } = client.addresses;
    engines[0]?.connect({ inputs: [input], outputs: [output] });
    await messagesArrived();
    expect(client.missingRanks).toEqual([0]);
    expect([...client.engines.keys()]).toEqual([]);
    engines[1]?.connect({ inputs: [input], outputs: [output] });
    await client.waitUntilReady();
    expect(client.missingRanks).toEqual([]);
    expect([...client.engines.keys()]).toEqual([0, 1]);
    expect([...client.enginesByArrival.keys()]).toEqual([1, 0]);
    await client.waitUntilReady();
  });

  it('that break a rule end the start for who asks only afterwards too', async () => {
    const transport = createInMemoryTransport();
    const client = await bindClient({ transport, engineRanks: [0, 1] });
    const engine = new FakeEngine({ transport, rank: 5 });
    open.push(client, engine);
    engine.connect({ inputs: [client.addresses.input], outputs: [] });
    await messagesArrived();
    expect(client.badFrameCount).toBe(0);
    await expect(client.waitUntilReady()).rejects.toMatchObject({
      code: 'E_HANDSHAKE',
      message: 'Ready response from engine with unexpected data parallel rank: 5',
    });
  });

  it('of a rank that is not expected end the start', async () => {
    const transport = createInMemoryTransport();
    const client = await bindClient({ transport, engineRanks: [0, 1] });
    const engine = new FakeEngine({ transport, rank: 5 });
    open.push(client, engine);
    const ready = client.waitUntilReady();
    engine.connect({ inputs: [client.addresses.input], outputs: [] });
    await expect(ready).rejects.toMatchObject({ code: 'E_HANDSHAKE' });
    expect(client.missingRanks).toEqual([0, 1]);
  });

  it.each([
    [[Buffer.from('hello')], 'expected a map, EngineCoreReadyResponse, got an int'],
    [[Buffer.from([0xc1])], 'EngineCoreReadyResponse'],
    [[Buffer.from([0x80])], 'expected the required field max_model_len'],
  ])('that cannot be read end the start with what is wrong: %j', async (frames, reason) => {
    const transport = createInMemoryTransport();
    const client = await bindClient({ transport, engineRanks: [3] });
    const engine = transport.connectDealer(client.addresses.input, {
      lingerMs: 0,
      identity: identityFromEngineIndex(3),
    });
    open.push(client, engine);
    engine.send(frames);
    const failure = await client.waitUntilReady().catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'E_HANDSHAKE' });
    expect(String(failure)).toContain('The ready response of engine 3 cannot be decoded');
    expect(String(failure)).toContain(reason);
  });
});

interface WireSample {
  readonly name: string;
  readonly kind: string;
  readonly frames: readonly string[];
}

describe("a real vLLM engine core's recorded frames", () => {
  const { samples }: { samples: readonly WireSample[] } = JSON.parse(
    readFileSync(new URL('../../../golden/wire.json', import.meta.url), 'utf8'),
  );
  const live = samples.filter(({ name }) => name.startsWith('live/dp1/'));
  const framesOf = (sample: WireSample) => sample.frames.map((hex) => Buffer.from(hex, 'hex'));

  it('make an engine that the client takes every message of', async () => {
    const transport = createInMemoryTransport();
    const client = await bindClient({ transport, engineRanks: [0] });
    const input = transport.connectDealer(client.addresses.input, {
      lingerMs: 0,
      identity: identityFromEngineIndex(0),
    });
    const output = transport.connectPush(client.addresses.output, { lingerMs: 0 });
    open.push(client, input, output);
    const ready = live.find(({ kind }) => kind === 'EngineCoreReadyResponse');
    input.send(framesOf(ready!).slice(1));
    await client.waitUntilReady();

    const seen: EngineCoreOutputs[] = [];
    client.onOutputs((outputs) => seen.push(outputs));
    const outputs = live.filter(({ kind }) => kind === 'OUTPUT');
    expect(outputs.length).toBeGreaterThan(30);
    for (const sample of outputs) output.send(framesOf(sample));
    const ids = new Set<string>();
    await messagesArrived();
    for (const { outputs: of } of seen) for (const { requestId } of of) ids.add(requestId);
    expect(client.badFrameCount).toBe(0);
    expect(ids.size).toBeGreaterThan(5);
  });
});
