/**
 * The seam between the shells and their sockets: ZeroMQ behind it in a process (zmq.ts), queues in one process in a
 * test (in-memory.ts). Messages are lists of frames. Handlers run one message at a time, in order of arrival per peer.
 */

/** One frame of a message. Received frames belong to the receiver. */
export type Frame = Uint8Array;

/**
 * Which room of a socket's queue a message takes. `shared` is bounded in bytes. `own` is for what must arrive and whose
 * number something else bounds: an abort, of which there is one for each request that is running.
 */
export type Room = 'shared' | 'own';

/** The sending half. One writer loop per socket takes messages off a bounded queue, in order. */
export interface MessageWriter {
  /** Queues a message, by default in the shared room. False where it was not taken: no room, or the socket is closed. */
  send(frames: readonly Frame[], room?: Room): boolean;
  /** Messages accepted by `send` and not yet handed to the transport. */
  readonly queuedCount: number;
  /** Resolves once fewer messages are queued than the low-water mark (at once if so already). */
  drained(): Promise<void>;
}

export type MessageHandler = (frames: readonly Frame[]) => void;
/** `identity` is the sender's, as bytes; frames do not contain it. */
export type RoutedMessageHandler = (identity: Frame, frames: readonly Frame[]) => void;

export interface Closable {
  /**
   * Closes; what was sent is still delivered within the linger time, in the background. Idempotent. A process that must
   * not lose its last messages ends by running out of work (`process.exitCode`): `process.exit` does not wait for them.
   * `lingerMs` instead of the socket's own: 0 where it is known that nobody is there to get them.
   */
  close(lingerMs?: number): Promise<void>;
}

/** A socket that others connect to; `address` has the real port where port 0 was asked for. */
export interface Bound {
  readonly address: string;
}

/** The receiving half, as far as somebody who hands on what he receives needs it. */
export interface MessageReader {
  /** Takes no further message until then: what comes meanwhile waits in the socket, and then with its sender. */
  hold(until: Promise<void>): void;
}

/** A bound socket that is told who is there. */
export interface PeerCounting {
  /** Told the number of connections now, and whenever it changes; one handler. */
  onPeerCount(handler: (numPeers: number) => void): void;
}

/** A connected socket that is told whether it is. */
export interface ConnectionWatching {
  /** Told at once if the peer is connected, then whenever the connection is lost (false) or made again (true). */
  onConnection(handler: (isConnected: boolean) => void): void;
}

export interface DealerSocket extends MessageWriter, MessageReader, ConnectionWatching, Closable {
  onMessage(handler: MessageHandler): void;
}
export interface RouterSocket extends Closable, Bound, MessageReader {
  /** As `send`. An unknown identity drops the message, as ROUTER does. */
  sendTo(identity: Frame, frames: readonly Frame[], room?: Room): boolean;
  onMessage(handler: RoutedMessageHandler): void;
  readonly queuedCount: number;
  drained(): Promise<void>;
}
export interface PushSocket extends MessageWriter, ConnectionWatching, Closable {}
export interface PullSocket extends Closable, Bound, MessageReader, PeerCounting {
  onMessage(handler: MessageHandler): void;
}
/** Subscriptions arrive as messages: b"\x01" + topic. `setVerbose` behaviour is always on, as in vLLM. */
export interface XPubSocket extends MessageWriter, MessageReader, Closable, Bound {
  onMessage(handler: MessageHandler): void;
}
export interface XSubSocket extends MessageWriter, MessageReader, Closable {
  onMessage(handler: MessageHandler): void;
}
export interface PubSocket extends MessageWriter, Closable, Bound {}
/** A publisher that connects to the subscriber; what is sent before that subscribed is lost. */
export interface ConnectedPubSocket extends MessageWriter, Closable {}

/**
 * What a socket is for, in the words of vLLM's EngineZmqAddresses: who looks at a process from outside tells its messages
 * apart by it. `dp_group` is ours: vLLM's ranks meet over torch.distributed.
 */
export type SocketName =
  | 'handshake'
  | 'input'
  | 'output'
  | 'coordinator_input'
  | 'coordinator_output'
  | 'frontend_stats_publish'
  | 'kv_events'
  | 'kv_events_replay'
  | 'dp_group'
  | 'other';

export interface SocketOptions {
  /** Default: `other`, of which nobody who looks can tell what it says. */
  readonly name?: SocketName;
  /** Milliseconds that close() may spend on undelivered messages. */
  readonly lingerMs: number;
  /** Messages per peer that may wait to be received by a ROUTER, DEALER or PULL; default: no bound, as vLLM's. */
  readonly receiveHighWaterMark?: number;
}

/**
 * Addresses are ZeroMQ's: `tcp://127.0.0.1:0` (port 0: any free one), `ipc:///path`. A connect never fails at once: it
 * retries until closed.
 */
export interface Transport {
  bindRouter(
    address: string,
    options: SocketOptions & {
      readonly handover: boolean;
      /** Messages per peer that may wait for it, further ones are dropped; default: no bound, as vLLM's. */
      readonly sendHighWaterMark?: number;
      /** What finds a peer's queue full waits instead; for a ROUTER of one peer, behind which all else would wait too. */
      readonly waitsForPeer?: boolean;
    },
  ): Promise<RouterSocket>;
  bindPull(address: string, options: SocketOptions): Promise<PullSocket>;
  bindXPub(address: string, options: SocketOptions): Promise<XPubSocket>;
  bindPub(
    address: string,
    options: SocketOptions & { readonly highWaterMark: number },
  ): Promise<PubSocket>;
  connectPub(
    address: string,
    options: SocketOptions & { readonly highWaterMark: number },
  ): ConnectedPubSocket;
  connectDealer(
    address: string,
    options: SocketOptions & { readonly identity: Frame },
  ): DealerSocket;
  connectPush(address: string, options: SocketOptions): PushSocket;
  connectXSub(
    address: string,
    options: SocketOptions & { readonly identity: Frame | null },
  ): XSubSocket;
}
