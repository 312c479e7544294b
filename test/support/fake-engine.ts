/**
 * An engine core as its frontend sees it, over any transport: shakes hands, reports, and then does what the test says.
 */
import { createEngineCoreOutputs } from '../../src/shared/protocol/defaults.ts';
import type { EngineHandshakeMetadata } from '../../src/shared/protocol/handshake.ts';
import { identityFromEngineIndex } from '../../src/shared/protocol/identity.ts';
import type { EngineCoreOutputs } from '../../src/shared/protocol/outputs.ts';
import type { EngineCoreReadyResponse } from '../../src/shared/protocol/ready-response.ts';
import type { EngineInput } from '../../src/shared/protocol/request.ts';
import type {
  DealerSocket,
  Frame,
  PushSocket,
  Transport,
} from '../../src/shared/transport/transport.ts';
import { createReadyResponse } from './ready-response.ts';
import { wireCodec } from './wire-codec.ts';

const {
  decodeEngineInput,
  decodeHandshakeMetadata,
  encodeEngineCoreDead,
  encodeEngineCoreOutputs,
  encodeHandshakeMessage,
  encodeReadyResponse,
} = wireCodec;

export interface FakeEngineOptions {
  readonly transport: Transport;
  readonly rank: number;
  readonly readyResponse?: Partial<EngineCoreReadyResponse>;
  /** Called for every decoded input. */
  readonly onInput?: (input: EngineInput, engine: FakeEngine) => void;
}

export class FakeEngine {
  readonly rank: number;
  readonly inputs: EngineInput[] = [];
  readonly rawInputs: (readonly Frame[])[] = [];
  readonly #options: FakeEngineOptions;
  readonly #inputSockets: DealerSocket[] = [];
  readonly #outputSockets: PushSocket[] = [];
  #handshake: DealerSocket | null = null;

  constructor(options: FakeEngineOptions) {
    this.#options = options;
    this.rank = options.rank;
  }

  /** HELLO, INIT, the ready response on every input, READY. Resolves with what INIT said. */
  async shakeHands(
    handshakeAddress: string,
    place: { readonly local: boolean; readonly headless: boolean },
  ): Promise<EngineHandshakeMetadata> {
    const identity = identityFromEngineIndex(this.rank);
    const handshake = this.#options.transport.connectDealer(handshakeAddress, {
      lingerMs: 1000,
      identity,
    });
    this.#handshake = handshake;
    const init = new Promise<EngineHandshakeMetadata>((resolve) => {
      handshake.onMessage((frames) => resolve(decodeHandshakeMetadata(frames)));
    });
    handshake.send(encodeHandshakeMessage({ status: 'HELLO', ...place }));
    const metadata = await init;
    this.connect(metadata.addresses);
    handshake.send(encodeHandshakeMessage({ status: 'READY', ...place }));
    return metadata;
  }

  /** Connects to every client and reports. */
  connect(addresses: {
    readonly inputs: readonly string[];
    readonly outputs: readonly string[];
  }): void {
    const { transport } = this.#options;
    const identity = identityFromEngineIndex(this.rank);
    for (const address of addresses.outputs) {
      this.#outputSockets.push(transport.connectPush(address, { lingerMs: 1000 }));
    }
    for (const address of addresses.inputs) {
      const socket = transport.connectDealer(address, { lingerMs: 1000, identity });
      socket.onMessage((frames) => this.#onInput(frames));
      this.#inputSockets.push(socket);
      socket.send(
        encodeReadyResponse(
          createReadyResponse({ dataParallelRank: this.rank, ...this.#options.readyResponse }),
        ),
      );
    }
  }

  send(outputs: Partial<EngineCoreOutputs>, clientIndex = 0): void {
    this.sendFrames(
      encodeEngineCoreOutputs(createEngineCoreOutputs({ engineIndex: this.rank, ...outputs })),
      clientIndex,
    );
  }

  sendFrames(frames: readonly Frame[], clientIndex = 0): void {
    this.#outputSockets[clientIndex]?.send(frames);
  }

  sendOnInput(frames: readonly Frame[], clientIndex = 0): void {
    this.#inputSockets[clientIndex]?.send(frames);
  }

  sendHandshake(frames: readonly Frame[]): void {
    this.#handshake?.send(frames);
  }

  die(): void {
    for (const socket of this.#outputSockets) socket.send(encodeEngineCoreDead());
  }

  async close(): Promise<void> {
    const sockets = [...this.#inputSockets, ...this.#outputSockets, this.#handshake];
    await Promise.all(sockets.map((socket) => socket?.close()));
  }

  #onInput(frames: readonly Frame[]): void {
    this.rawInputs.push(frames);
    const input = decodeEngineInput(frames);
    this.inputs.push(input);
    this.#options.onInput?.(input, this);
  }
}
