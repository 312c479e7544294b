/**
 * The transport inside one process, for tests and simulations: the same contract and drop rules as ZeroMQ's sockets,
 * and a hook through which every message passes, so that a test can delay, lose or reorder it.
 */
import { Inbox, MAX_IN_MEMORY_MESSAGES, type Receive } from './in-memory-inbox.ts';
import type {
  ConnectedPubSocket,
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

/** A message under way between two sockets. */
export interface Transit {
  /** Where it is bound: the address names the link, `toBinder` its direction. */
  readonly address: string;
  readonly toBinder: boolean;
  /** The connected side's identity; null where it has none. */
  readonly identity: Frame | null;
  readonly frames: readonly Frame[];
}

export interface InMemoryOptions {
  /**
   * Called for every message: it calls `deliver` at once, later (not twice), or never. Default: in order, in one of the
   * next turns of the event loop.
   */
  readonly onTransit?: (transit: Transit, deliver: () => void) => void;
  /** False: a message arrives as the very object that was sent, for senders that keep none of it. Default: a copy. */
  readonly copies?: boolean;
}

/** The two ends of one connection. */
interface Link {
  readonly identity: Frame | null;
  readonly identityKey: string;
  /** Delivers to the connected side. */
  readonly toConnector: Receive;
  isOpen: boolean;
  /** Topics that the connected side subscribed to, for XPUB and PUB. */
  readonly topics: string[];
}

interface Binder {
  readonly address: string;
  readonly links: Set<Link>;
  onConnect(link: Link): void;
  onDisconnect(): void;
  receive(link: Link, frames: Frame[]): void;
}

const keyOf = (bytes: Frame): string => Buffer.from(bytes).toString('latin1');

/** Delivers in order, a batch in each turn of the event loop. */
function inTurns(): NonNullable<InMemoryOptions['onTransit']> {
  let underWay: (() => void)[] = [];
  const deliverAll = (): void => {
    const batch = underWay;
    underWay = [];
    for (const deliver of batch) deliver();
  };
  return (_, deliver) => {
    if (underWay.push(deliver) === 1) setImmediate(deliverAll);
  };
}

class Network {
  private readonly binders = new Map<string, Binder>();
  private readonly unbound = new Map<string, Set<Link>>();
  private readonly unsent = new Map<Link, Frame[][]>();
  private readonly onTransit: NonNullable<InMemoryOptions['onTransit']>;
  private readonly copy: (frames: readonly Frame[]) => Frame[];
  private nextPort = 20_000;
  private numAnonymous = 0;

  constructor(options: InMemoryOptions) {
    this.onTransit = options.onTransit ?? inTurns();
    this.copy =
      options.copies === false
        ? (frames) => frames as Frame[]
        : (frames) => frames.map((frame) => Buffer.from(frame));
  }

  bind(asked: string, binder: (address: string) => Binder): Binder {
    const address = asked.replace(/:(0|\*)$/, () => `:${this.nextPort++}`);
    if (this.binders.has(address)) {
      throw Object.assign(new Error(`Address already in use: ${address}`), { code: 'EADDRINUSE' });
    }
    const bound = binder(address);
    this.binders.set(address, bound);
    const waiting = this.unbound.get(address);
    this.unbound.delete(address);
    for (const link of waiting ?? []) this.join(bound, link);
    return bound;
  }

  /** Who was connected goes on trying, as with ZeroMQ. */
  unbind(binder: Binder): void {
    if (this.binders.get(binder.address) !== binder) return;
    this.binders.delete(binder.address);
    if (binder.links.size > 0) this.unbound.set(binder.address, new Set(binder.links));
  }

  connect(address: string, identity: Frame | null, toConnector: Receive): Link {
    const identityKey = identity === null ? `\0anonymous ${++this.numAnonymous}` : keyOf(identity);
    const link: Link = { identity, identityKey, toConnector, isOpen: true, topics: [] };
    const binder = this.binders.get(address);
    if (binder !== undefined) this.join(binder, link);
    else {
      const waiting = this.unbound.get(address) ?? new Set();
      waiting.add(link);
      this.unbound.set(address, waiting);
    }
    return link;
  }

  private join(binder: Binder, link: Link): void {
    binder.links.add(link);
    binder.onConnect(link);
    const unsent = this.unsent.get(link) ?? [];
    this.unsent.delete(link);
    for (const frames of unsent) this.carry(binder.address, link, frames);
  }

  /** From the connected side to whoever is bound. */
  sendToBinder(address: string, link: Link, frames: readonly Frame[], room: Room): boolean {
    if (!link.isOpen) return false;
    const copies = this.copy(frames);
    if (this.binders.has(address)) this.carry(address, link, copies);
    else {
      const unsent = this.unsent.get(link) ?? [];
      if (room === 'shared' && unsent.length >= MAX_IN_MEMORY_MESSAGES) return false;
      unsent.push(copies);
      this.unsent.set(link, unsent);
    }
    return true;
  }

  private carry(address: string, link: Link, frames: Frame[]): void {
    const transit = { address, toBinder: true, identity: link.identity, frames };
    this.onTransit(transit, () => this.binders.get(address)?.receive(link, frames));
  }

  sendToConnector(binder: Binder, link: Link, frames: readonly Frame[]): void {
    const copies = this.copy(frames);
    const transit = {
      address: binder.address,
      toBinder: false,
      identity: link.identity,
      frames: copies,
    };
    this.onTransit(transit, () => {
      if (link.isOpen) link.toConnector(copies);
    });
  }

  numUnsent(link: Link): number {
    return this.unsent.get(link)?.length ?? 0;
  }

  /** What is under way still arrives, as it does within ZeroMQ's linger time. */
  disconnect(address: string, link: Link): void {
    link.isOpen = false;
    const binder = this.binders.get(address);
    binder?.links.delete(link);
    binder?.onDisconnect();
    this.unbound.get(address)?.delete(link);
    this.unsent.delete(link);
  }
}

/** The connected side of a link. */
class InMemoryConnected implements DealerSocket, PushSocket, XSubSocket {
  private readonly network: Network;
  private readonly address: string;
  private readonly link: Link;
  private readonly inbox = new Inbox();

  constructor(network: Network, address: string, identity: Frame | null) {
    this.network = network;
    this.address = address;
    this.link = network.connect(address, identity, this.inbox.receive);
  }

  get queuedCount(): number {
    return this.network.numUnsent(this.link);
  }

  send(frames: readonly Frame[], room: Room = 'shared'): boolean {
    return this.network.sendToBinder(this.address, this.link, frames, room);
  }

  drained(): Promise<void> {
    return Promise.resolve();
  }

  /** Connections in one process are never lost. */
  onConnection(handler: (isConnected: boolean) => void): void {
    handler(true);
  }

  onMessage(handler: MessageHandler): void {
    this.inbox.setHandler(handler);
  }

  hold(until: Promise<void>): void {
    this.inbox.hold(until);
  }

  close(): Promise<void> {
    this.inbox.close();
    this.network.disconnect(this.address, this.link);
    return Promise.resolve();
  }
}

/** A publisher that nobody hears: this transport has no subscriber that binds. */
class InMemoryLonelyPub implements ConnectedPubSocket {
  readonly queuedCount = 0;
  send(): boolean {
    return true;
  }
  drained(): Promise<void> {
    return Promise.resolve();
  }
  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** What ROUTER, PULL, XPUB and PUB share: an address, the links and an inbox. */
abstract class InMemoryBound implements Binder {
  readonly address: string;
  readonly links = new Set<Link>();
  readonly queuedCount = 0;
  protected readonly network: Network;
  protected readonly inbox = new Inbox();
  protected isClosed = false;

  constructor(network: Network, address: string) {
    this.network = network;
    this.address = address;
  }

  onConnect(_link: Link): void {}

  onDisconnect(): void {}

  hold(until: Promise<void>): void {
    this.inbox.hold(until);
  }

  receive(_link: Link, frames: Frame[]): void {
    this.inbox.receive(frames);
  }

  drained(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    this.isClosed = true;
    this.inbox.close();
    this.network.unbind(this);
    return Promise.resolve();
  }
}

class InMemoryPull extends InMemoryBound implements PullSocket {
  private peerHandler: ((numPeers: number) => void) | null = null;

  override onConnect(): void {
    this.peerHandler?.(this.links.size);
  }

  override onDisconnect(): void {
    this.peerHandler?.(this.links.size);
  }

  onPeerCount(handler: (numPeers: number) => void): void {
    this.peerHandler = handler;
    handler(this.links.size);
  }

  onMessage(handler: MessageHandler): void {
    this.inbox.setHandler(handler);
  }
}

class InMemoryRouter extends InMemoryBound implements RouterSocket {
  private readonly handover: boolean;
  private readonly byIdentity = new Map<string, Link>();

  constructor(network: Network, address: string, handover: boolean) {
    super(network, address);
    this.handover = handover;
  }

  /** A second link of the same identity is ignored, or takes over: ROUTER_HANDOVER. */
  override onConnect(link: Link): void {
    const current = this.byIdentity.get(link.identityKey);
    if (current === undefined || !current.isOpen || this.handover) {
      this.byIdentity.set(link.identityKey, link);
    }
  }

  override receive(link: Link, frames: Frame[]): void {
    if (this.byIdentity.get(link.identityKey) !== link) return;
    this.inbox.receive([link.identity ?? Buffer.from(link.identityKey, 'latin1'), ...frames]);
  }

  sendTo(identity: Frame, frames: readonly Frame[]): boolean {
    if (this.isClosed) return false;
    const link = this.byIdentity.get(keyOf(identity));
    if (link?.isOpen === true) this.network.sendToConnector(this, link, frames);
    return true;
  }

  onMessage(handler: RoutedMessageHandler): void {
    this.inbox.setHandler((frames) => {
      const [identity, ...rest] = frames;
      if (identity !== undefined) handler(identity, rest);
    });
  }
}

const SUBSCRIBE = 1;
const UNSUBSCRIBE = 0;

class InMemoryPublisher extends InMemoryBound implements XPubSocket, PubSocket {
  override receive(link: Link, frames: Frame[]): void {
    const [first] = frames;
    const topic = first === undefined ? '' : keyOf(first.subarray(1));
    if (frames.length === 1 && first?.[0] === SUBSCRIBE) link.topics.push(topic);
    if (frames.length === 1 && first?.[0] === UNSUBSCRIBE) {
      const index = link.topics.indexOf(topic);
      if (index >= 0) link.topics.splice(index, 1);
    }
    this.inbox.receive(frames);
  }

  send(frames: readonly Frame[]): boolean {
    if (this.isClosed) return false;
    const topic = frames[0] === undefined ? '' : keyOf(frames[0]);
    for (const link of this.links) {
      if (link.topics.some((prefix) => topic.startsWith(prefix))) {
        this.network.sendToConnector(this, link, frames);
      }
    }
    return true;
  }

  onMessage(handler: MessageHandler): void {
    this.inbox.setHandler(handler);
  }
}

/** A network of its own: sockets of two transports never meet. */
export function createInMemoryTransport(options: InMemoryOptions = {}): Transport {
  const network = new Network(options);

  function bind<T extends Binder>(address: string, make: (address: string) => T): T {
    return network.bind(address, make) as T;
  }

  return {
    bindRouter: async (address, { handover }) =>
      bind(address, (bound) => new InMemoryRouter(network, bound, handover)),
    bindPull: async (address) => bind(address, (bound) => new InMemoryPull(network, bound)),
    bindXPub: async (address) => bind(address, (bound) => new InMemoryPublisher(network, bound)),
    bindPub: async (address) => bind(address, (bound) => new InMemoryPublisher(network, bound)),
    connectPub: () => new InMemoryLonelyPub(),
    connectDealer: (address, { identity }) => new InMemoryConnected(network, address, identity),
    connectPush: (address) => new InMemoryConnected(network, address, null),
    connectXSub: (address, { identity }) => new InMemoryConnected(network, address, identity),
  };
}
