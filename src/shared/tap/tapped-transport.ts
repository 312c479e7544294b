/**
 * A transport whose every message is shown to a tap: what a process hands to its sockets, and what they hand to it. It
 * changes nothing: messages are shown in the order in which the process sends and handles them.
 */
import type {
  Bound,
  Closable,
  DealerSocket,
  Frame,
  MessageHandler,
  MessageReader,
  MessageWriter,
  PeerCounting,
  PubSocket,
  PullSocket,
  PushSocket,
  Room,
  RoutedMessageHandler,
  RouterSocket,
  SocketName,
  SocketOptions,
  Transport,
  XPubSocket,
  XSubSocket,
} from '../transport/transport.ts';
import type { SocketType, Tap, TappedSocket } from './tap.ts';

/** What sockets but ROUTER can do, each a part of it; a wrapper is asked for nothing that its socket has not. */
type AnySocket = Closable &
  Partial<
    Bound &
      MessageWriter &
      MessageReader &
      PeerCounting &
      Pick<DealerSocket, 'onMessage' | 'onConnection'>
  >;

class TappedAnySocket
  implements DealerSocket, PushSocket, PullSocket, XPubSocket, XSubSocket, PubSocket
{
  readonly #socket: AnySocket;
  readonly #tapped: TappedSocket;
  readonly #tap: Tap;

  constructor(socket: AnySocket, tapped: TappedSocket, tap: Tap) {
    this.#socket = socket;
    this.#tapped = tapped;
    this.#tap = tap;
  }

  get address(): string {
    return this.#tapped.address;
  }

  get queuedCount(): number {
    return this.#socket.queuedCount ?? 0;
  }

  send(frames: readonly Frame[], room?: Room): boolean {
    const atMs = this.#tap.sendingMs();
    const isTaken = this.#socket.send?.(frames, room) ?? false;
    if (isTaken) this.#tap.record(this.#tapped, 'send', null, frames, atMs);
    return isTaken;
  }

  drained(): Promise<void> {
    return this.#socket.drained?.() ?? Promise.resolve();
  }

  onMessage(handler: MessageHandler): void {
    this.#socket.onMessage?.((frames) => {
      this.#tap.record(this.#tapped, 'receive', null, frames);
      handler(frames);
    });
  }

  onConnection(handler: (isConnected: boolean) => void): void {
    this.#socket.onConnection?.(handler);
  }

  hold(until: Promise<void>): void {
    this.#socket.hold?.(until);
  }

  onPeerCount(handler: (numPeers: number) => void): void {
    this.#socket.onPeerCount?.(handler);
  }

  close(lingerMs?: number): Promise<void> {
    return this.#socket.close(lingerMs);
  }
}

class TappedRouter implements RouterSocket {
  readonly #socket: RouterSocket;
  readonly #tapped: TappedSocket;
  readonly #tap: Tap;

  constructor(socket: RouterSocket, tapped: TappedSocket, tap: Tap) {
    this.#socket = socket;
    this.#tapped = tapped;
    this.#tap = tap;
  }

  get address(): string {
    return this.#socket.address;
  }

  get queuedCount(): number {
    return this.#socket.queuedCount;
  }

  sendTo(identity: Frame, frames: readonly Frame[], room?: Room): boolean {
    const atMs = this.#tap.sendingMs();
    const isTaken = this.#socket.sendTo(identity, frames, room);
    if (isTaken) this.#tap.record(this.#tapped, 'send', identity, frames, atMs);
    return isTaken;
  }

  drained(): Promise<void> {
    return this.#socket.drained();
  }

  onMessage(handler: RoutedMessageHandler): void {
    this.#socket.onMessage((identity, frames) => {
      this.#tap.record(this.#tapped, 'receive', identity, frames);
      handler(identity, frames);
    });
  }

  hold(until: Promise<void>): void {
    this.#socket.hold(until);
  }

  close(lingerMs?: number): Promise<void> {
    return this.#socket.close(lingerMs);
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
