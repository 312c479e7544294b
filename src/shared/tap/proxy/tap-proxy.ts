/**
 * Stands between a frontend and its engines: engines say HELLO here, a DEALER of their identity says it to the frontend, and
 * what the frontend answers names this proxy's sockets instead of its own. All else goes through byte for byte.
 * Source: vllm/v1/engine/utils.py wait_for_engine_startup, vllm/v1/engine/core.py _perform_handshake (0.33.0).
 */
import { reasonOf } from '../../errors.ts';
import { engineIndexFromIdentity } from '../../protocol/identity.ts';
import { DecodeFault } from '../../protocol/msgpack-reader.ts';
import type { DealerSocket, Frame, RouterSocket } from '../../transport/transport.ts';
import { frameTypeOf } from '../frame-type.ts';
import { addressesOfInit } from './addresses.ts';
import { CoordinatorLinks } from './coordinator-link.ts';
import { EngineRelay } from './engine-relay.ts';
import {
  AnswerWatch,
  MAX_RELAYED_MESSAGES,
  type ProxyParts,
  RELAY_LINGER_MS,
} from './proxy-parts.ts';

/** Engines that may have said something; what further ones say is dropped. */
export const MAX_ENGINES = 4_096;

/** A ROUTER ignores a second connection of an identity until it knows that the first is gone. */
const REPLACE_AFTER_MS = 200;
/** Before its INIT an engine says HELLO, and nothing else. */
const MAX_EARLY_MESSAGES = 16;

/** How far an engine has come. */
export type EngineStage = 'NEW' | 'CONNECTED' | 'READY';

export interface TapProxyOptions extends ProxyParts {
  /** Where engines say HELLO: `tcp://127.0.0.1:13346`. */
  readonly listenAddress: string;
  /** The frontend's handshake socket. */
  readonly upstreamAddress: string;
  /** An engine or a frontend came or went, or an engine got further. */
  readonly onChange: () => void;
}

/** One engine, from its HELLO on. */
interface Engine {
  readonly name: string;
  readonly identity: Frame;
  /** Null until the one before it of the same rank has let go of the frontend. */
  dealer: DealerSocket | null;
  /** What the engine said meanwhile. */
  readonly early: (readonly Frame[])[];
  readonly answers: AnswerWatch;
  stage: EngineStage;
  relay: EngineRelay | null;
  /** What the frontend said is handled one after the other: binding takes a moment. */
  order: Promise<void>;
  isOver: boolean;
  /** Whether the frontend's handshake socket is there. */
  isHeard: boolean;
}

export class TapProxy {
  readonly #options: TapProxyOptions;
  readonly #coordinator: CoordinatorLinks;
  readonly #router: RouterSocket;
  readonly #engines = new Map<string, Engine>();
  /** What is being closed of engines that came again. */
  readonly #closing = new Set<Promise<void>>();
  #isClosed = false;

  private constructor(options: TapProxyOptions, router: RouterSocket) {
    this.#options = options;
    this.#router = router;
    this.#coordinator = new CoordinatorLinks(options);
  }

