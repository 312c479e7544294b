/**
 * The engine's input side: a DEALER to every API server and, with a coordinator, an XSUB. Frames are decoded here, once;
 * what cannot be decoded costs that message.
 * Source: vllm/v1/engine/core.py EngineCoreProc.process_input_sockets (0.33.0).
 */
import { Deadline, type Standstill } from '../shared/deadline.ts';
import { DroppedMessages } from '../shared/dropped-messages.ts';
import { StartupError } from '../shared/errors.ts';
import type { Logger } from '../shared/logger.ts';
import type { EngineZmqAddresses } from '../shared/protocol/handshake.ts';
import { identityFromEngineIndex } from '../shared/protocol/identity.ts';
import type { EngineIndex } from '../shared/protocol/ids.ts';
import { SUBSCRIBE_ALL } from '../shared/protocol/messages/coordinator-messages.ts';
import { EngineCoreRequestType, type EngineInput } from '../shared/protocol/request.ts';
import type { WireCodec } from '../shared/protocol/wire-codec.ts';
import { OWN_METHOD_PREFIX } from '../shared/tap/own-calls.ts';
import type { DealerSocket, Frame, Transport, XSubSocket } from '../shared/transport/transport.ts';
import type { EngineWire } from './engine-wire.ts';
import { COORDINATOR_WAIT_MS, WAITING_FOR_COORDINATOR } from './startup-words.ts';

const INPUT_LINGER_MS = 0;

export interface InputSocketsOptions {
  readonly transport: Transport;
  readonly codec: WireCodec;
  readonly addresses: EngineZmqAddresses;
  readonly rank: EngineIndex;
  /** The rank that the sockets say they are, where that is another. */
  readonly claimedRank?: EngineIndex | null;
  /** What faults do to messages on their way; null where there are none. */
  readonly wire?: EngineWire | null;
  readonly logger: Logger;
  readonly onInput: (input: EngineInput) => void;
  /** EXECUTOR_FAILED, which vLLM says to itself, came from outside. */
  readonly onExecutorFailed?: () => void;
  /** An API server's connection was lost (false) or made (true). */
  readonly onConnection: (isConnected: boolean) => void;
}

export class InputSockets {
  readonly #options: InputSocketsOptions;
  readonly #dealers: readonly DealerSocket[];
  readonly #coordinator: XSubSocket | null;
  #numConnected = 0;
  #onAllConnected: (() => void) | null = null;
  #coordinatorReady: (() => void) | null = null;
  /** Messages that could not be decoded. */
  readonly dropped: DroppedMessages;

  constructor(options: InputSocketsOptions) {
    this.#options = options;
    this.dropped = new DroppedMessages(options.logger);
    const { transport, addresses, rank } = options;
    const identity = identityFromEngineIndex(options.claimedRank ?? rank);
    this.#dealers = addresses.inputs.map((address) => {
      const dealer = transport.connectDealer(address, {
        name: 'input',
        identity,
        lingerMs: INPUT_LINGER_MS,
      });
      dealer.onConnection((isConnected) => this.#onConnection(isConnected));
      return dealer;
    });
    this.#coordinator =
      addresses.coordinatorInput === null
        ? null
        : transport.connectXSub(addresses.coordinatorInput, {
            identity,
            name: 'coordinator_input',
            lingerMs: INPUT_LINGER_MS,
          });
  }

  /** Says to every API server that the engine is ready; only then can a ROUTER send to it. */
  announce(readyResponse: readonly Frame[]): void {
    for (const dealer of this.#dealers) {
      dealer.send(readyResponse);
      dealer.onMessage((frames) => this.#onFramesOfFrontend(frames));
    }
  }

  /** Resolves once every API server knows of the engine's connection. */
  connected(): Promise<void> {
    return new Promise((resolve) => {
      this.#onAllConnected = resolve;
      this.#onConnection(null);
    });
  }

  /** Resolves once the coordinator has seen all engines subscribe. Throws E_STARTUP_TIMEOUT. */
  async waitForCoordinator(
    timeoutSeconds: number,
    standstill: Standstill | null = null,
  ): Promise<void> {
    const coordinator = this.#coordinator;
    if (coordinator === null) return;
    const ready = new Promise<void>((resolve, reject) => {
      const late = (): void =>
        reject(
          new StartupError(
            'E_STARTUP_TIMEOUT',
            `Engine ${this.#options.rank}: no READY message from the DP Coordinator at ` +
              `${this.#options.addresses.coordinatorInput} within ${timeoutSeconds} seconds; it comes when all engines ` +
              'have subscribed: is one missing? (--coordinator-ready-timeout sets the wait)',
          ),
        );
      const timeoutMs = timeoutSeconds * 1000;
      const deadline = new Deadline({ timeoutMs, onExpired: late, standstill });
      this.#coordinatorReady = () => {
        deadline.clear();
        resolve();
      };
    });
    coordinator.onMessage((frames) => {
      if (this.#options.codec.isCoordinatorReady(frames)) this.#coordinatorReady?.();
      else this.#onFrames(frames);
    });
    coordinator.send([SUBSCRIBE_ALL]);
    const { logger } = this.#options;
    const reminder = setInterval(() => logger.info(WAITING_FOR_COORDINATOR), COORDINATOR_WAIT_MS);
    await ready.finally(() => clearInterval(reminder));
  }

  async close(): Promise<void> {
    await Promise.all([...this.#dealers, this.#coordinator].map((socket) => socket?.close()));
  }

  /** Null: looks again. */
  #onConnection(isConnected: boolean | null): void {
    if (isConnected !== null) {
      this.#numConnected += isConnected ? 1 : -1;
      this.#options.onConnection(isConnected);
    }
    if (this.#numConnected === this.#dealers?.length) this.#onAllConnected?.();
  }

  #onFramesOfFrontend(frames: readonly Frame[]): void {
    const lane = this.#options.wire?.toEngine;
    if (lane === undefined || lane.isClear || this.#isOwnCall(frames)) this.#onFrames(frames);
    else lane.pass(frames, (passed) => this.#onFrames(passed));
  }

  #isOwnCall(frames: readonly Frame[]): boolean {
    if (frames[0]?.[0] !== EngineCoreRequestType.UTILITY) return false;
    try {
      const input = this.#options.codec.decodeEngineInput(frames);
      return input.type === 'UTILITY' && input.call.method.startsWith(OWN_METHOD_PREFIX);
    } catch {
      return false;
    }
  }

  #onFrames(frames: readonly Frame[]): void {
    const [type] = frames;
    if (type?.length === 1 && type[0] === EngineCoreRequestType.EXECUTOR_FAILED) {
      this.#options.onExecutorFailed?.();
      return;
    }
    let input: EngineInput;
    try {
      input = this.#options.codec.decodeEngineInput(frames);
    } catch (error) {
      this.dropped.add('input', error);
      return;
    }
    if (input.type === 'UTILITY') {
      this.#options.wire?.ownCalls.take(input.call);
      input = { type: 'UTILITY', call: this.#options.codec.fromVersionsCall(input.call) };
    }
    this.#options.onInput(input);
  }
}
