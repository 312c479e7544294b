/** Engine cores of ours that are judged in this process: as they are, with faults, or with what they say changed on its way. */
import { rmSync } from 'node:fs';
import type { CheckResult } from '../../src/conform/check.ts';
import { runEngineChecks } from '../../src/conform/engine/run-engine-checks.ts';
import {
  type RunningEngine,
  serveUntilDone,
  startEngine,
} from '../../src/engine-core/start-engine.ts';
import { defaultEngineArgs, type EngineArgs } from '../../src/shared/config/registry.ts';
import { type Injection, readInjection } from '../../src/shared/faults/injection.ts';
import { silentLogger } from '../../src/shared/logger.ts';
import { WIRE_VERSIONS } from '../../src/shared/protocol/versions/wire-versions.ts';
import { createWireCodec } from '../../src/shared/protocol/wire-codec.ts';
import type { WireVersion } from '../../src/shared/protocol/wire-version.ts';
import { Tap } from '../../src/shared/tap/tap.ts';
import { createInMemoryTransport } from '../../src/shared/transport/in-memory.ts';
import { RouterAround, SocketAround } from '../../src/shared/transport/socket-around.ts';
import type {
  Frame,
  MessageHandler,
  Room,
  RouterSocket,
  SocketName,
  Transport,
} from '../../src/shared/transport/transport.ts';
import { VirtualTime } from '../../src/simulate/virtual-time.ts';
import { createMoeModel } from './tapped-pair.ts';
import { TINYMODEL } from './twin.ts';

/** A message that an engine's socket sends or gets. */
export interface Passing {
  readonly socket: SocketName;
  /** Place among the engine's sockets of that name, from 0. */
  readonly index: number;
  readonly frames: readonly Frame[];
  /** Hands the engine a message as if it had come on this socket. */
  readonly deliver: (frames: readonly Frame[]) => void;
  /** Sends one more on this socket, then or later, as it is. */
  readonly sendAlso: (frames: readonly Frame[]) => void;
}

/** What becomes of an engine's messages: none, itself, or others. Left out, they pass as they are. */
export interface Mutation {
  readonly send?: (message: Passing) => readonly (readonly Frame[])[];
  readonly receive?: (message: Passing) => readonly (readonly Frame[])[];
  /** What a socket says it is. */
  readonly identity?: (socket: SocketName, identity: Frame) => Frame;
}

export interface JudgedEngines {
  readonly size?: number;
  readonly isMoe?: boolean;
  readonly args?: Partial<EngineArgs>;
  /** Faults before HELLO, of the highest rank. */
  readonly faults?: readonly Readonly<Record<string, unknown>>[];
  /** Made for each engine: it may remember what went by. */
  readonly mutate?: (rank: number, wasReopened: () => boolean) => Mutation;
  readonly only?: readonly string[];
  readonly version?: WireVersion;
}

/** Results by id. */
export type Verdicts = ReadonlyMap<string, CheckResult>;

const LISTEN = 'tcp://127.0.0.1:13345';
const MASTER_PORT = 29_500;
/** Whatever an engine does. */
const LONGEST_RUN_MS = 30_000;

/** Runs the checks over engines that are started for it, and ends them. */
export async function judgeEngines(judged: JudgedEngines = {}): Promise<Verdicts> {
  const { size = 1, isMoe = false, only = null, version = WIRE_VERSIONS['0.33.0'] } = judged;
  const time = new VirtualTime();
  const transport = createInMemoryTransport({ onTransit: (_, deliver) => time.soon(deliver) });
  let numBound = 0;
  const frontendSide: Transport = {
    ...transport,
    bindRouter(address, options) {
      if (options.name === 'handshake') numBound += 1;
      return transport.bindRouter(address, options);
    },
  };
  const model = isMoe ? createMoeModel() : null;
  const engines: Promise<RunningEngine | null>[] = [];
  try {
    const judging = runEngineChecks({
      transport: frontendSide,
      clock: time,
      timers: time,
      version,
      listenAddress: LISTEN,
      dataParallelSize: size,
      parallelConfig: isMoe
        ? {
            data_parallel_master_ip: '127.0.0.1',
            data_parallel_master_port: MASTER_PORT,
            _data_parallel_master_port_list: [],
            _coord_store_port: 0,
            data_parallel_size: size,
          }
        : null,
      only,
      waitMs: 1_000,
      startMs: 14_000,
      onListening: () => {
        for (let rank = 0; rank < size; rank++)
          engines.push(
            start(judged, rank, transport, { time, model, wasReopened: () => numBound > 1 }),
          );
      },
    });
    const isOver = await time.settle(judging, LONGEST_RUN_MS);
    if (!isOver) throw new Error(`the checks go on after ${LONGEST_RUN_MS} ms`);
    return new Map((await judging).map((result) => [result.id, result]));
  } finally {
    for (const engine of await Promise.all(engines)) engine?.proc.requestShutdown();
    if (model !== null) rmSync(model, { recursive: true, force: true });
  }
}

/** The ids of those that failed. */
export function failedIds(verdicts: Verdicts): readonly string[] {
  return [...verdicts.values()].filter(({ verdict }) => verdict === 'failed').map(({ id }) => id);
}

interface Surroundings {
  readonly time: VirtualTime;
  readonly model: string | null;
  readonly wasReopened: () => boolean;
}

