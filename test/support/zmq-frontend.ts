/**
 * A frontend made of bare sockets, as an engine core sees one: answers HELLO, keeps what it hears, and sends any frames.
 */
import {
  decodeEngineCoreOutputs,
  decodeHandshakeMessage,
  decodeReadyResponse,
  encodeCoordinatorReady,
  encodeEngineInput,
  encodeHandshakeMetadata,
} from '../../src/shared/protocol/codec.ts';
import type { HandshakeMessage } from '../../src/shared/protocol/handshake.ts';
import {
  engineIndexFromIdentity,
  identityFromEngineIndex,
} from '../../src/shared/protocol/identity.ts';
import type { EngineCoreOutput, EngineCoreOutputs } from '../../src/shared/protocol/outputs.ts';
import type { EngineCoreReadyResponse } from '../../src/shared/protocol/ready-response.ts';
import type { EngineInput } from '../../src/shared/protocol/request.ts';
import type {
  Frame,
  PullSocket,
  RouterSocket,
  Transport,
  XPubSocket,
} from '../../src/shared/transport/transport.ts';
import { waitUntil } from './wait-for.ts';

const BIND = 'tcp://127.0.0.1:0';

interface Sockets {
  readonly handshake: RouterSocket;
  readonly input: RouterSocket;
  readonly output: PullSocket;
  readonly coordinatorInput: XPubSocket | null;
  readonly coordinatorOutput: PullSocket | null;
}

export interface ZmqFrontendOptions {
  readonly transport: Transport;
  readonly engineCount: number;
  /** Greets the engines as the DP coordinator does, once all have subscribed. */
  readonly withCoordinator?: boolean;
  /** Sent with INIT. */
  readonly parallelConfig?: Readonly<Record<string, unknown>>;
  /** Answers HELLO with these frames instead of INIT, or with nothing. */
  readonly init?: readonly Frame[] | null;
}

export class ZmqFrontend {
  readonly handshakes: { rank: number; message: HandshakeMessage }[] = [];
  readonly readyResponses = new Map<number, EngineCoreReadyResponse>();
  readonly outputs: EngineCoreOutputs[] = [];
  readonly toCoordinator: EngineCoreOutputs[] = [];
  /** How many engines said ENGINE_CORE_DEAD. */
  numDead = 0;
  readonly #options: ZmqFrontendOptions;
  readonly #sockets: Sockets;

  private constructor(options: ZmqFrontendOptions, sockets: Sockets) {
    this.#options = options;
    this.#sockets = sockets;
    const { handshake, input, output, coordinatorInput, coordinatorOutput } = sockets;
    handshake.onMessage((identity, frames) => this.#onHandshake(identity, frames));
    input.onMessage((identity, frames) => {
      this.readyResponses.set(engineIndexFromIdentity(identity), decodeReadyResponse(frames));
    });
    output.onMessage((frames) => {
      const outputs = decodeEngineCoreOutputs(frames);
      if (outputs === 'ENGINE_CORE_DEAD') this.numDead += 1;
      else this.outputs.push(outputs);
    });
    let numSubscribed = 0;
    coordinatorInput?.onMessage(() => {
      numSubscribed += 1;
      if (numSubscribed === options.engineCount) coordinatorInput.send(encodeCoordinatorReady());
    });
    coordinatorOutput?.onMessage((frames) => {
      const outputs = decodeEngineCoreOutputs(frames);
      if (outputs !== 'ENGINE_CORE_DEAD') this.toCoordinator.push(outputs);
    });
  }

  static async start(options: ZmqFrontendOptions): Promise<ZmqFrontend> {
    const { transport, withCoordinator = false } = options;
    const router = { lingerMs: 0, handover: false };
    const [handshake, input, output] = await Promise.all([
      transport.bindRouter(BIND, router),
      transport.bindRouter(BIND, router),
      transport.bindPull(BIND, { lingerMs: 0 }),
    ]);
    const coordinatorInput = withCoordinator
      ? await transport.bindXPub(BIND, { lingerMs: 0 })
      : null;
    const coordinatorOutput = withCoordinator
      ? await transport.bindPull(BIND, { lingerMs: 0 })
      : null;
    const sockets = { handshake, input, output, coordinatorInput, coordinatorOutput };
    return new ZmqFrontend(options, sockets);
  }

  get handshakeAddress(): string {
    return this.#sockets.handshake.address;
  }

  get port(): string {
    return this.handshakeAddress.split(':').at(-1) ?? '';
  }

  /** All engines have said READY and their ready response. */
  async allReady(timeoutMs = 20_000): Promise<void> {
    const { engineCount } = this.#options;
    const isReady = (): boolean =>
      this.readyResponses.size === engineCount &&
      this.handshakes.filter(({ message }) => message.status === 'READY').length === engineCount;
    await waitUntil('READY of all engines', async () => isReady(), { timeoutMs });
  }

  send(rank: number, input: EngineInput): void {
    this.sendFrames(rank, encodeEngineInput(input));
  }

  sendFrames(rank: number, frames: readonly Frame[]): void {
    this.#sockets.input.sendTo(identityFromEngineIndex(rank), frames);
  }

  broadcast(frames: readonly Frame[]): void {
    this.#sockets.coordinatorInput?.send(frames);
  }

  outputsOf(requestId: string): readonly EngineCoreOutput[] {
    return this.outputs
      .flatMap(({ outputs }) => outputs)
      .filter((output) => output.requestId === requestId);
  }

  tokensOf(requestId: string): readonly number[] {
    return this.outputsOf(requestId).flatMap(({ newTokenIds }) => [...newTokenIds]);
  }

  finishReasonOf(requestId: string): number | null {
    return this.outputsOf(requestId).at(-1)?.finishReason ?? null;
  }

  async finished(requestId: string): Promise<void> {
    await waitUntil(`the end of ${requestId}`, async () => this.finishReasonOf(requestId) !== null);
  }

  /** The result of a utility call, once it is there. Throws its failure. */
  async call(rank: number, method: string, args: readonly unknown[] = []): Promise<unknown> {
    this.#lastCallId += 1;
    const callId = this.#lastCallId;
    const find = () =>
      this.outputs.find(({ utilityOutput }) => Number(utilityOutput?.callId) === callId);
    this.send(rank, { type: 'UTILITY', call: { clientIndex: 0, callId, method, args } });
    while (find() === undefined) await new Promise((resolve) => setImmediate(resolve));
    const answer = find()?.utilityOutput;
    if (answer?.failureMessage !== null) throw new Error(answer?.failureMessage);
    return answer.result;
  }
  #lastCallId = 1_000_000;

  async close(): Promise<void> {
    await Promise.all(
      Object.values(this.#sockets).map((socket: { close(): Promise<void> } | null) =>
        socket?.close(),
      ),
    );
  }

  #onHandshake(identity: Frame, frames: readonly Frame[]): void {
    const message = decodeHandshakeMessage(frames);
    this.handshakes.push({ rank: engineIndexFromIdentity(identity), message });
    if (message.status !== 'HELLO') return;
    const { init, parallelConfig = {} } = this.#options;
    if (init === null) return;
    const { handshake, input, output, coordinatorInput, coordinatorOutput } = this.#sockets;
    handshake.sendTo(
      identity,
      init ??
        encodeHandshakeMetadata({
          addresses: {
            inputs: [input.address],
            outputs: [output.address],
            coordinatorInput: coordinatorInput?.address ?? null,
            coordinatorOutput: coordinatorOutput?.address ?? null,
            frontendStatsPublishAddress: null,
          },
          parallelConfig,
        }),
    );
  }
}
