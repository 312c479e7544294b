/**
 * A transport whose every message is shown to a tap: what a process hands to its sockets, and what they hand to it. It
 * changes nothing: messages are shown in the order in which the process sends and handles them.
 */
import { type AnySocket, RouterAround, SocketAround } from '../transport/socket-around.ts';
import type {
  Frame,
  MessageHandler,
  Room,
  RoutedMessageHandler,
  RouterSocket,
  SocketName,
  SocketOptions,
  Transport,
} from '../transport/transport.ts';
import type { SocketType, Tap, TappedSocket } from './tap.ts';

class TappedAnySocket extends SocketAround {
  readonly #tapped: TappedSocket;
  readonly #tap: Tap;

  constructor(socket: AnySocket, tapped: TappedSocket, tap: Tap) {
    super(socket, tapped.address);
    this.#tapped = tapped;
    this.#tap = tap;
  }

  override send(frames: readonly Frame[], room?: Room): boolean {
    const atMs = this.#tap.sendingMs();
    const isTaken = super.send(frames, room);
    if (isTaken) this.#tap.record(this.#tapped, 'send', null, frames, atMs);
    return isTaken;
  }

  override onMessage(handler: MessageHandler): void {
    super.onMessage((frames) => {
      this.#tap.record(this.#tapped, 'receive', null, frames);
      handler(frames);
    });
  }
}

class TappedRouter extends RouterAround {
  readonly #tapped: TappedSocket;
  readonly #tap: Tap;

  constructor(socket: RouterSocket, tapped: TappedSocket, tap: Tap) {
    super(socket);
    this.#tapped = tapped;
    this.#tap = tap;
  }

  override sendTo(identity: Frame, frames: readonly Frame[], room?: Room): boolean {
    const atMs = this.#tap.sendingMs();
    const isTaken = super.sendTo(identity, frames, room);
    if (isTaken) this.#tap.record(this.#tapped, 'send', identity, frames, atMs);
    return isTaken;
  }

  override onMessage(handler: RoutedMessageHandler): void {
    super.onMessage((identity, frames) => {
      this.#tap.record(this.#tapped, 'receive', identity, frames);
      handler(identity, frames);
    });
  }
}

/** The transport with the tap on every socket that is made from now on. */
export function tapTransport(transport: Transport, tap: Tap): Transport {
  const numOfName = new Map<SocketName, number>();
  const describe = (
    type: SocketType,
    { name = 'other' }: SocketOptions,
    address: string,
  ): TappedSocket => {
    const index = numOfName.get(name) ?? 0;
    numOfName.set(name, index + 1);
    return { name, type, address, index };
  };
  const wrap = (
    socket: AnySocket,
    type: SocketType,
    options: SocketOptions,
    address: string,
  ): TappedAnySocket => new TappedAnySocket(socket, describe(type, options, address), tap);

  return {
    async bindRouter(address, options) {
      const socket = await transport.bindRouter(address, options);
      return new TappedRouter(socket, describe('ROUTER', options, socket.address), tap);
    },
    async bindPull(address, options) {
      const socket = await transport.bindPull(address, options);
      return wrap(socket, 'PULL', options, socket.address);
    },
    async bindXPub(address, options) {
      const socket = await transport.bindXPub(address, options);
      return wrap(socket, 'XPUB', options, socket.address);
    },
    async bindPub(address, options) {
      const socket = await transport.bindPub(address, options);
      return wrap(socket, 'PUB', options, socket.address);
    },
    connectPub: (address, options) =>
      wrap(transport.connectPub(address, options), 'PUB', options, address),
    connectDealer: (address, options) =>
      wrap(transport.connectDealer(address, options), 'DEALER', options, address),
    connectPush: (address, options) =>
      wrap(transport.connectPush(address, options), 'PUSH', options, address),
    connectXSub: (address, options) =>
      wrap(transport.connectXSub(address, options), 'XSUB', options, address),
  };
}
