/**
 * A transport that holds the frames of a start-up until a gate lets them go, one at a time. What a socket is given behind a
 * held frame waits with it, so that order stays; closing a socket waits for what it holds. It stands above the tap, which
 * sees a frame when it really goes.
 */
import { type AnySocket, RouterAround, SocketAround } from '../transport/socket-around.ts';
import type {
  Frame,
  Room,
  RoutedMessageHandler,
  RouterSocket,
  SocketOptions,
  Transport,
} from '../transport/transport.ts';
import { peerOf } from './frame-type.ts';
import type { StepGate } from './step-gate.ts';
import type { StepWords } from './step-words.ts';
import type { FrameDirection, SocketType, TappedSocket } from './tap.ts';

/** Messages of one socket that wait for the gate; a start-up has a few. Further ones are refused as by a full queue. */
export const MAX_HELD_MESSAGES = 1_024;

export interface SteppedOptions {
  readonly gate: StepGate;
  readonly words: StepWords;
  /** Whether frames from this engine are held when they arrive, because nobody holds them where they are sent. */
  readonly holdsFrom?: (rank: number) => boolean;
}

interface Waiting {
  readonly deliver: () => unknown;
  isDecided: boolean;
  isForgotten: boolean;
}

/** Messages in order, of which some wait for the gate. */
class HeldMessages {
  readonly #options: SteppedOptions;
  readonly #waiting: Waiting[] = [];
  #onEmpty: (() => void)[] = [];

  constructor(options: SteppedOptions) {
    this.#options = options;
  }

  get length(): number {
    return this.#waiting.length;
  }

  /** Delivers at once or later. False where it was not taken. */
  pass(
    socket: TappedSocket,
    direction: FrameDirection,
    { identity, parts }: { readonly identity: Frame | null; readonly parts: readonly Frame[] },
    deliver: () => boolean,
  ): boolean {
    const words = this.#options.words({ socket, direction, identity, parts });
    if (words === null && this.#waiting.length === 0) return deliver();
    if (this.#waiting.length >= MAX_HELD_MESSAGES) return false;
    const entry: Waiting = { deliver, isDecided: words === null, isForgotten: false };
    this.#waiting.push(entry);
    if (words === null) return true;
    void this.#options.gate.hold(words).then((release) => {
      entry.isDecided = true;
      entry.isForgotten = !release;
      this.#deliverDecided();
    });
    return true;
  }

  /** Resolves when nothing waits. */
  empty(): Promise<void> {
    if (this.#waiting.length === 0) return Promise.resolve();
    return new Promise((resolve) => this.#onEmpty.push(resolve));
  }

  #deliverDecided(): void {
    for (;;) {
      const [first] = this.#waiting;
      if (first === undefined || !first.isDecided) break;
      this.#waiting.shift();
      if (!first.isForgotten) first.deliver();
    }
    if (this.#waiting.length > 0) return;
    for (const resolve of this.#onEmpty.splice(0)) resolve();
  }
}

class SteppedAnySocket extends SocketAround {
  readonly #tapped: TappedSocket;
  readonly #held: HeldMessages;

  constructor(socket: AnySocket, tapped: TappedSocket, options: SteppedOptions) {
    super(socket, tapped.address);
    this.#tapped = tapped;
    this.#held = new HeldMessages(options);
  }

  override get queuedCount(): number {
    return super.queuedCount + this.#held.length;
  }

  override send(parts: readonly Frame[], room?: Room): boolean {
    return this.#held.pass(this.#tapped, 'send', { identity: null, parts }, () =>
      super.send(parts, room),
    );
  }

  override async close(lingerMs?: number): Promise<void> {
    await this.#held.empty();
    await super.close(lingerMs);
  }
}

class SteppedRouter extends RouterAround {
  readonly #tapped: TappedSocket;
  readonly #options: SteppedOptions;
  readonly #held: HeldMessages;
  /** Of each engine whose frames are held when they arrive. */
  readonly #heard = new Map<number, HeldMessages>();

  constructor(socket: RouterSocket, tapped: TappedSocket, options: SteppedOptions) {
    super(socket);
    this.#tapped = tapped;
    this.#options = options;
    this.#held = new HeldMessages(options);
  }

  override get queuedCount(): number {
    return super.queuedCount + this.#held.length;
  }

  override sendTo(identity: Frame, parts: readonly Frame[], room?: Room): boolean {
    return this.#held.pass(this.#tapped, 'send', { identity, parts }, () =>
      super.sendTo(identity, parts, room),
    );
  }

  override onMessage(handler: RoutedMessageHandler): void {
    const socket = this.#tapped;
    super.onMessage((identity, parts) => {
      const rank = peerOf({ socket, direction: 'receive', identity, parts });
      if (rank === null || this.#options.holdsFrom?.(rank) !== true) {
        handler(identity, parts);
        return;
      }
      this.#heardFrom(rank).pass(socket, 'receive', { identity, parts }, () => {
        handler(identity, parts);
        return true;
      });
    });
  }

  override async close(lingerMs?: number): Promise<void> {
    await this.#held.empty();
    await super.close(lingerMs);
  }

  #heardFrom(rank: number): HeldMessages {
    const known = this.#heard.get(rank);
    if (known !== undefined) return known;
    const heard = new HeldMessages(this.#options);
    this.#heard.set(rank, heard);
    return heard;
  }
}

/** The transport with the gate before every socket that is made from now on. */
export function stepTransport(transport: Transport, options: SteppedOptions): Transport {
  const wrap = (
    socket: AnySocket,
    type: SocketType,
    { name = 'other' }: SocketOptions,
    address: string,
  ): SteppedAnySocket => new SteppedAnySocket(socket, { name, type, address }, options);

  return {
    async bindRouter(address, socketOptions) {
      const socket = await transport.bindRouter(address, socketOptions);
      const { name = 'other' } = socketOptions;
      return new SteppedRouter(socket, { name, type: 'ROUTER', address: socket.address }, options);
    },
    // Nothing of a start-up is sent by them.
    bindPull: (address, socketOptions) => transport.bindPull(address, socketOptions),
    bindPub: (address, socketOptions) => transport.bindPub(address, socketOptions),
    connectPub: (address, socketOptions) => transport.connectPub(address, socketOptions),
    connectPush: (address, socketOptions) => transport.connectPush(address, socketOptions),
    async bindXPub(address, socketOptions) {
      const socket = await transport.bindXPub(address, socketOptions);
      return wrap(socket, 'XPUB', socketOptions, socket.address);
    },
    connectDealer: (address, socketOptions) =>
      wrap(transport.connectDealer(address, socketOptions), 'DEALER', socketOptions, address),
    connectXSub: (address, socketOptions) =>
      wrap(transport.connectXSub(address, socketOptions), 'XSUB', socketOptions, address),
  };
}
