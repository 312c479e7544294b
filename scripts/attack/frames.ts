/**
 * Hostile peers at every socket: an engine that joined and then sends what cannot be read, cannot be, or is too much; strangers
 * by the hundred; a frontend that does the same to a real engine. Each message may cost itself, nothing else.
 */
import { randomBytes } from 'node:crypto';
import { Prng } from '../../src/shared/prng.ts';
import { createEngineCoreOutput } from '../../src/shared/protocol/defaults.ts';
import type { EngineHandshakeMetadata } from '../../src/shared/protocol/handshake.ts';
import { identityFromEngineIndex } from '../../src/shared/protocol/identity.ts';
import { SUBSCRIBE_ALL } from '../../src/shared/protocol/messages/coordinator-messages.ts';
import { FinishReason } from '../../src/shared/protocol/outputs.ts';
import type { Closable, PushSocket, XSubSocket } from '../../src/shared/transport/transport.ts';
import { createZmqTransport } from '../../src/shared/transport/zmq.ts';
import { createTestRequest } from '../../test/support/engine.ts';
import { EngineProcesses } from '../../test/support/engine-processes.ts';
import { FakeEngine } from '../../test/support/fake-engine.ts';
import { freePorts } from '../../test/support/free-ports.ts';
import { TINYMODEL, Twin } from '../../test/support/twin.ts';
import { waitUntil } from '../../test/support/wait-for.ts';
import { wireCodec } from '../../test/support/wire-codec.ts';
import { hostileOutputs, largeFrame, mutated, randomFrames } from './hostile-frames.ts';
import type { AttackOptions } from './overload.ts';
import { childrenOf, isAlive, peakMegabytes } from './processes.ts';

const BURST = 500;
const STRANGERS = 200;
const HOSTILE_RANK = 1;
const LINGER = { lingerMs: 0 };

/** Prints its figures. Throws where something died, was lost, or is left behind. */
export async function run({ seed, seconds }: AttackOptions): Promise<void> {
  const prng = new Prng(seed);
  await attackFrontend(prng, (seconds * 1000) / 2, seed);
  await attackEngine(prng, (seconds * 1000) / 2, seed);
}

/** An engine that joins as it should, answers each request with one token, and is a foe besides. */
class HostileEngine {
  readonly #transport = createZmqTransport();
  readonly #closables: Closable[] = [];
  readonly #prng: Prng;
  readonly #requestIds: string[] = [];
  readonly #engine: FakeEngine;
  #metadata: EngineHandshakeMetadata | null = null;
  #coordinatorOutput: PushSocket | null = null;
  #subscriptions: XSubSocket[] = [];
  numFrames = 0;

