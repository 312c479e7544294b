/** The proxy over real sockets, between a frontend's and an engine's bare ones. */
import { createServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import {
  addressesOfInit,
  addressesOfReadyResponse,
  replaceAddresses,
} from '../../../../../src/shared/tap/proxy/addresses.ts';
import { toRawFrame } from '../../../../../src/shared/tap/raw-frame.ts';
import { createZmqTransport } from '../../../../../src/shared/transport/zmq.ts';
import { ProxiedPair } from '../../../../support/proxied-pair.ts';
import { createReadyResponse } from '../../../../support/ready-response.ts';
import { waitFor } from '../../../../support/wait-for.ts';
import { wireCodec } from '../../../../support/wire-codec.ts';

const pairs: ProxiedPair[] = [];
afterEach(async () => {
  await Promise.all(pairs.splice(0).map((pair) => pair.close()));
});

function newPair(): ProxiedPair {
  const pair = new ProxiedPair(createZmqTransport());
  pairs.push(pair);
  return pair;
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const SUBSCRIBE = Uint8Array.of(1);

/** Messages of several parts, empty ones and every byte among them. */
const MESSAGES: readonly (readonly Buffer[])[] = [
  [Buffer.of(0), Buffer.from('an ADD'), Buffer.alloc(100_000, 7)],
  [Buffer.of(3), Buffer.alloc(0)],
  [Buffer.from(Array.from({ length: 256 }, (_, i) => i))],
  [Buffer.from('ENGINE_CORE_DEAD')],
];
const SENT = MESSAGES.map((parts) => parts.map(hex));

describe('the tap between a frontend of two API servers and two engines', () => {
  it('passes all sockets byte for byte, but for the addresses in INIT and the ready response', async () => {
    const pair = newPair();
    const frontend = await pair.frontend(2);
    await pair.startProxy(frontend.handshake.address);
    const engines = [await pair.engine(0, frontend), await pair.engine(1, frontend)];
    const hello = hex(
      wireCodec.encodeHandshakeMessage({ status: 'HELLO', local: false, headless: true })[0] ??
        Buffer.of(),
    );
    expect(frontend.seen['handshake']).toEqual([
      ['0000', hello],
      ['0100', hello],
    ]);
    for (const { told, slots } of engines) {
      expect(slots.map(({ name, index }) => [name, index])).toEqual(
        addressesOfInit(frontend.init).map(({ name, index }) => [name, index]),
      );
      for (const { address } of slots) expect(address).toMatch(/^tcp:\/\/127\.0\.0\.1:\d+$/);
      const originals = addressesOfInit(frontend.init).map(({ address }) => address);
      const back = replaceAddresses(told, slots, (slot) => originals[slots.indexOf(slot)] ?? null);
      expect(hex(back)).toBe(hex(frontend.init));
    }

    for (const engine of engines) {
      for (const input of engine.inputs) input.send([engine.ready]);
      engine.coordinatorInput.send([SUBSCRIBE]);
    }
    await waitFor('ready responses', () => frontend.seen['input 1']?.length === 2);
    const [answered = ''] = frontend.seen['input 1']?.map(([, response = '']) => response) ?? [];
    const { frontendStatsPublishAddress, coordinatorInput, coordinatorOutput } = frontend.addresses;
    const asFromFrontend = createReadyResponse({
      dpStatsAddress: frontendStatsPublishAddress,
      coordinatorInputAddress: coordinatorInput,
      coordinatorOutputAddress: coordinatorOutput,
    });
    expect(answered).toBe(hex(wireCodec.encodeReadyResponse(asFromFrontend)[0] ?? Buffer.of()));
    // A coordinator waits for as many subscriptions as there are engines.
    await waitFor('subscriptions', () => frontend.seen['coordinator_input']?.length === 2);
    expect(frontend.seen['coordinator_input']).toEqual([['01'], ['01']]);

    const [first, second] = engines;
    for (const parts of MESSAGES) {
      for (const engine of engines) {
        for (const input of frontend.inputs) input.sendTo(engine.identity, [...parts]);
        for (const output of engine.outputs) output.send([...parts]);
      }
      first?.coordinatorOutput.send([...parts]);
      frontend.coordinatorInput.send([...parts]);
    }
    await waitFor(
      'all of it',
      () =>
        [first?.seen, second?.seen].every((seen) => seen?.['input 1']?.length === 4) &&
        frontend.seen['output 0']?.length === 8 &&
        frontend.seen['output 1']?.length === 8 &&
        frontend.seen['coordinator_output']?.length === 4 &&
        second?.seen['coordinator_input']?.length === 4,
    );
    for (const { seen } of engines)
      for (const name of ['input 0', 'input 1', 'coordinator_input'])
        expect(seen[name], name).toEqual(SENT);
    expect(frontend.seen['coordinator_output']).toEqual(SENT);
    const twice = [...SENT, ...SENT].map(String).sort();
    expect(frontend.seen['output 0']?.map(String).sort()).toEqual(twice);
  });

  it('shows each frame once, and those that it changes as they came and as they went on', async () => {
    const pair = newPair();
    const frontend = await pair.frontend();
    await pair.startProxy(frontend.handshake.address);
    const engine = await pair.engine(1, frontend);
    engine.inputs[0]?.send([engine.ready]);
    await waitFor('the ready response', () => frontend.seen['input 0']?.length === 1);
    engine.handshake.send(
      wireCodec.encodeHandshakeMessage({ status: 'READY', local: false, headless: true }),
    );
    await waitFor('READY', () => frontend.seen['handshake']?.length === 2);
    const shown = pair.frames.map(toRawFrame);
    expect(
      shown.map(({ type, socket_type, direction, peer }) => [type, socket_type, direction, peer]),
    ).toEqual([
      ['HELLO', 'ROUTER', 'receive', 1],
      ['INIT', 'DEALER', 'receive', null],
      ['INIT', 'ROUTER', 'send', 1],
      ['EngineCoreReadyResponse', 'ROUTER', 'receive', 1],
      ['EngineCoreReadyResponse', 'DEALER', 'send', null],
      ['READY', 'ROUTER', 'receive', 1],
    ]);
    const bytesOf = (index: number): Buffer => Buffer.from(shown[index]?.parts[0] ?? '', 'base64');
    expect(hex(bytesOf(1))).toBe(hex(frontend.init));
    expect(hex(bytesOf(2))).toBe(hex(engine.told));
    expect(addressesOfReadyResponse(bytesOf(3)).map(({ address }) => address)).toContain(
      engine.publish,
    );
    expect(addressesOfReadyResponse(bytesOf(4)).map(({ address }) => address)).toContain(
      frontend.addresses.frontendStatsPublishAddress,
    );
    expect(pair.proxy?.stages).toEqual(['READY']);
  });

  it('passes what the coordinator publishes for frontends to whoever heard of it from an engine', async () => {
    const pair = newPair();
    const transport = createZmqTransport();
    const frontend = await pair.frontend();
    await pair.startProxy(frontend.handshake.address);
    const { publish } = await pair.engine(0, frontend);
    const subscriber = pair.keep(transport.connectXSub(publish, { lingerMs: 0, identity: null }));
    const heard: string[][] = [];
    subscriber.onMessage((frames) => heard.push(frames.map(hex)));
    subscriber.send([SUBSCRIBE]);
    await waitFor('the subscription', () => frontend.seen['stats']?.length === 1);
    frontend.stats.send([Buffer.from('counts')]);
    subscriber.send([Buffer.from('SCALE')]);
    await waitFor('both', () => heard.length === 1 && frontend.seen['stats']?.length === 2);
    expect(heard).toEqual([[hex(Buffer.from('counts'))]]);
    expect(frontend.seen['stats']).toEqual([['01'], [hex(Buffer.from('SCALE'))]]);
  });
});

describe('the tap at an IPv6 address', () => {
  it('tells engines that address, whatever the frontend has', async () => {
    const pair = newPair();
    const frontend = await pair.frontend();
    const { address } = await pair.startProxy(frontend.handshake.address, '[::1]');
    expect(address).toMatch(/^tcp:\/\/\[::1\]:\d+$/);
    const engine = await pair.engine(0, frontend);
    for (const slot of engine.slots) expect(slot.address).toMatch(/^tcp:\/\/\[::1\]:\d+$/);
    engine.inputs[0]?.send([engine.ready]);
    engine.outputs[0]?.send([Buffer.from('outputs')]);
    await waitFor(
      'both',
      () => frontend.seen['input 0']?.length === 1 && frontend.seen['output 0']?.length === 1,
    );
  });
});

describe('sides that come and go', () => {
  it('an engine that goes is gone for the frontend, and one of its rank that comes takes its place', async () => {
    const pair = newPair();
    const frontend = await pair.frontend();
    await pair.startProxy(frontend.handshake.address);
    const first = await pair.engine(0, frontend);
    first.inputs[0]?.send([first.ready]);
    await waitFor('the first', () => frontend.seen['input 0']?.length === 1);
    await first.leave();
    await waitFor('its end', () => pair.log.includes('EngineCore_DP0 is gone'));
    const second = await pair.engine(0, frontend);
    expect(pair.log).toContain('EngineCore_DP0 says HELLO again: it is taken for a new one');
    second.inputs[0]?.send([second.ready]);
    await waitFor('the second', () => frontend.seen['input 0']?.length === 2);
    frontend.inputs[0]?.sendTo(second.identity, [Buffer.from('for the second')]);
    await waitFor('its message', () => second.seen['input 0']?.length === 1);
    expect(pair.proxy?.stages).toEqual(['CONNECTED']);
    expect(pair.proxy?.isDeserted).toBe(false);
  });

  it('a frontend that goes is gone for the engine; both gone, it is deserted', async () => {
    const pair = newPair();
    const frontend = await pair.frontend();
    await pair.startProxy(frontend.handshake.address);
    const engine = await pair.engine(0, frontend);
    const connected: boolean[] = [];
    engine.inputs[0]?.onConnection((isConnected) => connected.push(isConnected));
    engine.inputs[0]?.send([engine.ready]);
    await waitFor('the engine', () => frontend.seen['input 0']?.length === 1);
    await Promise.all([frontend.inputs[0]?.close(), frontend.outputs[0]?.close()]);
    await waitFor('the end of its connection', () => connected.at(-1) === false);
    expect(pair.log.join('\n')).toMatch(/The frontend at ipc:.* is gone; EngineCore_DP0 loses/);
    expect(pair.proxy?.isDeserted).toBe(false);
    await engine.leave();
    await waitFor('the end of both', () => pair.proxy?.isDeserted === true);
  });

  it('nobody at the upstream address is said after some seconds', async () => {
    const pair = newPair();
    const frontend = await pair.frontend();
    const free = createServer();
    await new Promise<void>((resolve) => free.listen(0, '127.0.0.1', () => resolve()));
    const { port } = free.address() as { port: number };
    await new Promise((resolve) => free.close(resolve));
    await pair.startProxy(`tcp://127.0.0.1:${port}`);
    void frontend;
    const dealer = pair.keep(
      createZmqTransport().connectDealer(pair.proxy?.address ?? '', {
        lingerMs: 0,
        identity: Uint8Array.of(3, 0),
      }),
    );
    dealer.send(
      wireCodec.encodeHandshakeMessage({ status: 'HELLO', local: false, headless: true }),
    );
    await waitFor('words', () => pair.log.length === 2);
    expect(pair.log[1]).toMatch(
      new RegExp(`^Nobody answers at 127.0.0.1:${port}, where EngineCore_DP3 says HELLO`),
    );
  });
});

describe('back pressure', () => {
  const NUM = 30_000;

  it('holds up a frontend whose engine does not read, and loses nothing', async () => {
    const pair = newPair();
    const frontend = await pair.frontend();
    await pair.startProxy(frontend.handshake.address);
    const engine = await pair.engine(0, frontend, 10);
    let release: () => void = () => {};
    engine.inputs[0]?.hold(new Promise((resolve) => (release = resolve)));
    engine.inputs[0]?.send([engine.ready]);
    await waitFor('the ready response', () => frontend.seen['input 0']?.length === 1);
    const numBefore = pair.frames.length;
    const payload = Buffer.alloc(2_000);
    for (let i = 0; i < NUM; i++) {
      const parts = [Buffer.of(0), Buffer.from(`${i}`), payload];
      frontend.inputs[0]?.sendTo(engine.identity, parts, 'own');
    }
    let numSeen = 0;
    let sinceMs = performance.now();
    await waitFor('the way to be full', () => {
      if (pair.frames.length !== numSeen) sinceMs = performance.now();
      numSeen = pair.frames.length;
      return numSeen > numBefore && performance.now() - sinceMs > 500;
    });
    // What the queues on the way and the system's own buffers hold, the rest waits with the frontend.
    expect(numSeen - numBefore).toBeLessThan(NUM / 2);
    release();
    await waitFor('all of it', () => engine.seen['input 0']?.length === NUM);
    expect(pair.frames.length - numBefore).toBe(NUM);
    const numbers = engine.seen['input 0']?.map(([, i = '']) => Number(Buffer.from(i, 'hex')));
    expect(numbers).toEqual(Array.from({ length: NUM }, (_, i) => i));
  });
});
