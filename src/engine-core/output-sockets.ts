/**
 * The engine's output side: a PUSH to every API server, by client index, and one to the coordinator.
 * Source: vllm/v1/engine/core.py EngineCoreProc.process_output_sockets (0.33.0).
 */
import type { EngineZmqAddresses } from '../shared/protocol/handshake.ts';
import type { WireCodec } from '../shared/protocol/wire-codec.ts';
import type { PushSocket, Transport } from '../shared/transport/transport.ts';
import type { ClientOutputs } from './client-outputs.ts';
import type { EngineWire } from './engine-wire.ts';
import type { WireLane } from './wire-lane.ts';

/** Long enough for ENGINE_CORE_DEAD to get out. */
const OUTPUT_LINGER_MS = 4_000;
/** Counts of an engine that ends interest nobody, and the coordinator may be gone first. */
const COORDINATOR_LINGER_MS = 0;
/** Messages waiting for a slow frontend; the engine stops stepping until there are fewer. */
export const MAX_QUEUED_OUTPUTS = 1_000;

export interface OutputSocketsOptions {
  readonly transport: Transport;
  readonly codec: WireCodec;
  readonly addresses: EngineZmqAddresses;
  /** What faults do to messages on their way; null where there are none. */
  readonly wire?: EngineWire | null;
}

export class OutputSockets {
  readonly #codec: WireCodec;
  readonly #clients: readonly PushSocket[];
  readonly #coordinator: PushSocket | null;
  readonly #wire: EngineWire | null;
  /** Outputs for client indices that do not exist. */
  numUnroutable = 0;

  constructor({ transport, codec, addresses, wire = null }: OutputSocketsOptions) {
    this.#codec = codec;
    this.#wire = wire;
    this.#clients = addresses.outputs.map((address) =>
      transport.connectPush(address, { name: 'output', lingerMs: OUTPUT_LINGER_MS }),
    );
    this.#coordinator =
      addresses.coordinatorOutput === null
        ? null
        : transport.connectPush(addresses.coordinatorOutput, {
            name: 'coordinator_output',
            lingerMs: COORDINATOR_LINGER_MS,
          });
  }

  send(messages: readonly ClientOutputs[]): void {
    for (const message of messages) {
      const { clientIndex, outputs } = message;
      const socket = clientIndex === -1 ? this.#coordinator : this.#clients[clientIndex];
      if (socket === undefined || socket === null) {
        this.numUnroutable += 1;
        continue;
      }
      const frames = this.#codec.encodeEngineCoreOutputs(outputs);
      const lane = this.#laneOf(message);
      // None may be lost; how many there are is bounded by the engine, which holds when `backPressure` says so.
      if (lane === null) socket.send(frames, 'own');
      else lane.pass(frames, (passed) => socket.send(passed, 'own'));
    }
  }

  /** Null for what goes straight to its socket: all but what frontends get while faults are active. */
  #laneOf({ clientIndex, outputs: { utilityOutput } }: ClientOutputs): WireLane | null {
    const wire = this.#wire;
    if (wire === null) return null;
    const isOwn = utilityOutput !== null && wire.ownCalls.settle(clientIndex, utilityOutput.callId);
    return isOwn || clientIndex === -1 || wire.fromEngine.isClear ? null : wire.fromEngine;
  }

  /** Null while there is room; else resolves once a slow frontend has caught up. */
  backPressure(): Promise<void> | null {
    const slow = this.#clients.find(({ queuedCount }) => queuedCount > MAX_QUEUED_OUTPUTS);
    return slow === undefined ? null : slow.drained();
  }

  /** The raw frame that tells every API server that this engine is lost. */
  sendDead(): void {
    for (const client of this.#clients) client.send(this.#codec.encodeEngineCoreDead(), 'own');
  }

  async close(): Promise<void> {
    this.#wire?.flush();
    await Promise.all([...this.#clients, this.#coordinator].map((socket) => socket?.close()));
  }
}
