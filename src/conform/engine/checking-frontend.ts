/**
 * A frontend that looks instead of serving: it answers HELLO, has the sockets of two API servers and, for several engines,
 * those of a coordinator, keeps what it hears as it came, and sends any frames. It judges nothing.
 * Source: vllm/v1/engine/core_client.py MPClient, vllm/v1/engine/utils.py wait_for_engine_startup (0.33.0).
 */
import type { Clock } from '../../shared/clock.ts';
import { reasonOf } from '../../shared/errors.ts';
import type { EngineZmqAddresses } from '../../shared/protocol/handshake.ts';
import { engineIndexFromIdentity } from '../../shared/protocol/identity.ts';
import {
  EngineCoreRequestType,
  type EngineInput,
  type ExcludedEngine,
} from '../../shared/protocol/request.ts';
import type { WireTables } from '../../shared/protocol/struct-table.ts';
import type { WireCodec } from '../../shared/protocol/wire-codec.ts';
import { bytesOfParts } from '../../shared/tap/frame-bytes.ts';
import type { Timers } from '../../shared/timers.ts';
import type { Frame, Transport } from '../../shared/transport/transport.ts';
import { FrontendSockets } from './frontend-sockets.ts';
import {
  type Greeting,
  type Heard,
  type HeardAnswer,
  type HeardEngine,
  type HeardHandshake,
  type HeardOutput,
  type HeardOutputs,
  hexOfFrame,
} from './heard.ts';
import { readOutputsLeniently } from './read-outputs-leniently.ts';
import { Waiters } from './waiters.ts';

export interface CheckingFrontendOptions {
  readonly transport: Transport;
  readonly codec: WireCodec;
  readonly tables: WireTables;
  readonly clock: Clock;
  readonly timers: Timers;
  /** Where engines say HELLO; the other sockets are on any ports of that host. */
  readonly listenAddress: string;
  /** Engines that are expected: with more than one there is a coordinator. */
  readonly engineCount: number;
  /** Sent with INIT: vLLM's for data-parallel mixture-of-experts, else nothing. */
  readonly parallelConfig: Readonly<Record<string, unknown>>;
}

/** Messages of engines that are kept, and their bytes; what comes beyond them is counted only. */
const MAX_KEPT = 20_000;
const MAX_KEPT_BYTES = 128 * 1024 * 1024;
/** Messages that a copy of them is looked for among, and how large they may be. */
const MAX_LATELY = 64;
const MAX_COMPARED_BYTES = 16_384;
/** Engines that are answered, and subscriptions that are counted. */
const MAX_ENGINES = 1_024;
const MAX_HANDSHAKES = 4 * MAX_ENGINES;
/** Of one engine: HELLO that comes again and again keeps no READY out. */
const MAX_SAME_HANDSHAKES = 64;

export class CheckingFrontend {
  readonly handshakes: HeardHandshake[] = [];
  /** Engines that were sent INIT, and when. */
  readonly inits: { readonly identity: Frame; readonly n: number }[] = [];
  readonly greetings: Greeting[] = [];
  readonly outputs: HeardOutputs[] = [];
  readonly toCoordinator: HeardOutputs[] = [];
  /** Messages that came at one frontend's socket and again, byte for byte, at another's; they count once. */
  numCopies = 0;
  /** Where the last messages came, by their bytes. */
  readonly #lately = new Map<string, number>();
  readonly #ofRequest = new Map<string, HeardOutput[]>();
  readonly #ofCall = new Map<string, HeardAnswer[]>();
  readonly subscriptions: { readonly n: number; readonly frames: readonly Frame[] }[] = [];
  /** When the coordinator said READY; null before, or without one. */
  coordinatorReadyN: number | null = null;
  readonly #options: CheckingFrontendOptions;
  readonly #sockets: FrontendSockets;
  readonly #waiters: Waiters;
  /** How many handshake messages of one status came of an identity. */
  readonly #numSaid = new Map<string, number>();
  /** What runs, or comes next. */
  #wave = 0;
  #n = 0;
  #keptBytes = 0;

