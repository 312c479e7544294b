/** All sockets of one engine behind the proxy, made from its INIT: a link an API server, and its use of the coordinator's. */
import type { Frame } from '../../transport/transport.ts';
import { type AddressName, type AddressSlot, replaceAddresses } from './addresses.ts';
import { ClientLink, type Presence } from './client-link.ts';
import type { CoordinatorLinks } from './coordinator-link.ts';
import type { ProxyParts } from './proxy-parts.ts';

export interface EngineRelayOptions {
  readonly parts: ProxyParts;
  readonly engine: string;
  readonly identity: Frame;
  readonly coordinator: CoordinatorLinks;
  readonly onPresence: () => void;
}

/** What an engine may be told of at most: API servers that one INIT names. */
export const MAX_CLIENTS = 1_024;

export class EngineRelay {
  readonly #options: EngineRelayOptions;
  readonly #links: ClientLink[] = [];
  /** Addresses of the coordinator that this engine uses, each to be released once. */
  readonly #taken: string[] = [];
  #init: Uint8Array = new Uint8Array();

  private constructor(options: EngineRelayOptions) {
    this.#options = options;
  }

  /** Binds a socket for each address of the INIT. Throws the system's error where one cannot be bound; nothing is left then. */
  static async open(
    options: EngineRelayOptions,
    init: Uint8Array,
    slots: readonly AddressSlot<AddressName>[],
  ): Promise<EngineRelay> {
    const relay = new EngineRelay(options);
    try {
      await relay.#open(init, slots);
    } catch (error) {
      await relay.close();
      throw error;
    }
    return relay;
  }

  /** The INIT with the proxy's addresses in it. */
  get init(): Uint8Array {
    return this.#init;
  }

  /** Whether the engine is there: null before it came. */
  get engine(): Presence {
    return together(this.#links.map(({ engine }) => engine));
  }

  /** Whether any API server is there: null before the engine came, for whom alone we ask. */
  get frontend(): Presence {
    return together(this.#links.map(({ frontend }) => frontend));
  }

  async close(): Promise<void> {
    const { coordinator } = this.#options;
    await Promise.all([
      ...this.#links.splice(0).map((link) => link.close()),
      ...this.#taken.splice(0).map((original) => coordinator.release(original)),
    ]);
  }

  async #open(init: Uint8Array, slots: readonly AddressSlot<AddressName>[]): Promise<void> {
    const inputs = listOf(slots, 'inputs');
    const outputs = listOf(slots, 'outputs');
    const numClients = Math.max(inputs.length, outputs.length);
    if (numClients > MAX_CLIENTS)
      throw new Error(`INIT names ${numClients} API servers, more than ${MAX_CLIENTS}`);
    for (let index = 0; index < numClients; index++) {
      this.#links.push(
        await ClientLink.open({
          ...this.#options,
          index,
          input: inputs[index] ?? null,
          output: outputs[index] ?? null,
          originalOf: (address) => this.#options.coordinator.originalOf(address),
        }),
      );
    }
    const own = new Map<AddressSlot<AddressName>, string>();
    for (const slot of slots) {
      const address = await this.#addressFor(slot);
      if (address !== null) own.set(slot, address);
    }
    this.#init = replaceAddresses(init, slots, (slot) => own.get(slot) ?? null);
  }

  async #addressFor({ name, index, address }: AddressSlot<AddressName>): Promise<string | null> {
    switch (name) {
      case 'inputs':
        return this.#links[index]?.inputAddress ?? null;
      case 'outputs':
        return this.#links[index]?.outputAddress ?? null;
      default: {
        this.#taken.push(address);
        const socket = name === 'frontend_stats_publish_address' ? 'frontend_stats_publish' : name;
        return this.#options.coordinator.take(socket, address);
      }
    }
  }
}

function listOf(
  slots: readonly AddressSlot<AddressName>[],
  list: 'inputs' | 'outputs',
): readonly string[] {
  return slots.filter(({ name }) => name === list).map(({ address }) => address);
}

/** Of several: there where one is, gone where all that came are gone. */
function together(all: readonly Presence[]): Presence {
  if (all.includes(true)) return true;
  return all.includes(false) ? false : null;
}
