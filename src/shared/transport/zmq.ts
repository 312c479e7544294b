/**
 * The transport over ZeroMQ, with vLLM's socket options. Each socket has one writer (outbox.ts) and one receive loop,
 * which lets other events in after every batch of messages. Only this file and io-thread.ts import zeromq.
 * Source: vllm/utils/network_utils.py make_zmq_socket (0.33.0). Leaves out: RCVBUF and SNDBUF of half a gigabyte.
 */
import {
  Dealer,
  Publisher,
  Pull,
  Push,
  Router,
  type Socket,
  XPublisher,
  XSubscriber,
} from 'zeromq';
import { letSendersGoOn } from './io-thread.ts';
import { Outbox } from './outbox.ts';
import type {
  DealerSocket,
  Frame,
  MessageHandler,
  PubSocket,
  PullSocket,
  PushSocket,
  Room,
  RoutedMessageHandler,
  RouterSocket,
  Transport,
  XPubSocket,
  XSubSocket,
} from './transport.ts';

/** vLLM's DEALER, ROUTER, PUSH and PULL sockets have no high-water mark: ZeroMQ's 0. */
const UNLIMITED = 0;
/** ZeroMQ's own default, which vLLM leaves XPUB and XSUB at. */
const DEFAULT_HIGH_WATER_MARK = 1000;
/**
 * vLLM's PUSH has none, and grows without bound behind a frontend that does not read. Ours stops taking messages here, which
 * the sender sees as a queue that grows.
 */
const PUSH_HIGH_WATER_MARK = 1000;
/** Messages that a receive loop handles before timers and other sockets get their turn. */
const RECEIVE_BATCH = 256;

interface Sender {
  send(frames: Frame[]): Promise<void>;
}
interface Receiver {
  receive(): Promise<Frame[]>;
}

/** An identity as bytes: the option is typed as a string, but a string would be sent as UTF-8 and break ranks from 128 on. */
function identityOption(identity: Frame): string {
  return Buffer.from(identity) as unknown as string;
}

/** An IPv6 address needs its own option. */
function ipv6Option(address: string): { readonly ipv6: boolean } {
  return { ipv6: address.startsWith('tcp://[') };
}

class ZmqEndpoint {
  private readonly socket: Socket;
  private readonly outbox: Outbox | null;
  private readonly receiver: Receiver | null;
  private readonly lingerMs: number;
  private isReceiving = false;
  private isConnected = false;
  private connectionHandler: ((isConnected: boolean) => void) | null = null;
  private numPeers = 0;
  private peerHandler: ((numPeers: number) => void) | null = null;
  private held: Promise<void> | null = null;
  private closing: Promise<void> | null = null;
  /** Where a bound socket really is. */
  address = '';

  constructor(options: {
    readonly socket: Socket;
    readonly sender?: Sender;
    readonly receiver?: Receiver;
    readonly lingerMs: number;
    readonly countsPeers?: boolean;
  }) {
    const { sender } = options;
    this.socket = options.socket;
    this.receiver = options.receiver ?? null;
    this.outbox = sender === undefined ? null : new Outbox((frames) => sender.send(frames));
    this.lingerMs = options.lingerMs;
  }

  async bind(address: string): Promise<void> {
    await this.socket.bind(address);
    this.address = this.socket.lastEndpoint ?? address;
  }

  get queuedCount(): number {
    return this.outbox?.queuedCount ?? 0;
  }

  drained(): Promise<void> {
    return this.outbox?.drained() ?? Promise.resolve();
  }

  send(frames: readonly Frame[], room: Room = 'shared'): boolean {
    return this.outbox?.send(frames as Frame[], room) ?? false;
  }

  sendTo(identity: Frame, frames: readonly Frame[], room: Room = 'shared'): boolean {
    return this.outbox?.send([identity, ...frames], room) ?? false;
  }

  onFrames(handler: (frames: Frame[]) => void): void {
    if (this.isReceiving || this.receiver === null) return;
    this.isReceiving = true;
    // A handler that throws is a bug: the rejection is left unhandled and ends the process.
    void this.receiveAll(this.receiver, handler);
  }

