import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { MultiProcessClient } from '../../../../src/frontend/engine-client/multi-process-client.ts';
import { TwinError } from '../../../../src/shared/errors.ts';
import { silentLogger } from '../../../../src/shared/logger.ts';
import {
  createEngineCoreOutput,
  createEngineCoreRequest,
  createSamplingParams,
  createSchedulerStats,
} from '../../../../src/shared/protocol/defaults.ts';
import { identityFromEngineIndex } from '../../../../src/shared/protocol/identity.ts';
import type { EngineCoreOutputs } from '../../../../src/shared/protocol/outputs.ts';
import type { EngineInput } from '../../../../src/shared/protocol/request.ts';
import { createInMemoryTransport } from '../../../../src/shared/transport/in-memory.ts';
import type { Closable } from '../../../../src/shared/transport/transport.ts';
import { FakeEngine, type FakeEngineOptions } from '../../../support/fake-engine.ts';
import { waitFor } from '../../../support/wait-for.ts';
import { wireCodec } from '../../../support/wire-codec.ts';

const { encodeCoordinatorUpdate } = wireCodec;

const open: Closable[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((closable) => closable.close()));
});

async function createClient({
  ranks = [0],
  isLoadBalancing = ranks.length > 1,
  onInput,
}: {
  ranks?: readonly number[];
  isLoadBalancing?: boolean;
  onInput?: FakeEngineOptions['onInput'];
} = {}) {
  const transport = createInMemoryTransport();
  const client = await MultiProcessClient.bind({
    codec: wireCodec,
    transport,
    addresses: { input: 'ipc:///input', output: 'ipc:///output' },
    engineRanks: ranks,
    isLoadBalancing,
    clientCount: 1,
    clientIndex: 0,
    logger: silentLogger(),
  });
  const engines = ranks.map(
    (rank) => new FakeEngine({ transport, rank, ...(onInput === undefined ? {} : { onInput }) }),
  );
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
    await waitFor('the request', () => engines[0]?.inputs.length === 1);
    expect(engines[0]?.inputs).toEqual([{ type: 'ADD', request }]);
  });

  it('goes to the rank that it asks for, and so does its abort', async () => {
    const { client, engines } = await createClient({ ranks: [0, 1, 2] });
    client.addRequest(createEngineCoreRequest({ requestId: 'a', dataParallelRank: 2 }));
    client.abortRequests(['a', 'unknown']);
    await waitFor('both messages', () => engines[2]?.inputs.length === 2);
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
    await waitFor('the stats', () => seen.length === 1);
    client.abortRequests(['a']);
    client.addRequest(createEngineCoreRequest({ requestId: 'b', dataParallelRank: 0 }));
    await waitFor('the next request', () => engines[0]?.inputs.length === 2);
    expect(engines[0]?.inputs.map(({ type }) => type)).toEqual(['ADD', 'ADD']);
  });
});

