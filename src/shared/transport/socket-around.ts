/**
 * A socket around another one, which does all that the other does: what looks at messages, or holds them up, changes only what
 * it is about.
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
  XPubSocket,
  XSubSocket,
} from './transport.ts';

/** What sockets but ROUTER can do, each a part of it; what is around one is asked for nothing that it has not. */
export type AnySocket = Closable &
  Partial<
    Bound &
      MessageWriter &
      MessageReader &
      PeerCounting &
      Pick<DealerSocket, 'onMessage' | 'onConnection'>
  >;

export class SocketAround
  implements DealerSocket, PushSocket, PullSocket, XPubSocket, XSubSocket, PubSocket
{
  protected readonly inner: AnySocket;
  readonly address: string;

  /** `address`: bound or connected to. */
  constructor(inner: AnySocket, address: string) {
    this.inner = inner;
    this.address = address;
  }

  get queuedCount(): number {
    return this.inner.queuedCount ?? 0;
  }

  send(frames: readonly Frame[], room?: Room): boolean {
    return this.inner.send?.(frames, room) ?? false;
  }

  drained(): Promise<void> {
    return this.inner.drained?.() ?? Promise.resolve();
  }

  onMessage(handler: MessageHandler): void {
    this.inner.onMessage?.(handler);
  }

  onConnection(handler: (isConnected: boolean) => void): void {
    this.inner.onConnection?.(handler);
  }

  hold(until: Promise<void>): void {
    this.inner.hold?.(until);
  }

  onPeerCount(handler: (numPeers: number) => void): void {
    this.inner.onPeerCount?.(handler);
  }

  close(lingerMs?: number): Promise<void> {
    return this.inner.close(lingerMs);
  }
}

export class RouterAround implements RouterSocket {
  protected readonly inner: RouterSocket;

  constructor(inner: RouterSocket) {
    this.inner = inner;
  }

  get address(): string {
    return this.inner.address;
  }

  get queuedCount(): number {
    return this.inner.queuedCount;
  }

  sendTo(identity: Frame, frames: readonly Frame[], room?: Room): boolean {
    return this.inner.sendTo(identity, frames, room);
  }

  drained(): Promise<void> {
    return this.inner.drained();
  }

  onMessage(handler: RoutedMessageHandler): void {
    this.inner.onMessage(handler);
  }

  hold(until: Promise<void>): void {
    this.inner.hold(until);
  }

  close(lingerMs?: number): Promise<void> {
    return this.inner.close(lingerMs);
  }
}
