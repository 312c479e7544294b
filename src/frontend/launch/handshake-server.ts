/**
 * The socket around engine-startup.ts: a ROUTER that decodes, asks, and answers HELLO with the addresses.
 * A message that cannot be decoded or breaks the handshake ends the start-up, as it ends vLLM's.
 * Source: vllm/v1/engine/utils.py launch_core_engines (0.33.0).
 */
import { StartupError, TwinError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/logger.ts';
import type { EngineHandshakeMetadata } from '../../shared/protocol/handshake.ts';
import type { EngineIndex } from '../../shared/protocol/ids.ts';
import type { WireCodec } from '../../shared/protocol/wire-codec.ts';
import type { Frame, RouterSocket, Transport } from '../../shared/transport/transport.ts';
import type { EngineStartup } from './engine-startup.ts';

export interface HandshakeServerOptions {
  readonly transport: Transport;
  readonly codec: WireCodec;
  readonly address: string;
  readonly startup: EngineStartup;
  /** What engines are told; HELLO is answered once it is known. */
  readonly metadata: Promise<EngineHandshakeMetadata>;
  readonly logger: Logger;
}

const LINGER_MS = 0;
/** How long it is silent before it says whom it waits for. Source: vllm/v1/engine/utils.py STARTUP_POLL_PERIOD_MS. */
const STARTUP_POLL_PERIOD_MS = 10_000;

export class HandshakeServer {
  readonly #options: HandshakeServerOptions;
  readonly #socket: RouterSocket;
  readonly #completed: Promise<void>;
  readonly #silence: NodeJS.Timeout;
  #resolve: () => void = () => {};
  #reject: (error: Error) => void = () => {};

  private constructor(options: HandshakeServerOptions, socket: RouterSocket) {
    this.#options = options;
    this.#socket = socket;
    this.#completed = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#completed.catch(() => {});
    this.#silence = setInterval(() => this.#sayPending(), STARTUP_POLL_PERIOD_MS).unref();
    socket.onMessage((identity, frames) => this.#onMessage(identity, frames));
  }

  /** Throws E_PORT_IN_USE where somebody else has the address. */
  static async bind(options: HandshakeServerOptions): Promise<HandshakeServer> {
    const { transport, address } = options;
    try {
      const socket = await transport.bindRouter(address, {
        name: 'handshake',
        lingerMs: LINGER_MS,
        handover: false,
      });
      return new HandshakeServer(options, socket);
    } catch (cause) {
      throw new StartupError(
        'E_PORT_IN_USE',
        `Cannot bind the handshake socket to ${address}: another process has it. Choose another --data-parallel-rpc-port.`,
        { cause },
      );
    }
  }

  get address(): string {
    return this.#socket.address;
  }

  /** Resolves once every engine is READY; rejects with the first broken rule. */
  waitUntilComplete(): Promise<void> {
    return this.#completed;
  }

  close(): Promise<void> {
    clearInterval(this.#silence);
    return this.#socket.close();
  }

  #sayPending(): void {
    const { logger, startup } = this.#options;
    const { connect, start } = startup.pending;
    const places = ({ local, remote }: { local: number; remote: number }): string =>
      `${local} local, ${remote} remote core engine proc(s)`;
    if (connect.local + connect.remote > 0)
      logger.debug(`Waiting for ${places(connect)} to connect.`);
    if (start.local + start.remote > 0) logger.debug(`Waiting for ${places(start)} to start.`);
  }

  #onMessage(identity: Frame, frames: readonly Frame[]): void {
    this.#silence.refresh();
    const { codec, startup, logger } = this.#options;
    const rank = rankFromIdentity(identity);
    try {
      const message = codec.decodeHandshakeMessage(frames);
      const action = startup.receive(rank, message);
      logger.debug(
        { rank: Number(rank) },
        `${message.status} from ${message.local ? 'local' : 'remote'} core engine process ${rank}.`,
      );
      if (action === 'send-init') void this.#sendInit(identity);
      if (startup.isComplete) this.#resolve();
    } catch (error) {
      if (!(error instanceof TwinError)) throw error;
      this.#reject(error.code === 'E_BAD_FRAME' ? this.#refusalOf(rank, error) : error);
    }
  }

  /** Who sent it counts before what it says. */
  #refusalOf(rank: EngineIndex | bigint, { message }: TwinError): StartupError {
    const isKnown = typeof rank === 'number' && this.#options.startup.getState(rank) !== null;
    return new StartupError(
      'E_HANDSHAKE',
      isKnown
        ? `Engine ${rank} sent a handshake message that cannot be decoded: ${message}`
        : `Message from engine with unexpected data parallel rank: ${rank}`,
    );
  }

  async #sendInit(identity: Frame): Promise<void> {
    try {
      const { codec } = this.#options;
      const metadata = await this.#options.metadata;
      this.#socket.sendTo(identity, codec.encodeHandshakeMetadata(metadata));
    } catch (error) {
      this.#reject(error instanceof Error ? error : new Error(String(error)));
    }
  }
}

/** The identity read as a little-endian integer of any length, as vLLM does; only two-byte ones can be known ranks. */
export function rankFromIdentity(identity: Frame): EngineIndex | bigint {
  let rank = 0n;
  for (let i = identity.length - 1; i >= 0; i--) rank = (rank << 8n) | BigInt(identity[i] ?? 0);
  return identity.length === 2 ? Number(rank) : rank;
}
