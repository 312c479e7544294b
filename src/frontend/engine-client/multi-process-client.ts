/**
 * The engine client over sockets: a ROUTER that every engine connects its input to, a PULL that they push outputs into,
 * and the coordinator's counts where there is one. One per API server. It owns routing and who waits for which utility
 * call; what an output means is the handler's business.
 * Source: vllm/v1/engine/core_client.py AsyncMPClient, DPAsyncMPClient, DPLBAsyncMPClient (0.33.0). Leaves out: elastic
 * EP, fault tolerance, tensor IPC, late interaction.
 */
import { ClientError, ServerError, StartupError, TwinError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/logger.ts';
import {
  engineIndexFromIdentity,
  identityFromEngineIndex,
} from '../../shared/protocol/identity.ts';
import type { EngineIndex, RequestId } from '../../shared/protocol/ids.ts';
import { SUBSCRIBE_ALL } from '../../shared/protocol/messages/coordinator-messages.ts';
import { ENGINE_CORE_DEAD, type EngineCoreOutputs } from '../../shared/protocol/outputs.ts';
import type { EngineCoreRequest, EngineInput } from '../../shared/protocol/request.ts';
import type { WireCodec } from '../../shared/protocol/wire-codec.ts';
import type {
  Frame,
  PullSocket,
  RouterSocket,
  Transport,
  XSubSocket,
} from '../../shared/transport/transport.ts';
import type { EngineClient } from './engine-client.ts';
import { EngineRegistry, getDpStatsAddress, type ReadyEngines } from './engine-registry.ts';
import { RequestRouter } from './request-router.ts';
import { UtilityCalls } from './utility-calls.ts';

/** Where a client binds; port 0 or an ipc path. */
export interface ClientAddresses {
  readonly input: string;
  readonly output: string;
}

export interface MultiProcessClientOptions {
  readonly transport: Transport;
  readonly codec: WireCodec;
  readonly addresses: ClientAddresses;
  /** Ascending. */
  readonly engineRanks: readonly EngineIndex[];
  /** Requests are spread over the ranks; otherwise all go to the first one. */
  readonly isLoadBalancing: boolean;
  /** API servers that share the engines, and which of them this is. */
  readonly clientCount: number;
  readonly clientIndex: number;
  readonly logger: Logger;
}

/** Messages that may wait for the output handler to be set; beyond it the oldest are dropped with a warning. */
const MAX_EARLY_OUTPUTS = 10_000;
/** vLLM leaves its sockets' linger at 0 when it closes them. */
const LINGER_MS = 0;
const ENGINE_DEAD_MESSAGE =
  'EngineCore encountered an issue. See stack trace (above) for the root cause.';

type OutputsHandler = (outputs: EngineCoreOutputs) => void;
type EngineDeadHandler = (engineIndex: EngineIndex | null, reason: string) => void;

export class MultiProcessClient implements EngineClient {
  readonly addresses: ClientAddresses;
  readonly #options: MultiProcessClientOptions;
  readonly #codec: WireCodec;
  readonly #logger: Logger;
  readonly #input: RouterSocket;
  readonly #output: PullSocket;
  #stats: XSubSocket | null = null;
  readonly #registry: EngineRegistry;
  readonly #identities: readonly Frame[];
  readonly #router: RequestRouter;
  readonly #utilities = new UtilityCalls();
  #engines: ReadyEngines = new Map();
  #currentWave = 0;
  #enginesRunning = false;
  #isEngineDead = false;
  #badFrameCount = 0;
  #earlyOutputs: EngineCoreOutputs[] = [];
  #outputsHandler: OutputsHandler | null = null;
  readonly #engineDeadHandlers: EngineDeadHandler[] = [];
  #onReady: { resolve: () => void; reject: (error: Error) => void } | null = null;

  private constructor(
    options: MultiProcessClientOptions,
    sockets: { input: RouterSocket; output: PullSocket },
  ) {
    this.#options = options;
    this.#codec = options.codec;
    this.#logger = options.logger;
    this.#input = sockets.input;
    this.#output = sockets.output;
    this.addresses = { input: sockets.input.address, output: sockets.output.address };
    this.#registry = new EngineRegistry(options.engineRanks);
    this.#identities = options.engineRanks.map(identityFromEngineIndex);
    this.#router = new RequestRouter(options);
    this.#input.onMessage((identity, frames) => this.#onInputMessage(identity, frames));
    this.#output.onMessage((frames) => this.#onOutputMessage(frames));
  }

  /** Binds both sockets; `addresses` then has the real ports. */
  static async bind(options: MultiProcessClientOptions): Promise<MultiProcessClient> {
    const { transport, addresses } = options;
    const input = await transport.bindRouter(addresses.input, {
      lingerMs: LINGER_MS,
      handover: false,
    });
    try {
      const output = await transport.bindPull(addresses.output, { lingerMs: LINGER_MS });
      return new MultiProcessClient(options, { input, output });
    } catch (error) {
      await input.close();
      throw error;
    }
  }

  /** Resolves once every managed engine has sent its ready response; rejects with the first one that breaks a rule. */
  waitUntilReady(): Promise<void> {
    if (this.#registry.isComplete) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#onReady = { resolve, reject };
    });
  }

  /** Subscribes to the coordinator: its address, or null to take the one that the engines learnt. */
  subscribeToCoordinator(address: string | null): void {
    const from = address ?? getDpStatsAddress(this.#engines);
    if (from === null || this.#stats !== null) return;
    this.#stats = this.#options.transport.connectXSub(from, {
      lingerMs: LINGER_MS,
      identity: null,
    });
    this.#stats.onMessage((frames) => this.#onCoordinatorMessage(frames));
    this.#stats.send([SUBSCRIBE_ALL]);
  }

  get engines(): ReadyEngines {
    return this.#engines;
  }

  /** The ranks that have not sent their ready response. */
  get missingRanks(): readonly EngineIndex[] {
    return this.#registry.missingRanks;
  }

  /** In the order in which they became ready, for vLLM's rule that the first engine's capacity stands for all. */
  get enginesByArrival(): ReadyEngines {
    return this.#registry.enginesByArrival;
  }

  get isEngineDead(): boolean {
    return this.#isEngineDead;
  }

  /** The coordinator says that a wave is running (data-parallel MoE). */
  get enginesRunning(): boolean {
    return this.#enginesRunning;
  }

  /** Messages that could not be decoded and were dropped. */
  get badFrameCount(): number {
    return this.#badFrameCount;
  }

  addRequest(request: EngineCoreRequest): EngineIndex {
    this.#ensureAlive();
    const { engineRanks, clientIndex } = this.#options;
    const rank = request.dataParallelRank;
    if (rank !== null && !(rank >= 0 && rank < engineRanks.length)) {
      throw new ClientError(
        'E_BAD_REQUEST',
        `data_parallel_rank ${rank} is out of range [0, ${engineRanks.length}).`,
      );
    }
    const position = this.#router.route(request);
    const isAsSent =
      request.currentWave === this.#currentWave && request.clientIndex === clientIndex;
    this.#send(position, {
      type: 'ADD',
      request: isAsSent ? request : { ...request, currentWave: this.#currentWave, clientIndex },
    });
    return this.#rankAt(position);
  }

  abortRequests(requestIds: readonly RequestId[]): void {
    if (requestIds.length === 0 || this.#isEngineDead) return;
    for (const [position, ids] of this.#router.routeAborts(requestIds)) {
      this.#send(position, { type: 'ABORT', requestIds: ids });
    }
  }

  async callUtility(
    engineIndex: EngineIndex,
    method: string,
    args: readonly unknown[],
  ): Promise<unknown> {
    this.#ensureAlive();
    const position = this.#options.engineRanks.indexOf(engineIndex);
    if (position < 0) {
      throw new ServerError(
        'E_UTILITY_FAILED',
        `Call to ${method} method: no engine ${engineIndex}`,
      );
    }
    const { callId, result } = this.#utilities.start();
    const clientIndex = this.#options.clientIndex;
    this.#send(position, { type: 'UTILITY', call: { clientIndex, callId, method, args } });
    return result;
  }

  callUtilityOnAll(method: string, args: readonly unknown[]): Promise<readonly unknown[]> {
    return Promise.all(
      this.#options.engineRanks.map((index) => this.callUtility(index, method, args)),
    );
  }

  onOutputs(handler: OutputsHandler): void {
    this.#outputsHandler = handler;
    const early = this.#earlyOutputs;
    this.#earlyOutputs = [];
    for (const outputs of early) handler(outputs);
  }

  onEngineDead(handler: EngineDeadHandler): void {
    this.#engineDeadHandlers.push(handler);
  }

  /** An engine's frame or its process's end said so. Null where the frame does not tell which engine it was. */
  markEngineDead(engineIndex: EngineIndex | null, reason: string): void {
    if (this.#isEngineDead) return;
    this.#isEngineDead = true;
    this.#utilities.rejectAll(new ServerError('E_ENGINE_DEAD', ENGINE_DEAD_MESSAGE));
    for (const handler of this.#engineDeadHandlers) handler(engineIndex, reason);
  }

  async close(): Promise<void> {
    this.#utilities.rejectAll(new ServerError('E_ENGINE_DEAD', ENGINE_DEAD_MESSAGE));
    await Promise.all([this.#input.close(), this.#output.close(), this.#stats?.close()]);
  }

  #ensureAlive(): void {
    if (this.#isEngineDead) throw new ServerError('E_ENGINE_DEAD', ENGINE_DEAD_MESSAGE);
  }

  #send(position: number, input: EngineInput): void {
    const identity = this.#identities[position];
    if (identity !== undefined) this.#input.sendTo(identity, this.#codec.encodeEngineInput(input));
  }

  #rankAt(position: number): EngineIndex {
    return this.#options.engineRanks[position] ?? 0;
  }

  /** The first message of an engine is its ready response; nothing else is ever sent on the input socket. */
  #onInputMessage(identity: Frame, frames: readonly Frame[]): void {
    if (this.#engines.size > 0) {
      this.#countBadFrame('input', new Error('no message is expected after the ready response'));
      return;
    }
    try {
      const response = this.#codec.decodeReadyResponse(frames);
      this.#registry.add(engineIndexFromIdentity(identity), response);
    } catch (error) {
      if (error instanceof StartupError) this.#onReady?.reject(error);
      else this.#countBadFrame('input', error);
      return;
    }
    if (!this.#registry.isComplete) return;
    this.#engines = this.#registry.engines;
    this.#onReady?.resolve();
  }

  #onOutputMessage(frames: readonly Frame[]): void {
    let outputs: EngineCoreOutputs | typeof ENGINE_CORE_DEAD;
    try {
      outputs = this.#codec.decodeEngineCoreOutputs(frames);
    } catch (error) {
      this.#countBadFrame('output', error);
      return;
    }
    if (outputs === ENGINE_CORE_DEAD) {
      this.markEngineDead(null, `an engine core sent ${ENGINE_CORE_DEAD}`);
      return;
    }
    if (outputs.utilityOutput !== null) {
      if (this.#utilities.settle(outputs.utilityOutput)) return;
      this.#logger.warn({ callId: String(outputs.utilityOutput.callId) }, 'answer to no call');
      return;
    }
    if (outputs.finishedRequests !== null) this.#router.finish(outputs.finishedRequests);
    if (outputs.outputs.length > 0 || outputs.schedulerStats !== null) this.#deliver(outputs);
  }

  #deliver(outputs: EngineCoreOutputs): void {
    if (this.#outputsHandler !== null) {
      this.#outputsHandler(outputs);
      return;
    }
    if (this.#earlyOutputs.length >= MAX_EARLY_OUTPUTS) {
      this.#earlyOutputs.shift();
      this.#logger.warn('nobody takes the outputs of the engines: the oldest is dropped');
    }
    this.#earlyOutputs.push(outputs);
  }

  #onCoordinatorMessage(frames: readonly Frame[]): void {
    try {
      const { counts, currentWave, enginesRunning } = this.#codec.decodeCoordinatorUpdate(frames);
      this.#currentWave = currentWave;
      this.#enginesRunning = enginesRunning;
      if (counts === null) return;
      const first = this.#options.engineRanks[0] ?? 0;
      this.#router.setCounts(counts.slice(first, first + this.#options.engineRanks.length));
    } catch (error) {
      this.#countBadFrame('coordinator', error);
    }
  }

  #countBadFrame(socket: string, error: unknown): void {
    if (!(error instanceof TwinError || error instanceof Error)) throw error;
    this.#badFrameCount += 1;
    this.#logger.warn({ socket, err: error.message }, 'dropped a message that cannot be decoded');
  }
}
