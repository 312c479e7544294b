/**
 * A frontend made of bare sockets, as an engine core sees one: answers HELLO, keeps what it hears, and sends any frames.
 */
import type { HandshakeMessage } from '../../src/shared/protocol/handshake.ts';
import {
  engineIndexFromIdentity,
  identityFromEngineIndex,
} from '../../src/shared/protocol/identity.ts';
import type { EngineCoreOutput, EngineCoreOutputs } from '../../src/shared/protocol/outputs.ts';
import type { EngineCoreReadyResponse } from '../../src/shared/protocol/ready-response.ts';
import type { EngineCoreRequest, EngineInput } from '../../src/shared/protocol/request.ts';
import type {
  Frame,
  PullSocket,
  RouterSocket,
  Transport,
  XPubSocket,
} from '../../src/shared/transport/transport.ts';
import { waitUntil } from './wait-for.ts';
import { wireCodec } from './wire-codec.ts';

const {
  decodeEngineCoreOutputs,
  decodeHandshakeMessage,
  decodeReadyResponse,
  encodeCoordinatorReady,
  encodeEngineInput,
  encodeHandshakeMetadata,
} = wireCodec;

const BIND = 'tcp://127.0.0.1:0';

interface Sockets {
  readonly handshake: RouterSocket;
  readonly input: RouterSocket;
  readonly output: PullSocket;
  /** The second API server's, see `withFlood`. */
  readonly floodInput: RouterSocket | null;
  readonly floodOutput: PullSocket | null;
  readonly coordinatorInput: XPubSocket | null;
  readonly coordinatorOutput: PullSocket | null;
}

export interface ZmqFrontendOptions {
  readonly transport: Transport;
  readonly engineCount: number;
  /** Greets the engines as the DP coordinator does, once all have subscribed, and passes waves on. */
  readonly withCoordinator?: boolean;
  /** A second API server (client index 1), whose outputs are counted and not decoded. */
  readonly withFlood?: boolean;
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
  numFlooded = 0;
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
    // What engines say there at first is their ready response, which is the same.
    sockets.floodInput?.onMessage(() => {});
    sockets.floodOutput?.onMessage(() => {
      this.numFlooded += 1;
    });
    let numSubscribed = 0;
    coordinatorInput?.onMessage(() => {
      numSubscribed += 1;
      if (numSubscribed === options.engineCount) coordinatorInput.send(encodeCoordinatorReady());
    });
    coordinatorOutput?.onMessage((frames) => {
      const outputs = decodeEngineCoreOutputs(frames);
      if (outputs === 'ENGINE_CORE_DEAD') return;
      this.toCoordinator.push(outputs);
      const { startWave: wave, engineIndex: excludeEngineIndex } = outputs;
      if (wave !== null)
        coordinatorInput?.send(
          encodeEngineInput({ type: 'START_DP_WAVE', wave, excludeEngineIndex }),
        );
    });
  }

  static async start(options: ZmqFrontendOptions): Promise<ZmqFrontend> {
    const { transport, withCoordinator = false, withFlood = false } = options;
    const bindRouter = () => transport.bindRouter(BIND, { lingerMs: 0, handover: false });
    const bindPull = () => transport.bindPull(BIND, { lingerMs: 0 });
    const sockets: Sockets = {
      handshake: await bindRouter(),
      input: await bindRouter(),
      output: await bindPull(),
      floodInput: withFlood ? await bindRouter() : null,
      floodOutput: withFlood ? await bindPull() : null,
      coordinatorInput: withCoordinator ? await transport.bindXPub(BIND, { lingerMs: 0 }) : null,
      coordinatorOutput: withCoordinator ? await bindPull() : null,
    };
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

  /** As the second API server. */
  flood(rank: number, request: EngineCoreRequest): void {
    const input: EngineInput = { type: 'ADD', request: { ...request, clientIndex: 1 } };
    this.#sockets.floodInput?.sendTo(identityFromEngineIndex(rank), encodeEngineInput(input));
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
    const { handshake, input, output, floodInput, floodOutput } = this.#sockets;
    const { coordinatorInput, coordinatorOutput } = this.#sockets;
    handshake.sendTo(
      identity,
      init ??
        encodeHandshakeMetadata({
          addresses: {
            inputs: [input.address, ...(floodInput === null ? [] : [floodInput.address])],
            outputs: [output.address, ...(floodOutput === null ? [] : [floodOutput.address])],
            coordinatorInput: coordinatorInput?.address ?? null,
            coordinatorOutput: coordinatorOutput?.address ?? null,
            frontendStatsPublishAddress: null,
          },
          parallelConfig,
        }),
    );
  }
}