  /** Throws the system's error where the address is taken. */
  static async start(options: TapProxyOptions): Promise<TapProxy> {
    const router = await options.engineSide.bindRouter(options.listenAddress, {
      name: 'handshake',
      handover: true,
      lingerMs: RELAY_LINGER_MS,
    });
    const proxy = new TapProxy(options, router);
    router.onMessage((identity, frames) => proxy.#onEngineMessage(identity, frames));
    return proxy;
  }

  /** Where engines say HELLO, with the real port. */
  get address(): string {
    return this.#router.address;
  }

  /** Of each engine that said HELLO. */
  get stages(): readonly EngineStage[] {
    return [...this.#engines.values()].map(({ stage }) => stage);
  }

  /** Engines were there and none is, and their frontend was there and is not. */
  get isDeserted(): boolean {
    const relays = [...this.#engines.values()].map(({ relay }) => relay);
    return (
      relays.some((relay) => relay?.engine === false) &&
      relays.every((relay) => relay !== null && relay.engine !== true && relay.frontend !== true)
    );
  }

  /** Closes all sockets; what is on its way still gets there within the linger time. Idempotent. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const engines = [...this.#engines.values()];
    await Promise.all([...engines.map((engine) => end(engine)), ...this.#closing]);
    await this.#router.close();
  }

  #onEngineMessage(identity: Frame, frames: readonly Frame[]): void {
    if (this.#isClosed) return;
    const socket = { name: 'handshake', type: 'ROUTER', address: this.address } as const;
    const type = frameTypeOf({ socket, direction: 'receive', identity, parts: frames });
    const key = Buffer.from(identity).toString('latin1');
    let engine = this.#engines.get(key);
    if (engine === undefined || type === 'HELLO') {
      if (engine === undefined && this.#engines.size >= MAX_ENGINES) {
        this.#options.log.warn(
          `A HELLO of engine ${this.#engines.size + 1} is dropped: no more than ${MAX_ENGINES}`,
        );
        return;
      }
      engine = this.#meet(identity, engine ?? null);
      this.#engines.set(key, engine);
    }
    if (engine.dealer !== null) engine.dealer.send(frames, 'own');
    else if (engine.early.length < MAX_EARLY_MESSAGES) engine.early.push(frames);
    if (type !== 'READY') return;
    engine.stage = 'READY';
    this.#options.log.info(`${engine.name} is READY`);
    engine.answers.end();
    // Engines close theirs too: nothing more is said there.
    void engine.dealer?.close();
    this.#options.onChange();
  }

  /** An engine that says HELLO again is another process: what was made for the one before goes first. */
  #meet(identity: Frame, before: Engine | null): Engine {
    const { upstreamAddress, log } = this.#options;
    const name = nameOf(identity);
    const where = upstreamAddress.replace('tcp://', '');
    const engine: Engine = {
      name,
      identity,
      dealer: null,
      early: [],
      answers: new AnswerWatch(
        log,
        `Nobody answers at ${where}, where ${name} says HELLO: is the frontend running, and is that its --data-parallel-rpc-port? (still waiting)`,
        `${where} answers`,
      ),
      stage: 'NEW',
      relay: null,
      order: Promise.resolve(),
      isOver: false,
      isHeard: false,
    };
    if (before === null) {
      log.info(`${name} says HELLO`);
      this.#connect(engine);
      return engine;
    }
    log.info(`${name} says HELLO again: it is taken for a new one`);
    const closing = this.#replace(before, engine).finally(() => this.#closing.delete(closing));
    this.#closing.add(closing);
    return engine;
  }

  async #replace(before: Engine, engine: Engine): Promise<void> {
    await end(before);
    await new Promise<void>((resolve) => setTimeout(resolve, REPLACE_AFTER_MS));
    if (!engine.isOver) this.#connect(engine);
  }

  #connect(engine: Engine): void {
    const { frontendSide, upstreamAddress, log } = this.#options;
    const { name, identity } = engine;
    const where = upstreamAddress.replace('tcp://', '');
    const dealer = frontendSide.connectDealer(upstreamAddress, {
      name: 'handshake',
      identity,
      lingerMs: RELAY_LINGER_MS,
      receiveHighWaterMark: MAX_RELAYED_MESSAGES,
    });
    engine.dealer = dealer;
    dealer.onConnection((isConnected) => {
      engine.isHeard = isConnected;
      if (isConnected) engine.answers.answered();
      else if (!engine.isOver && engine.stage !== 'READY')
        log.warn(`The frontend at ${where} is gone before ${name} was READY`);
    });
    dealer.onMessage((frames) => {
      engine.order = engine.order.then(() => this.#onFrontendMessage(engine, frames));
    });
    for (const frames of engine.early.splice(0)) dealer.send(frames, 'own');
  }

  async #onFrontendMessage(engine: Engine, frames: readonly Frame[]): Promise<void> {
    const answer = await this.#withOwnAddresses(engine, frames);
    if (engine.isOver || answer === null) return;
    this.#router.sendTo(engine.identity, answer, 'own');
    this.#options.onChange();
  }

  /** An INIT with our addresses; anything else as it is; null where no socket can be made for it. */
  async #withOwnAddresses(
    engine: Engine,
    frames: readonly Frame[],
  ): Promise<readonly Frame[] | null> {
    const { log, tap, upstreamAddress } = this.#options;
    const [init, ...others] = frames;
    if (init === undefined) return frames;
    try {
      const slots = addressesOfInit(init);
      if (slots.length === 0) return frames;
      const socket = { name: 'handshake', type: 'DEALER', address: upstreamAddress } as const;
      tap.record(socket, 'receive', null, frames);
      await engine.relay?.close();
      const relay = await EngineRelay.open(
        {
          parts: this.#options,
          engine: engine.name,
          identity: engine.identity,
          coordinator: this.#coordinator,
          onPresence: this.#options.onChange,
        },
        init,
        slots,
      );
      engine.relay = relay;
      if (engine.isOver) await relay.close();
      engine.stage = 'CONNECTED';
      return [relay.init, ...others];
    } catch (error) {
      const reason = reasonOf(error);
      if (error instanceof DecodeFault) {
        log.warn(
          `The frontend said something else than INIT to ${engine.name}, which is handed on: ${reason}`,
        );
        return frames;
      }
      log.warn(`${engine.name} gets no INIT: no socket can be made for it (${reason})`);
      return null;
    }
  }
}

async function end(engine: Engine): Promise<void> {
  engine.isOver = true;
  engine.answers.end();
  await engine.order;
  await Promise.all([
    engine.dealer?.close(engine.isHeard ? RELAY_LINGER_MS : 0),
    engine.relay?.close(),
  ]);
}

function nameOf(identity: Frame): string {
  try {
    return `EngineCore_DP${engineIndexFromIdentity(identity)}`;
  } catch {
    return `An engine of identity ${Buffer.from(identity.subarray(0, 16)).toString('hex')}`;
  }
}
