/**
 * An engine's side of the start-up: HELLO, wait for INIT, and later READY; with one frontend, or with rank 0's and its
 * own. Every wait has a deadline that its message names.
 * Source: vllm/v1/engine/core.py EngineCoreProc._perform_handshakes, startup_handshake (0.33.0).
 */
import { Deadline, type Standstill } from '../shared/deadline.ts';
import { reasonOf, StartupError } from '../shared/errors.ts';
import type { Logger } from '../shared/logger.ts';
import type { EngineHandshakeMetadata, EngineZmqAddresses } from '../shared/protocol/handshake.ts';
import { identityFromEngineIndex } from '../shared/protocol/identity.ts';
import type { EngineIndex } from '../shared/protocol/ids.ts';
import type { WireCodec } from '../shared/protocol/wire-codec.ts';
import type { DealerSocket, Frame, Transport } from '../shared/transport/transport.ts';
import type { StartupMessage } from './faults/startup-fault.ts';
import type { StartupPoints } from './faults/startup-points.ts';
import { receivedInitLine, WAITING_FOR_INIT } from './startup-words.ts';

const HANDSHAKE_LINGER_MS = 5_000;

export interface HandshakeOptions {
  readonly transport: Transport;
  readonly codec: WireCodec;
  readonly rank: EngineIndex;
  readonly handshakeAddress: string;
  readonly clientHandshakeAddress: string | null;
  readonly headless: boolean;
  readonly timeoutSeconds: number;
  readonly logger: Pick<Logger, 'debug'>;
  /** What the wait for INIT stands still with; null where nothing does. */
  readonly standstill?: Standstill | null;
  /** Null where a scenario changes nothing about the start. */
  readonly faults?: StartupPoints | null;
}

const FAULT_NAMES: Readonly<Record<'HELLO' | 'READY', StartupMessage>> = {
  HELLO: 'hello',
  READY: 'ready',
};

/** One conversation with one frontend. */
class Conversation {
  readonly #socket: DealerSocket;
  readonly #codec: WireCodec;
  readonly #address: string;
  readonly #local: boolean;
  readonly #headless: boolean;
  readonly #rank: EngineIndex;
  readonly #logger: HandshakeOptions['logger'];
  readonly #standstill: Standstill | null;
  readonly #faults: StartupPoints | null;

  constructor(
    options: HandshakeOptions,
    address: string,
    who: { local: boolean; headless: boolean },
  ) {
    this.#codec = options.codec;
    this.#address = address;
    this.#faults = options.faults ?? null;
    this.#local = who.local !== (this.#faults?.isPlaceTurned ?? false);
    this.#headless = who.headless;
    this.#rank = options.rank;
    this.#logger = options.logger;
    this.#standstill = options.standstill ?? null;
    this.#socket = options.transport.connectDealer(address, {
      identity: identityFromEngineIndex(this.#faults?.claimedRank ?? options.rank),
      name: 'handshake',
      lingerMs: HANDSHAKE_LINGER_MS,
    });
  }

  async greet(timeoutSeconds: number): Promise<EngineHandshakeMetadata> {
    const answer = this.#nextMessage(timeoutSeconds);
    this.#send('HELLO');
    if (this.#faults?.isHelloRepeated === true) this.#send('HELLO');
    this.#logger.debug(WAITING_FOR_INIT);
    const frames = await answer;
    try {
      const metadata = this.#codec.decodeHandshakeMetadata(frames);
      this.#logger.debug(receivedInitLine(metadata));
      return metadata;
    } catch (cause) {
      const reason = reasonOf(cause);
      throw new StartupError(
        'E_HANDSHAKE',
        `Engine ${this.#rank}: the frontend at ${this.#address} answered HELLO with something else than INIT: ${reason}`,
        { cause },
      );
    }
  }

  async ready(parallelConfigHash: string | null): Promise<void> {
    this.#send('READY', parallelConfigHash);
    await this.close();
  }

  close(): Promise<void> {
    return this.#socket.close();
  }

  #send(status: 'HELLO' | 'READY', parallelConfigHash: string | null = null): void {
    const frames = this.#codec.encodeHandshakeMessage({
      status,
      local: this.#local,
      headless: this.#headless,
      ...(parallelConfigHash === null ? {} : { parallelConfigHash }),
    });
    this.#socket.send(this.#faults?.framesOf(FAULT_NAMES[status], frames) ?? frames);
  }

  #nextMessage(timeoutSeconds: number): Promise<readonly Frame[]> {
    return new Promise((resolve, reject) => {
      const late = (): void =>
        reject(
          new StartupError(
            'E_STARTUP_TIMEOUT',
            `Engine ${this.#rank}: Did not receive response from front-end process at ${this.#address} within ` +
              `${timeoutSeconds} seconds of HELLO. Is it running, and is its --data-parallel-rpc-port the same? ` +
              '(--handshake-timeout sets the wait)',
          ),
        );
      const deadline = new Deadline({
        timeoutMs: timeoutSeconds * 1000,
        onExpired: late,
        standstill: this.#standstill,
      });
      this.#socket.onMessage((frames) => {
        deadline.clear();
        resolve(frames);
      });
    });
  }
}

export interface Handshake {
  readonly addresses: EngineZmqAddresses;
  /** vLLM's parallel_config attributes for data-parallel MoE; else empty. */
  readonly parallelConfig: Readonly<Record<string, unknown>>;
  /** Says READY to everybody greeted. `parallelConfigHash` only of data-parallel MoE engines. */
  ready(parallelConfigHash: string | null): Promise<void>;
  /** Gives up. */
  close(): Promise<void>;
}

/** HELLO → INIT. Throws E_STARTUP_TIMEOUT or E_HANDSHAKE; the sockets are closed then. */
export async function shakeHands(options: HandshakeOptions): Promise<Handshake> {
  const { clientHandshakeAddress, headless, timeoutSeconds, faults = null } = options;
  if (faults !== null) await faults.before('hello');
  const local = !headless && clientHandshakeAddress === null;
  const conversations = [new Conversation(options, options.handshakeAddress, { local, headless })];
  const [first] = conversations;
  const close = async (): Promise<void> => {
    await Promise.all(conversations.map((conversation) => conversation.close()));
  };
  try {
    const metadata = await (first as Conversation).greet(timeoutSeconds);
    let { addresses } = metadata;
    if (clientHandshakeAddress !== null) {
      const own = new Conversation(options, clientHandshakeAddress, {
        local: true,
        headless: false,
      });
      conversations.push(own);
      const client = await own.greet(timeoutSeconds);
      addresses = {
        ...addresses,
        inputs: client.addresses.inputs,
        outputs: client.addresses.outputs,
      };
    }
    return {
      addresses,
      parallelConfig: metadata.parallelConfig,
      async ready(parallelConfigHash) {
        const hash = faults === null ? parallelConfigHash : faults.hashOf(parallelConfigHash);
        if (faults !== null) await faults.before('ready');
        // The colocated frontend hears it first, as from vLLM.
        for (const conversation of conversations.toReversed()) await conversation.ready(hash);
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