  private constructor(options: CheckingFrontendOptions, sockets: FrontendSockets) {
    this.#options = options;
    this.#waiters = new Waiters(options.timers);
    this.#sockets = sockets;
    sockets.listen({
      onHandshake: (identity, frames) => this.#onHandshake(identity, frames),
      onGreeting: (client, identity, frames) => {
        this.#keep(this.greetings, { client, identity, frames });
        this.#waiters.look();
      },
      onOutputs: (client, frames) => {
        if (client !== -1 && this.#isCopy(client, frames)) return;
        const to = client === -1 ? this.toCoordinator : this.outputs;
        const heard = this.#keep(to, { client, frames, ...this.#read(frames) });
        if (client === -1) this.#followWaves(heard);
        else if (to.at(-1) === heard) this.#index(heard);
        this.#waiters.look();
      },
      onSubscription: (frames) => this.#onSubscription(frames),
    });
  }

  /** Throws what the system says where an address cannot be bound. */
  static async start(options: CheckingFrontendOptions): Promise<CheckingFrontend> {
    const { transport, timers, listenAddress, engineCount } = options;
    const sockets = await FrontendSockets.bind(
      { transport, timers },
      listenAddress,
      engineCount > 1,
    );
    return new CheckingFrontend(options, sockets);
  }

  /** Where engines say HELLO. */
  get address(): string {
    return this.#sockets.handshakeAddress;
  }

  /** What INIT says. */
  get addresses(): EngineZmqAddresses {
    return this.#sockets.addresses;
  }

  get numClients(): number {
    return this.#sockets.addresses.inputs.length;
  }

  /**
   * Engines from which everything else is waited for: those of expected ranks, where they are all there. One too many is no
   * fault of theirs.
   */
  get awaited(): readonly Frame[] {
    const { engineCount } = this.#options;
    const all = this.inits.map(({ identity }) => identity);
    const expected = all.filter((identity) => {
      const rank = rankOf(identity);
      return rank !== null && rank < engineCount;
    });
    return expected.length === engineCount ? expected : all;
  }

  /** Engines that have greeted an input socket, lowest rank first. */
  get engines(): readonly HeardEngine[] {
    const known = new Map<string, HeardEngine>();
    for (const { identity } of this.greetings)
      known.set(hexOfFrame(identity), this.#engine(identity));
    return [...known.values()].sort((a, b) => (a.rank ?? 0) - (b.rank ?? 0));
  }

  /** A rank is what the handshake says too: an input socket alone can be called anything. */
  #engine(identity: Frame): HeardEngine {
    const rank = rankOf(identity);
    const isKnown = this.hasSaidHello(identity) || (rank ?? 0) < this.#options.engineCount;
    return { identity, rank: isKnown ? rank : null };
  }

  /** Whether the engine is at that input socket, and can be sent something from there. */
  hasGreeted({ identity }: HeardEngine, client: number): boolean {
    return this.greetings.some(
      (one) => one.client === client && hexOfFrame(one.identity) === hexOfFrame(identity),
    );
  }

  hasSaidHello(identity: Frame): boolean {
    return this.inits.some((init) => hexOfFrame(init.identity) === hexOfFrame(identity));
  }

  /** In the order in which they came, of all clients' sockets. */
  outputsOf(requestId: string): readonly HeardOutput[] {
    return this.#ofRequest.get(requestId) ?? [];
  }

  answersOf(callId: number | bigint): readonly HeardAnswer[] {
    return this.#ofCall.get(String(callId)) ?? [];
  }

  /** Resolves with true once `test` holds, which is asked with every message; with false after `ms`. */
  wait(test: () => boolean, ms: number): Promise<boolean> {
    return this.#waiters.wait(test, ms);
  }

  send(engine: HeardEngine, input: EngineInput, client = 0): number {
    return this.sendFrames(engine, this.#options.codec.encodeEngineInput(input), client);
  }

  /** Returns the place of the message among all. */
  sendFrames({ identity }: HeardEngine, frames: readonly Frame[], client = 0): number {
    this.#n += 1;
    const n = this.#n;
    this.#sockets.sendTo(client, identity, frames);
    if (frames[0]?.[0] === EngineCoreRequestType.ADD) this.#wakeOthers(identity);
    return n;
  }

  /** As the coordinator, to all engines. */
  publish(frames: readonly Frame[]): void {
    this.#n += 1;
    this.#sockets.publish(frames);
  }

  /** Every socket goes, and comes back at the same addresses. */
  async reconnect(): Promise<void> {
    await this.#sockets.reopen();
  }

  /** Whoever waits has waited long enough. */
  endWaits(): void {
    this.#waiters.close();
  }

  async close(): Promise<void> {
    this.#waiters.close();
    await this.#sockets.close();
  }

  #keep<T extends Heard>(list: T[], heard: Omit<T, 'n' | 'atMs'>, maxKept = MAX_KEPT): T {
    this.#n += 1;
    const kept = { n: this.#n, atMs: this.#options.clock.monotonicMs(), ...heard } as T;
    if (list.length >= maxKept || this.#keptBytes >= MAX_KEPT_BYTES) return kept;
    this.#keptBytes += bytesOfParts(kept.frames);
    list.push(kept);
    return kept;
  }

  /** ENGINE_CORE_DEAD is for all. */
  #isCopy(client: number, frames: readonly Frame[]): boolean {
    if (frames.length !== 1 || bytesOfParts(frames) > MAX_COMPARED_BYTES) return false;
    const bytes = Buffer.concat(frames).toString('latin1');
    const cameAt = this.#lately.get(bytes);
    if (cameAt === undefined) {
      this.#lately.set(bytes, client);
      const [oldest] = this.#lately.keys();
      if (this.#lately.size > MAX_LATELY && oldest !== undefined) this.#lately.delete(oldest);
      return false;
    }
    if (cameAt === client || bytes === 'ENGINE_CORE_DEAD') return false;
    this.numCopies += 1;
    return true;
  }

  #index(heard: HeardOutputs): void {
    for (const output of heard.outputs?.outputs ?? [])
      listIn(this.#ofRequest, output.requestId).push({ heard, output });
    const answer = heard.outputs?.utilityOutput ?? null;
    if (answer !== null) listIn(this.#ofCall, String(answer.callId)).push({ heard, answer });
  }

  #onHandshake(identity: Frame, frames: readonly Frame[]): void {
    const isNew = !this.hasSaidHello(identity);
    const status = statusOf(frames, this.#options.codec) ?? (isNew ? 'HELLO' : 'READY');
    const said = `${hexOfFrame(identity)} ${status}`;
    const numSaid = (this.#numSaid.get(said) ?? 0) + 1;
    this.#numSaid.set(said, numSaid);
    const maxKept = numSaid > MAX_SAME_HANDSHAKES ? 0 : MAX_HANDSHAKES;
    this.#keep(this.handshakes, { identity, frames, status }, maxKept);
    if (status === 'HELLO' && this.inits.length < MAX_ENGINES) this.#answerHello(identity);
    this.#waiters.look();
  }

  #answerHello(identity: Frame): void {
    if (this.hasSaidHello(identity)) return;
    this.#n += 1;
    this.inits.push({ identity, n: this.#n });
    const { addresses } = this;
    const { parallelConfig, codec } = this.#options;
    this.#sockets.answerHello(
      identity,
      codec.encodeHandshakeMetadata({ addresses, parallelConfig }),
    );
  }

  #onSubscription(frames: readonly Frame[]): void {
    this.#n += 1;
    if (this.subscriptions.length >= MAX_ENGINES) return;
    this.subscriptions.push({ n: this.#n, frames });
    const { codec, engineCount } = this.#options;
    const numSubscribed = this.subscriptions.filter(
      (heard) => codec.decodeSubscription(heard.frames) === true,
    ).length;
    if (numSubscribed === engineCount) {
      this.publish(codec.encodeCoordinatorReady());
      this.coordinatorReadyN = this.#n;
    }
    this.#waiters.look();
  }

  /** Source: vllm/v1/engine/coordinator.py DPCoordinatorProc.process_input_socket. */
  #followWaves({ outputs }: HeardOutputs): void {
    if (outputs === null) return;
    const { startWave, waveComplete, engineIndex } = outputs;
    if (waveComplete !== null) this.#wave = waveComplete + 1;
    if (startWave === null) return;
    this.#wave = startWave;
    this.#startWave(engineIndex);
  }

  /** A request is on its way: ranks of a version that leave it to the frontend are woken, which those that run do not mind. */
  #wakeOthers(identity: Frame): void {
    const { codec, parallelConfig } = this.#options;
    const areRanks = Object.keys(parallelConfig).length > 0;
    if (codec.waves.startedBy === 'frontend' && areRanks) this.#startWave(identity);
  }

  #startWave(excludeEngineIndex: ExcludedEngine): void {
    const wave = this.#wave;
    this.publish(
      this.#options.codec.encodeEngineInput({ type: 'START_DP_WAVE', wave, excludeEngineIndex }),
    );
  }

  #read(frames: readonly Frame[]): Pick<HeardOutputs, 'outputs' | 'isDead' | 'problem'> {
    try {
      const outputs = this.#options.codec.decodeEngineCoreOutputs(frames);
      return outputs === 'ENGINE_CORE_DEAD'
        ? { outputs: null, isDead: true, problem: null }
        : { outputs, isDead: false, problem: null };
    } catch (error) {
      return {
        outputs: readOutputsLeniently(this.#options.tables, frames),
        isDead: false,
        problem: reasonOf(error),
      };
    }
  }
}

function listIn<T>(lists: Map<string, T[]>, key: string): T[] {
  const list = lists.get(key) ?? [];
  lists.set(key, list);
  return list;
}

/** Null where it says neither HELLO nor READY. */
function statusOf(frames: readonly Frame[], codec: WireCodec): 'HELLO' | 'READY' | null {
  try {
    return codec.decodeHandshakeMessage(frames).status;
  } catch {
    return looseStatus(frames);
  }
}

/** What a message with other faults says it is: it is answered, so that they are the only ones. */
function looseStatus(parts: readonly Frame[]): 'HELLO' | 'READY' | null {
  const text = Buffer.concat(parts).toString('latin1').toUpperCase();
  if (text.includes('HELLO')) return 'HELLO';
  return text.includes('READY') ? 'READY' : null;
}

function rankOf(identity: Frame): number | null {
  try {
    return engineIndexFromIdentity(identity);
  } catch {
    return null;
  }
}
