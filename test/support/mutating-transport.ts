/**
 * The wire between engines and their frontend with somebody on it who changes what he likes: so that an honest frontend looks
 * broken in one thing to the engines that judge it.
 */
import { engineIndexFromIdentity } from '../../src/shared/protocol/identity.ts';
import { type AnySocket, SocketAround } from '../../src/shared/transport/socket-around.ts';
import type {
  Frame,
  MessageHandler,
  Room,
  SocketName,
  Transport,
} from '../../src/shared/transport/transport.ts';

export interface WireMessage {
  readonly socket: SocketName;
  /** Of the engine; -1 on sockets that have no identity. */
  readonly rank: number;
  readonly frames: readonly Frame[];
  /** On its way to the frontend: it is an answer to the engine instead. */
  readonly answers?: true;
}

/** What arrives in a message's place: other ones, of other ranks too, or none. */
export type Mutate = (message: WireMessage) => readonly WireMessage[];

export interface WireMutation {
  readonly toEngine?: Mutate;
  readonly toFrontend?: Mutate;
}

class MutatingSocket extends SocketAround {
  readonly #wire: MutatingWire;
  readonly #place: { readonly socket: SocketName; readonly rank: number };

  constructor(
    inner: AnySocket,
    place: { readonly socket: SocketName; readonly rank: number },
    wire: MutatingWire,
  ) {
    super(inner, '');
    this.#place = place;
    this.#wire = wire;
  }

  override send(frames: readonly Frame[], room?: Room): boolean {
    const messages = this.#wire.mutation.toFrontend?.({ ...this.#place, frames }) ?? [
      { ...this.#place, frames },
    ];
    for (const message of messages) {
      if (message.answers === true) this.#wire.deliver(message);
      else super.send(message.frames, room);
    }
    return true;
  }

  override onMessage(handler: MessageHandler): void {
    this.#wire.handlers.set(keyOf(this.#place), handler);
    super.onMessage((frames) => {
      const message = { ...this.#place, frames };
      for (const one of this.#wire.mutation.toEngine?.(message) ?? [message]) {
        // An engine has an input for each API server: what stays its own comes where it came.
        if (one.rank === this.#place.rank && one.socket === this.#place.socket) handler(one.frames);
        else this.#wire.deliver(one);
      }
    });
  }
}

class MutatingWire {
  readonly mutation: WireMutation;
  readonly handlers = new Map<string, MessageHandler>();

  constructor(mutation: WireMutation) {
    this.mutation = mutation;
  }

  deliver(message: WireMessage): void {
    this.handlers.get(keyOf(message))?.(message.frames);
  }
}

function keyOf({ socket, rank }: { socket: SocketName; rank: number }): string {
  return `${socket} ${rank}`;
}

/** Engines' side only: what they connect. */
export function mutatingTransport(inner: Transport, mutation: WireMutation): Transport {
  const wire = new MutatingWire(mutation);
  const around = (socket: AnySocket, name: SocketName | undefined, identity: Frame | null) =>
    new MutatingSocket(
      socket,
      { socket: name ?? 'other', rank: identity === null ? -1 : engineIndexFromIdentity(identity) },
      wire,
    );
  return {
    ...inner,
    connectDealer: (address, options) =>
      around(inner.connectDealer(address, options), options.name, options.identity),
    connectXSub: (address, options) =>
      around(inner.connectXSub(address, options), options.name, options.identity),
    connectPush: (address, options) =>
      around(inner.connectPush(address, options), options.name, null),
  };
}