describe('the coordinator', () => {
  it("steers requests by the counts of this client's ranks, and sets their wave", async () => {
    const transport = createInMemoryTransport();
    const coordinator = await transport.bindXPub('ipc:///stats', { lingerMs: 0 });
    const subscriptions: number[] = [];
    coordinator.onMessage((frames) => subscriptions.push(frames[0]?.[0] ?? -1));
    const client = await MultiProcessClient.bind({
      codec: wireCodec,
      transport,
      addresses: { input: 'ipc:///input', output: 'ipc:///output' },
      engineRanks: [2, 3],
      isLoadBalancing: true,
      clientCount: 1,
      clientIndex: 0,
      logger: silentLogger(),
    });
    const engines = [2, 3].map((rank) => new FakeEngine({ transport, rank }));
    const { input, output } = client.addresses;
    for (const engine of engines) engine.connect({ inputs: [input], outputs: [output] });
    await client.waitUntilReady();
    open.push(client, coordinator, ...engines);

    client.subscribeToCoordinator('ipc:///stats');
    await waitFor('the subscription', () => subscriptions.length === 1);
    expect(subscriptions).toEqual([1]);
    coordinator.send(
      encodeCoordinatorUpdate({
        counts: [
          [9, 9, 1],
          [9, 9, 1],
          [3, 3, 0],
          [0, 1, 0],
        ],
        currentWave: 7,
        enginesRunning: true,
      }),
    );
    await waitFor('the wave', () => client.enginesRunning);
    const ranks = ['a', 'b'].map((requestId) =>
      client.addRequest(createEngineCoreRequest({ requestId })),
    );
    expect(ranks).toEqual([3, 3]);
    await waitFor('the requests', () => engines[1]?.inputs.length === 2);
    expect(engines[1]?.inputs[0]).toMatchObject({ type: 'ADD', request: { currentWave: 7 } });
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

describe('an engine that says that it dies', () => {
  it('is reported once, and every later call is refused', async () => {
    const { client, engines } = await createClient({ ranks: [0, 1] });
    const deaths: unknown[] = [];
    client.onEngineDead((...death) => deaths.push(death));
    expect(client.isEngineDead).toBe(false);
    engines[1]?.die();
    engines[0]?.die();
    await waitFor('the death', () => client.isEngineDead);
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

describe('frames that cannot be decoded', () => {
  it('cost that message only', async () => {
    const { client, engines } = await createClient();
    const seen: EngineCoreOutputs[] = [];
    client.onOutputs((outputs) => seen.push(outputs));
    const garbage = [[Buffer.from('garbage')], [Buffer.alloc(0)], [], [Buffer.from([0x93, 1])]];
    for (const frames of garbage) engines[0]?.sendFrames(frames);
    engines[0]?.sendOnInput([Buffer.from('a second ready response')]);
    engines[0]?.send({ outputs: [createEngineCoreOutput({ requestId: 'a', newTokenIds: [5] })] });
    await waitFor('the good message', () => seen.length === 1);
    await waitFor('the count', () => client.badFrameCount === garbage.length + 1);
    expect(client.isEngineDead).toBe(false);
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

describe('ready responses', () => {
  it('of a rank that is not expected end the start', async () => {
    const transport = createInMemoryTransport();
    const client = await MultiProcessClient.bind({
      codec: wireCodec,
      transport,
      addresses: { input: 'ipc:///input', output: 'ipc:///output' },
      engineRanks: [0, 1],
      isLoadBalancing: true,
      clientCount: 1,
      clientIndex: 0,
      logger: silentLogger(),
    });
    const engine = new FakeEngine({ transport, rank: 5 });
    open.push(client, engine);
    const ready = client.waitUntilReady();
    engine.connect({ inputs: [client.addresses.input], outputs: [] });
    await expect(ready).rejects.toMatchObject({ code: 'E_HANDSHAKE' });
    expect(client.missingRanks).toEqual([0, 1]);
  });

  it('that are garbage are dropped, and the right one still counts', async () => {
    const transport = createInMemoryTransport();
    const client = await MultiProcessClient.bind({
      codec: wireCodec,
      transport,
      addresses: { input: 'ipc:///input', output: 'ipc:///output' },
      engineRanks: [0],
      isLoadBalancing: false,
      clientCount: 1,
      clientIndex: 0,
      logger: silentLogger(),
    });
    const stranger = transport.connectDealer(client.addresses.input, {
      lingerMs: 0,
      identity: identityFromEngineIndex(9),
    });
    stranger.send([Buffer.from('no ready response')]);
    const engine = new FakeEngine({ transport, rank: 0 });
    open.push(client, engine, stranger);
    engine.connect({ inputs: [client.addresses.input], outputs: [] });
    await client.waitUntilReady();
    expect(client.badFrameCount).toBe(1);
    expect(client.engines.get(0)?.numGpuBlocks).toBe(1025);
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
    const client = await MultiProcessClient.bind({
      codec: wireCodec,
      transport,
      addresses: { input: 'ipc:///input', output: 'ipc:///output' },
      engineRanks: [0],
      isLoadBalancing: false,
      clientCount: 1,
      clientIndex: 0,
      logger: silentLogger(),
    });
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
    await waitFor('the last output', () => seen.length >= 20);
    for (const { outputs: of } of seen) for (const { requestId } of of) ids.add(requestId);
    expect(client.badFrameCount).toBe(0);
    expect(ids.size).toBeGreaterThan(5);
  });
});
