/** The sockets of a frontend with two API servers, and of the coordinator beside it where there are several engines. */
import type { EngineZmqAddresses } from '../../shared/protocol/handshake.ts';
import type { Timers } from '../../shared/timers.ts';
import type {
  Closable,
  Frame,
  PullSocket,
  RouterSocket,
  Transport,
  XPubSocket,
} from '../../shared/transport/transport.ts';

/** Two: so that it shows whose answers an engine sends where. */
const NUM_CLIENTS = 2;
const LINGER_MS = 200;
/** How long an address may be held by a socket that is closed, and how often that is looked at. */
const RELEASE_MS = 1_500;
const LOOK_MS = 20;

export interface FrontendListener {
  readonly onHandshake: (identity: Frame, frames: readonly Frame[]) => void;
  readonly onGreeting: (client: number, identity: Frame, frames: readonly Frame[]) => void;
  /** `client` -1: for the coordinator. */
  readonly onOutputs: (client: number, frames: readonly Frame[]) => void;
  readonly onSubscription: (frames: readonly Frame[]) => void;
}

interface Surroundings {
  readonly transport: Transport;
  readonly timers: Timers;
}

interface Places {
  readonly handshake: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly coordinatorInput: string | null;
  readonly coordinatorOutput: string | null;
  readonly frontendStatsPublish: string | null;
}

interface Sockets {
  readonly handshake: RouterSocket;
  readonly inputs: readonly RouterSocket[];
  readonly outputs: readonly PullSocket[];
  readonly coordinatorInput: XPubSocket | null;
  readonly coordinatorOutput: PullSocket | null;
  /** Nobody speaks there; engines are told its address, and tell it on. */
  readonly frontendStatsPublish: XPubSocket | null;
}

export class FrontendSockets {
  readonly #surroundings: Surroundings;
  #sockets: Sockets;
  #listener: FrontendListener | null = null;

  private constructor(surroundings: Surroundings, sockets: Sockets) {
    this.#surroundings = surroundings;
    this.#sockets = sockets;
  }

  /** Throws the system's error; nothing stays bound then. */
  static async bind(
    surroundings: Surroundings,
    listenAddress: string,
    hasCoordinator: boolean,
  ): Promise<FrontendSockets> {
    const any = `${listenAddress.slice(0, listenAddress.lastIndexOf(':'))}:0`;
    const clients = Array.from({ length: NUM_CLIENTS }, () => any);
    const coordinator = hasCoordinator ? any : null;
    const places = {
      handshake: listenAddress,
      inputs: clients,
      outputs: clients,
      coordinatorInput: coordinator,
      coordinatorOutput: coordinator,
      frontendStatsPublish: coordinator,
    };
    return new FrontendSockets(surroundings, await bindAll(surroundings.transport, places));
  }

  get handshakeAddress(): string {
    return this.#sockets.handshake.address;
  }

  get addresses(): EngineZmqAddresses {
    const { inputs, outputs, coordinatorInput, coordinatorOutput } = this.#sockets;
    return {
      inputs: inputs.map(({ address }) => address),
      outputs: outputs.map(({ address }) => address),
      coordinatorInput: coordinatorInput?.address ?? null,
      coordinatorOutput: coordinatorOutput?.address ?? null,
      frontendStatsPublishAddress: this.#sockets.frontendStatsPublish?.address ?? null,
    };
  }

  listen(listener: FrontendListener): void {
    this.#listener = listener;
    const { handshake, inputs, outputs, coordinatorInput, coordinatorOutput } = this.#sockets;
    handshake.onMessage(listener.onHandshake);
    for (const [client, socket] of inputs.entries())
      socket.onMessage((identity, frames) => listener.onGreeting(client, identity, frames));
    for (const [client, socket] of outputs.entries())
      socket.onMessage((frames) => listener.onOutputs(client, frames));
    coordinatorInput?.onMessage(listener.onSubscription);
    coordinatorOutput?.onMessage((frames) => listener.onOutputs(-1, frames));
  }

  answerHello(identity: Frame, frames: readonly Frame[]): void {
    this.#sockets.handshake.sendTo(identity, frames);
  }

  sendTo(client: number, identity: Frame, frames: readonly Frame[]): void {
    this.#sockets.inputs[client]?.sendTo(identity, frames);
  }

  publish(frames: readonly Frame[]): void {
    this.#sockets.coordinatorInput?.send(frames);
  }

  /** All sockets go, and new ones come at their addresses. */
  async reopen(): Promise<void> {
    const { addresses, handshakeAddress } = this;
    await this.close();
    this.#sockets = await bindAgain(this.#surroundings, {
      handshake: handshakeAddress,
      inputs: addresses.inputs,
      outputs: addresses.outputs,
      coordinatorInput: addresses.coordinatorInput,
      coordinatorOutput: addresses.coordinatorOutput,
      frontendStatsPublish: addresses.frontendStatsPublishAddress,
    });
    if (this.#listener !== null) this.listen(this.#listener);
  }

  async close(): Promise<void> {
    const { inputs, outputs, ...others } = this.#sockets;
    const single = Object.values(others) as (Closable | null)[];
    await Promise.all([...inputs, ...outputs, ...single].map((socket) => socket?.close()));
  }
}

/** ZeroMQ lets an address go in the background, some time after its socket is closed, and tells nobody when. */
async function bindAgain({ transport, timers }: Surroundings, places: Places): Promise<Sockets> {
  for (let waitedMs = 0; ; waitedMs += LOOK_MS) {
    try {
      return await bindAll(transport, places);
    } catch (error) {
      const isHeld = (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
      if (!isHeld || waitedMs >= RELEASE_MS) throw error;
      await timers.pause(LOOK_MS);
    }
  }
}

async function bindAll(transport: Transport, places: Places): Promise<Sockets> {
  const bound: Closable[] = [];
  const kept = async <T extends Closable>(binding: Promise<T>): Promise<T> => {
    const socket = await binding;
    bound.push(socket);
    return socket;
  };
  const router = (name: 'handshake' | 'input', address: string): Promise<RouterSocket> =>
    kept(transport.bindRouter(address, { name, lingerMs: LINGER_MS, handover: false }));
  const pull = (name: 'output' | 'coordinator_output', address: string): Promise<PullSocket> =>
    kept(transport.bindPull(address, { name, lingerMs: LINGER_MS }));
  const publisher = (
    name: 'coordinator_input' | 'frontend_stats_publish',
    address: string | null,
  ): Promise<XPubSocket | null> =>
    address === null
      ? Promise.resolve(null)
      : kept(transport.bindXPub(address, { name, lingerMs: LINGER_MS }));
  try {
    const handshake = await router('handshake', places.handshake);
    const inputs: RouterSocket[] = [];
    for (const address of places.inputs) inputs.push(await router('input', address));
    const outputs: PullSocket[] = [];
    for (const address of places.outputs) outputs.push(await pull('output', address));
    return {
      handshake,
      inputs,
      outputs,
      coordinatorInput: await publisher('coordinator_input', places.coordinatorInput),
      coordinatorOutput:
        places.coordinatorOutput === null
          ? null
          : await pull('coordinator_output', places.coordinatorOutput),
      frontendStatsPublish: await publisher('frontend_stats_publish', places.frontendStatsPublish),
    };
  } catch (error) {
    await Promise.all(bound.map((socket) => socket.close()));
    throw error;
  }
}