async function start(
  { size = 1, args, faults = [], mutate, version = WIRE_VERSIONS['0.33.0'] }: JudgedEngines,
  rank: number,
  transport: Transport,
  { time, model, wasReopened }: Surroundings,
): Promise<RunningEngine | null> {
  const logger = silentLogger();
  const tap = new Tap({ clock: time, process: `EngineCore_DP${rank}` });
  const mutated =
    mutate === undefined ? transport : mutateTransport(transport, mutate(rank, wasReopened));
  try {
    const engine = await startEngine(
      {
        args: {
          ...defaultEngineArgs(),
          model: model ?? TINYMODEL,
          maxModelLen: 1024,
          numGpuBlocksOverride: 1025,
          stepTime: '1',
          tokenSource: 'rule',
          dataParallelSize: size,
          // Seconds of the machine, not of the test's time: it may have other things to do.
          handshakeTimeout: 20,
          coordinatorReadyTimeout: 20,
          ...args,
        },
        rank,
        localRank: rank,
        handshakeAddress: LISTEN,
        clientHandshakeAddress: null,
        privateDirectory: null,
        headless: true,
        faultPlan:
          rank === size - 1
            ? faults.map((given) => ({ atMs: null, injection: injectionOf(given) }))
            : [],
      },
      {
        transport: mutated,
        codec: createWireCodec(version),
        clock: time,
        timers: time,
        logger,
        tap,
        gate: null,
        createGrammarCompiler: () => Promise.reject(new Error('no grammars here')),
        onConnection: () => {},
        reportChannel: { send: () => true, on: () => {} },
        ending: { kill: () => {}, exit: () => {} },
      },
    );
    void serveUntilDone(engine, logger);
    return engine;
  } catch {
    // A start that the checks broke off, or a fault: what there is of it has been judged.
    return null;
  }
}

function injectionOf(given: Readonly<Record<string, unknown>>): Injection {
  const read = readInjection(given);
  if (!read.isOk) throw new Error(read.message);
  return read.injection;
}

type Place = Pick<Passing, 'socket' | 'index'>;

class MutatedSocket extends SocketAround {
  readonly #place: Place;
  readonly #mutation: Mutation;
  #handler: MessageHandler = () => {};

  constructor(
    inner: ConstructorParameters<typeof SocketAround>[0],
    address: string,
    place: Place,
    mutation: Mutation,
  ) {
    super(inner, address);
    this.#place = place;
    this.#mutation = mutation;
  }

  override send(frames: readonly Frame[], room?: Room): boolean {
    const { send } = this.#mutation;
    if (send === undefined) return super.send(frames, room);
    const deliver = (message: readonly Frame[]): void => this.#handler(message);
    const sendAlso = (message: readonly Frame[]): void => void super.send(message);
    const passing = { ...this.#place, frames, deliver, sendAlso };
    for (const message of send(passing)) super.send(message, room);
    return true;
  }

  override onMessage(handler: MessageHandler): void {
    const { receive } = this.#mutation;
    this.#handler = handler;
    super.onMessage((frames) => {
      const passing = { ...this.#place, frames, deliver: handler, sendAlso: () => {} };
      for (const message of receive?.(passing) ?? [frames]) handler(message);
    });
  }
}

class MutatedRouter extends RouterAround {
  readonly #place: Place;
  readonly #mutation: Mutation;

  constructor(inner: RouterSocket, place: Place, mutation: Mutation) {
    super(inner);
    this.#place = place;
    this.#mutation = mutation;
  }

  override sendTo(identity: Frame, frames: readonly Frame[], room?: Room): boolean {
    const passing = { ...this.#place, frames, deliver: () => {}, sendAlso: () => {} };
    for (const message of this.#mutation.send?.(passing) ?? [frames])
      super.sendTo(identity, message, room);
    return true;
  }
}

function mutateTransport(transport: Transport, mutation: Mutation): Transport {
  const counts = new Map<SocketName, number>();
  const placeOf = (socket: SocketName): Place => {
    const index = counts.get(socket) ?? 0;
    counts.set(socket, index + 1);
    return { socket, index };
  };
  const identityOf = (socket: SocketName, identity: Frame): Frame =>
    mutation.identity?.(socket, identity) ?? identity;
  return {
    ...transport,
    connectDealer(address, options) {
      const place = placeOf(options.name ?? 'other');
      const identity = identityOf(place.socket, options.identity);
      const socket = transport.connectDealer(address, { ...options, identity });
      return new MutatedSocket(socket, address, place, mutation);
    },
    connectPush(address, options) {
      const place = placeOf(options.name ?? 'other');
      return new MutatedSocket(transport.connectPush(address, options), address, place, mutation);
    },
    connectXSub(address, options) {
      const place = placeOf(options.name ?? 'other');
      return new MutatedSocket(transport.connectXSub(address, options), address, place, mutation);
    },
    async bindRouter(address, options) {
      const place = placeOf(options.name ?? 'other');
      const socket = await transport.bindRouter(address, options);
      return new MutatedRouter(socket, place, mutation);
    },
    async bindPub(address, options) {
      const place = placeOf(options.name ?? 'other');
      const socket = await transport.bindPub(address, options);
      return new MutatedSocket(socket, socket.address, place, mutation);
    },
  };
}