  private async receiveAll(receiver: Receiver, handler: (frames: Frame[]) => void): Promise<void> {
    let numInBatch = 0;
    while (this.closing === null) {
      if (this.held !== null) {
        await this.held;
        this.held = null;
        continue;
      }
      let frames: Frame[];
      try {
        frames = await receiver.receive();
      } catch (error) {
        if (this.closing !== null) return;
        throw error;
      }
      if (this.closing !== null) return;
      handler(frames);
      if (++numInBatch === RECEIVE_BATCH) {
        numInBatch = 0;
        await new Promise<void>((resolve) => setImmediate(resolve));
      }
    }
  }

  /** Begins to follow the connection; called before the socket connects, so that nothing is missed. */
  watchConnection(): void {
    const tell = (isConnected: boolean): void => {
      if (isConnected === this.isConnected) return;
      this.isConnected = isConnected;
      this.connectionHandler?.(isConnected);
    };
    // Not at 'connect': until both sides have greeted each other, the peer does not know of the connection.
    this.socket.events.on('handshake', () => tell(true));
    this.socket.events.on('disconnect', () => tell(false));
  }

  onConnection(handler: (isConnected: boolean) => void): void {
    this.connectionHandler = handler;
    if (this.isConnected) handler(true);
  }

  hold(until: Promise<void>): void {
    this.held = until;
  }

  /** Begins to count connections; called before the socket is bound, so that none is missed. */
  watchPeers(): void {
    const change = (by: number): void => {
      this.numPeers = Math.max(0, this.numPeers + by);
      this.peerHandler?.(this.numPeers);
    };
    this.socket.events.on('accept', () => change(1));
    this.socket.events.on('disconnect', () => change(-1));
  }

  onPeerCount(handler: (numPeers: number) => void): void {
    this.peerHandler = handler;
    handler(this.numPeers);
  }

  close(lingerMs = this.lingerMs): Promise<void> {
    this.closing ??= this.closeOnce(lingerMs);
    return this.closing;
  }

  private async closeOnce(lingerMs: number): Promise<void> {
    await this.outbox?.close(lingerMs);
    if (lingerMs !== this.lingerMs) this.socket.linger = lingerMs;
    this.socket.close();
  }
}

class ZmqSocket implements DealerSocket, PushSocket, PullSocket, XPubSocket, XSubSocket, PubSocket {
  private readonly endpoint: ZmqEndpoint;

  constructor(endpoint: ZmqEndpoint) {
    this.endpoint = endpoint;
  }

  get address(): string {
    return this.endpoint.address;
  }

  get queuedCount(): number {
    return this.endpoint.queuedCount;
  }

  send(frames: readonly Frame[], room?: Room): boolean {
    return this.endpoint.send(frames, room);
  }

  drained(): Promise<void> {
    return this.endpoint.drained();
  }

  onMessage(handler: MessageHandler): void {
    this.endpoint.onFrames(handler);
  }

  onConnection(handler: (isConnected: boolean) => void): void {
    this.endpoint.onConnection(handler);
  }

  hold(until: Promise<void>): void {
    this.endpoint.hold(until);
  }

  onPeerCount(handler: (numPeers: number) => void): void {
    this.endpoint.onPeerCount(handler);
  }

  close(lingerMs?: number): Promise<void> {
    return this.endpoint.close(lingerMs);
  }
}

class ZmqRouter implements RouterSocket {
  private readonly endpoint: ZmqEndpoint;

  constructor(endpoint: ZmqEndpoint) {
    this.endpoint = endpoint;
  }

  get address(): string {
    return this.endpoint.address;
  }

  get queuedCount(): number {
    return this.endpoint.queuedCount;
  }

  sendTo(identity: Frame, frames: readonly Frame[], room?: Room): boolean {
    return this.endpoint.sendTo(identity, frames, room);
  }

  drained(): Promise<void> {
    return this.endpoint.drained();
  }

  onMessage(handler: RoutedMessageHandler): void {
    this.endpoint.onFrames((frames) => {
      const [identity, ...rest] = frames;
      if (identity !== undefined) handler(identity, rest);
    });
  }

  hold(until: Promise<void>): void {
    this.endpoint.hold(until);
  }

  close(lingerMs?: number): Promise<void> {
    return this.endpoint.close(lingerMs);
  }
}