  constructor(prng: Prng) {
    this.#prng = prng;
    this.#engine = new FakeEngine({
      transport: this.#transport,
      rank: HOSTILE_RANK,
      readyResponse: { dataParallelSize: 2 },
      onInput: (input, engine) => {
        if (input.type !== 'ADD') return;
        const { requestId } = input.request;
        this.#requestIds.push(requestId);
        if (this.#requestIds.length > BURST) this.#requestIds.shift();
        const finishReason = FinishReason.LENGTH;
        engine.send({
          outputs: [createEngineCoreOutput({ requestId, newTokenIds: [5], finishReason })],
          finishedRequests: [requestId],
        });
      },
    });
    this.#closables.push(this.#engine);
  }

  async join(handshakeAddress: string): Promise<void> {
    const transport = this.#transport;
    const place = { local: false, headless: true };
    const metadata = await this.#engine.shakeHands(handshakeAddress, place);
    this.#metadata = metadata;
    const { coordinatorInput, coordinatorOutput, frontendStatsPublishAddress } = metadata.addresses;
    if (coordinatorInput === null || coordinatorOutput === null) return;
    this.#coordinatorOutput = transport.connectPush(coordinatorOutput, LINGER);
    const addresses = [coordinatorInput, frontendStatsPublishAddress ?? coordinatorInput];
    this.#subscriptions = addresses.map((address) =>
      transport.connectXSub(address, { ...LINGER, identity: null }),
    );
    this.#subscriptions[0]?.send([SUBSCRIBE_ALL]);
    this.#closables.push(this.#coordinatorOutput, ...this.#subscriptions);
  }

  burst(): void {
    const target = { requestIds: this.#requestIds, rank: HOSTILE_RANK };
    for (let i = 0; i < BURST; i++) {
      this.#engine.sendFrames(hostileOutputs(this.#prng, target));
      this.#coordinatorOutput?.send(hostileOutputs(this.#prng, target));
      this.#engine.sendOnInput(randomFrames(this.#prng));
      for (const subscription of this.#subscriptions)
        subscription.send([Buffer.concat([Buffer.of(this.#prng.nextBelow(3)), randomBytes(8)])]);
      this.numFrames += 3 + this.#subscriptions.length;
    }
  }

  large(): void {
    this.#engine.sendFrames([largeFrame(this.#prng)]);
    this.#coordinatorOutput?.send([largeFrame(this.#prng)]);
    this.numFrames += 2;
  }

  /** Strangers that say something and go. */
  async strangers(): Promise<void> {
    const sockets = Array.from({ length: STRANGERS }, () => {
      const identity = randomBytes(1 + this.#prng.nextBelow(40));
      // ZeroMQ keeps those that begin with a zero for itself.
      identity[0] = 1 + this.#prng.nextBelow(255);
      const address = this.#metadata?.addresses.inputs[0] ?? '';
      const socket = this.#transport.connectDealer(address, { lingerMs: 500, identity });
      socket.send(randomFrames(this.#prng));
      return socket;
    });
    this.numFrames += sockets.length;
    await Promise.all(sockets.map((socket) => socket.close()));
  }

  async close(): Promise<void> {
    await Promise.all(this.#closables.map((socket) => socket.close()));
  }
}

async function attackFrontend(prng: Prng, durationMs: number, seed: number): Promise<void> {
  const [port] = await freePorts(1);
  const ranks = ['--data-parallel-size', '2', '--data-parallel-size-local', '1'];
  const place = ['--data-parallel-address', '127.0.0.1', '--data-parallel-rpc-port', `${port}`];
  const words = ['--served-model-name', 'tiny', '--port', '0', '--max-model-len', '1024'];
  const twin = new Twin(['serve', TINYMODEL, ...ranks, ...place, ...words, '--log-format', 'json']);
  const hostile = new HostileEngine(prng);
  try {
    await hostile.join(`tcp://127.0.0.1:${port}`);
    const url = await twin.url();
    const pids = childrenOf(twin.pid);
    const deadline = performance.now() + durationMs;
    const statuses = new Map<string, number>();
    for (let step = 0; performance.now() < deadline && twin.exit === null; step++) {
      hostile.burst();
      if (step % 10 === 5) await hostile.strangers();
      if (step % 40 === 20) hostile.large();
      for (const rank of [0, HOSTILE_RANK]) {
        const key = `rank ${rank}: ${await complete(url, rank)}`;
        statuses.set(key, (statuses.get(key) ?? 0) + 1);
      }
    }
    const { status } = await fetch(`${url}/health`);
    const peaks = [twin.pid, ...pids].map(peakMegabytes);
    const numLines = twin.log.split('\n').length;
    const dead = pids.filter((pid) => !isAlive(pid));
    const exit = await twin.stop();
    console.log(
      `frames at a frontend and its coordinator: seed ${seed}, ${hostile.numFrames} hostile messages, ` +
        `requests ${JSON.stringify([...statuses])}, /health ${status}, ${numLines} log lines, peak MB ${peaks.join(' + ')}`,
    );
    const isServed = [...statuses.keys()].every(
      (key) => !key.startsWith('rank 0') || key.endsWith('200'),
    );
    const survivors = pids.filter(isAlive);
    const faults = [
      ...(isServed ? [] : [`the honest engine's requests: ${JSON.stringify([...statuses])}`]),
      ...(status === 200 ? [] : [`/health ${status}`]),
      ...(dead.length === 0 ? [] : [`${dead.length} processes died`]),
      ...(survivors.length === 0 ? [] : [`survivors: ${survivors.join(', ')}`]),
      ...(exit.code === 0 ? [] : [`ended with ${exit.code ?? exit.signal}`]),
    ];
    if (faults.length > 0)
      throw new Error(`frames, seed ${seed}:\n${faults.join('\n')}\n${twin.log.slice(-3_000)}`);
  } finally {
    await Promise.all([twin.stop(), hostile.close()]);
  }
}

/** The status of a small request to one rank, or why there is none. */
async function complete(url: string, rank: number): Promise<string> {
  try {
    const response = await fetch(`${url}/v1/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-data-parallel-rank': `${rank}` },
      body: JSON.stringify({ model: 'tiny', prompt: [1, 2, 3], max_tokens: 2 }),
      signal: AbortSignal.timeout(30_000),
    });
    await response.text();
    return String(response.status);
  } catch (error) {
    return String(error);
  }
}

async function attackEngine(prng: Prng, durationMs: number, seed: number): Promise<void> {
  const processes = new EngineProcesses();
  const [events, replay] = await freePorts(2);
  const kvEvents = JSON.stringify({
    enable_kv_cache_events: true,
    publisher: 'zmq',
    endpoint: `tcp://127.0.0.1:${events}`,
    replay_endpoint: `tcp://127.0.0.1:${replay}`,
  });
  let numFrames = 0;
  let numFinished = 0;
  try {
    const frontend = await processes.frontend(1);
    const twin = processes.start(frontend, 1, ['--kv-events-config', kvEvents]);
    await frontend.allReady();
    const pids = childrenOf(twin.pid);
    const replayer = processes.transport.connectDealer(`tcp://127.0.0.1:${replay}`, {
      ...LINGER,
      identity: identityFromEngineIndex(77),
    });
    processes.closables.push(replayer);
    replayer.onMessage(() => {});
    const deadline = performance.now() + durationMs;
    for (let step = 0; performance.now() < deadline && twin.exit === null; step++) {
      for (let i = 0; i < BURST; i++) {
        frontend.sendFrames(0, hostileInput(prng));
        replayer.send(randomFrames(prng));
      }
      if (step % 40 === 20) frontend.sendFrames(0, [Buffer.of(0), largeFrame(prng)]);
      numFrames += 2 * BURST;
      const request = createTestRequest({ requestId: `good ${step}` });
      frontend.send(0, { type: 'ADD', request });
      await frontend.finished(request.requestId);
      numFinished += 1;
      // What was heard so far is of no more use.
      frontend.outputs.length = 0;
    }
    const peaks = pids.map(peakMegabytes);
    const numLines = twin.log.split('\n').length;
    const dead = pids.filter((pid) => !isAlive(pid));
    await twin.stop();
    console.log(
      `frames at an engine: seed ${seed}, ${numFrames} hostile messages, ${numFinished} good requests finished, ` +
        `${numLines} log lines, peak MB ${peaks.join(' + ')}`,
    );
    if (dead.length > 0 || numFinished === 0)
      throw new Error(`frames, seed ${seed}: an engine died\n${twin.log.slice(-3_000)}`);
    await waitUntil('the engines to be gone', async () => !pids.some(isAlive));
  } finally {
    await processes.close();
  }
}

const GOOD_INPUTS = [
  () => ({ type: 'ADD' as const, request: createTestRequest() }),
  () => ({ type: 'ABORT' as const, requestIds: ['nobody'] }),
  () => ({
    type: 'UTILITY' as const,
    call: { clientIndex: 0, callId: 7, method: 'is_sleeping', args: [] },
  }),
];

function hostileInput(prng: Prng) {
  if (prng.nextBelow(8) === 0) return randomFrames(prng);
  const input = GOOD_INPUTS[prng.nextBelow(GOOD_INPUTS.length)]?.();
  return input === undefined ? [] : mutated(wireCodec.encodeEngineInput(input), prng);
}