/** What is for nobody is dropped, as by a ROUTER that waits for nobody. Throws at once, as `send` does, where it is busy. */
function droppingUnreachable(socket: Sender): Sender {
  return {
    send: (frames) =>
      socket.send(frames).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'EHOSTUNREACH') throw error;
      }),
  };
}

async function bound(
  address: string,
  options: ConstructorParameters<typeof ZmqEndpoint>[0],
): Promise<ZmqEndpoint> {
  const endpoint = new ZmqEndpoint(options);
  if (options.countsPeers === true) endpoint.watchPeers();
  try {
    await endpoint.bind(address);
  } catch (error) {
    await endpoint.close();
    throw error;
  }
  return endpoint;
}

export function createZmqTransport(): Transport {
  letSendersGoOn();
  return {
    async bindRouter(address, options) {
      const { lingerMs, handover, sendHighWaterMark, waitsForPeer = false } = options;
      const socket = new Router({
        linger: lingerMs,
        handover,
        mandatory: waitsForPeer,
        sendHighWaterMark: sendHighWaterMark ?? UNLIMITED,
        receiveHighWaterMark: options.receiveHighWaterMark ?? UNLIMITED,
        ...ipv6Option(address),
      });
      const sender = waitsForPeer ? droppingUnreachable(socket) : socket;
      return new ZmqRouter(await bound(address, { socket, sender, receiver: socket, lingerMs }));
    },

    async bindPull(address, { lingerMs, receiveHighWaterMark }) {
      const socket = new Pull({
        linger: lingerMs,
        receiveHighWaterMark: receiveHighWaterMark ?? UNLIMITED,
        ...ipv6Option(address),
      });
      return new ZmqSocket(
        await bound(address, { socket, receiver: socket, lingerMs, countsPeers: true }),
      );
    },

    async bindXPub(address, { lingerMs }) {
      const socket = new XPublisher({
        linger: lingerMs,
        verbosity: 'allSubs',
        sendHighWaterMark: DEFAULT_HIGH_WATER_MARK,
        ...ipv6Option(address),
      });
      return new ZmqSocket(
        await bound(address, { socket, sender: socket, receiver: socket, lingerMs }),
      );
    },

    async bindPub(address, { lingerMs, highWaterMark }) {
      const socket = new Publisher({
        linger: lingerMs,
        sendHighWaterMark: highWaterMark,
        ...ipv6Option(address),
      });
      return new ZmqSocket(await bound(address, { socket, sender: socket, lingerMs }));
    },

    connectPub(address, { lingerMs, highWaterMark }) {
      const socket = new Publisher({
        linger: lingerMs,
        sendHighWaterMark: highWaterMark,
        ...ipv6Option(address),
      });
      socket.connect(address);
      return new ZmqSocket(new ZmqEndpoint({ socket, sender: socket, lingerMs }));
    },

    connectDealer(address, { lingerMs, identity, receiveHighWaterMark }) {
      const socket = new Dealer({
        linger: lingerMs,
        routingId: identityOption(identity),
        sendHighWaterMark: UNLIMITED,
        receiveHighWaterMark: receiveHighWaterMark ?? UNLIMITED,
        ...ipv6Option(address),
      });
      const endpoint = new ZmqEndpoint({ socket, sender: socket, receiver: socket, lingerMs });
      endpoint.watchConnection();
      socket.connect(address);
      return new ZmqSocket(endpoint);
    },

    connectPush(address, { lingerMs }) {
      const socket = new Push({
        linger: lingerMs,
        sendHighWaterMark: PUSH_HIGH_WATER_MARK,
        ...ipv6Option(address),
      });
      const endpoint = new ZmqEndpoint({ socket, sender: socket, lingerMs });
      endpoint.watchConnection();
      socket.connect(address);
      return new ZmqSocket(endpoint);
    },

    // vLLM sets an identity here too, but ZeroMQ tells the peer only those of DEALER, ROUTER and REQ sockets.
    connectXSub(address, { lingerMs }) {
      const socket = new XSubscriber({
        linger: lingerMs,
        receiveHighWaterMark: DEFAULT_HIGH_WATER_MARK,
        ...ipv6Option(address),
      });
      socket.connect(address);
      return new ZmqSocket(new ZmqEndpoint({ socket, sender: socket, receiver: socket, lingerMs }));
    },
  };
}
