/**
 * The engine client over sockets: a ROUTER that every engine connects its input to, a PULL that they push outputs into,
 * and a subscription to the coordinator where there is one. One per API server. It says which message goes where; what
 * an output means is the handler's business.
 * Source: vllm/v1/engine/core_client.py AsyncMPClient, DPAsyncMPClient, DPLBAsyncMPClient (0.33.0). Leaves out: elastic
 * EP, fault tolerance, tensor IPC, late interaction.
 */
import { assert } from '../../shared/assert.ts';
import { DroppedMessages } from '../../shared/dropped-messages.ts';
import { ClientError, ServerError, StartupError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/logger.ts';
import {
  engineIndexFromIdentity,
  identityFromEngineIndex,
} from '../../shared/protocol/identity.ts';
import type { EngineIndex, RequestId } from '../../shared/protocol/ids.ts';
import { ENGINE_CORE_DEAD, type EngineCoreOutputs } from '../../shared/protocol/outputs.ts';
import { refuseImpossibleOutputs } from '../../shared/protocol/possible-outputs.ts';
import type { EngineCoreRequest, EngineInput } from '../../shared/protocol/request.ts';
import type { WireCodec } from '../../shared/protocol/wire-codec.ts';
import { LOW_WATER_MESSAGES } from '../../shared/transport/outbox.ts';
import type {
  Frame,
  PullSocket,
  Room,
  RouterSocket,
  Transport,
} from '../../shared/transport/transport.ts';
import { CoordinatorSubscription } from './coordinator-subscription.ts';
import { EngineBacklog, MAX_UNHEARD_BYTES } from './engine-backlog.ts';
import { ENGINE_BUSY_MESSAGE, type EngineClient } from './engine-client.ts';
import { createEngineDeadError, type EngineDeadHandler, EngineDeath } from './engine-death.ts';
import { EngineRegistry } from './engine-registry.ts';
import { OutputDelivery, type OutputsHandler } from './output-delivery.ts';
import { getDpStatsAddress, type ReadyEngines } from './ready-engines.ts';
import { RequestRouter } from './request-router.ts';
import { UndecodableReadyResponse } from './undecodable-ready-response.ts';
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
  /** What may be sent to an engine that says nothing; default: MAX_UNHEARD_BYTES. */
  readonly maxUnheardBytes?: number;
}

/** vLLM leaves its sockets' linger at 0 when it closes them. */
const LINGER_MS = 0;

/** What does not fit into the socket's queue is refused as what does not fit into the engine's. */
function createBusyError(): ServerError {
  return new ServerError('E_UNAVAILABLE', ENGINE_BUSY_MESSAGE);
}

/** What belongs to the managed engine at a position of the router. */
function ofEngineAt<T>(ofEachEngine: readonly T[], position: number): T {
  const own = ofEachEngine[position];
  assert(own !== undefined, () => `no engine at position ${position} of ${ofEachEngine.length}`);
  return own;
}

/** In words, of whatever identity. */
function rankOf(identity: Frame): string {
  const isRank = identity.length === 2;
  return isRank
    ? String(engineIndexFromIdentity(identity))
    : `with identity 0x${Buffer.from(identity.subarray(0, 16)).toString('hex')}`;
}

export class MultiProcessClient implements EngineClient {
  readonly addresses: ClientAddresses;
  readonly #options: MultiProcessClientOptions;
  readonly #input: RouterSocket;
  readonly #output: PullSocket;
  readonly #registry: EngineRegistry;
  readonly #identities: readonly Frame[];
  readonly #router: RequestRouter;
  readonly #utilities = new UtilityCalls();
  readonly #death = new EngineDeath();
  readonly #backlog: EngineBacklog;
  /** Positions of engines that are asked for a sign. */
  readonly #asked = new Set<number>();
  readonly #delivery: OutputDelivery;
  readonly #dropped: DroppedMessages;
  readonly #unclaimed: DroppedMessages;
  #coordinator: CoordinatorSubscription | null = null;
  #isClosed = false;
  /** Empty until all are ready. */
  #engines: ReadyEngines = new Map();

  private constructor(
    options: MultiProcessClientOptions,
    sockets: { input: RouterSocket; output: PullSocket },
  ) {
    this.#options = options;
    this.#input = sockets.input;
    this.#output = sockets.output;
    this.addresses = { input: sockets.input.address, output: sockets.output.address };
    this.#registry = new EngineRegistry(options.engineRanks);
    this.#identities = options.engineRanks.map(identityFromEngineIndex);
    this.#router = new RequestRouter(options);
    this.#backlog = new EngineBacklog(
      options.engineRanks.length,
      options.maxUnheardBytes ?? MAX_UNHEARD_BYTES,
    );
    this.#delivery = new OutputDelivery(options.logger);
    this.#dropped = new DroppedMessages(options.logger);
    this.#unclaimed = new DroppedMessages(options.logger);
    this.#death.onDeath(() => this.#utilities.rejectAll(createEngineDeadError()));
    this.#input.onMessage((identity, frames) => this.#onInputMessage(identity, frames));
    this.#output.onMessage((frames) => this.#onOutputMessage(frames));
  }

  /** Binds both sockets; `addresses` then has the real ports. */
  static async bind(options: MultiProcessClientOptions): Promise<MultiProcessClient> {
    const { transport, addresses } = options;
    const input = await transport.bindRouter(addresses.input, {
      name: 'input',
      lingerMs: LINGER_MS,
      handover: false,
    });
    try {
      const output = await transport.bindPull(addresses.output, {
        name: 'output',
        lingerMs: LINGER_MS,
      });
      return new MultiProcessClient(options, { input, output });
    } catch (error) {
      await input.close();
      throw error;
    }
  }

  /** Resolves once every managed engine has sent its ready response; rejects with the first one that breaks a rule. */
  waitUntilReady(): Promise<void> {
    return this.#registry.whenComplete;
  }

  /**
   * Subscribes to the coordinator, once: its address, or null to take the one that the engines learnt. False where they
   * learnt none: then requests are spread by what this client itself has sent.
   */
  subscribeToCoordinator(address: string | null): boolean {
    assert(this.#coordinator === null, 'subscribed to the coordinator before');
    const from = address ?? getDpStatsAddress(this.#engines);
    if (from === null) return false;
    const { transport, engineRanks } = this.#options;
    this.#coordinator = new CoordinatorSubscription({
      transport,
      codec: this.#options.codec,
      address: from,
      lingerMs: LINGER_MS,
      engineRanks,
      onCounts: (counts) => this.#router.setCounts(counts),
      dropped: this.#dropped,
      logger: this.#options.logger,
    });
    return true;
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
    return this.#death.hasHappened;
  }

  /** The coordinator says that a wave is running (data-parallel MoE). */
  get enginesRunning(): boolean {
    return this.#coordinator?.enginesRunning ?? false;
  }

  /** Messages that could not be decoded, or say what cannot be, and were dropped. */
  get badFrameCount(): number {
    return this.#dropped.count;
  }

  /** Answers of engines to calls that nobody waits for. */
  get unclaimedAnswerCount(): number {
    return this.#utilities.unclaimedAnswerCount;
  }

  addRequest(request: EngineCoreRequest): EngineIndex {
    this.#death.ensureAlive();
    const { engineRanks, clientIndex } = this.#options;
    const rank = request.dataParallelRank;
    if (rank !== null && !(rank >= 0 && rank < engineRanks.length)) {
      throw new ClientError(
        'E_BAD_REQUEST',
        `data_parallel_rank ${rank} is out of range [0, ${engineRanks.length}).`,
      );
    }
    const position = this.#router.route(request);
    const currentWave = this.#coordinator?.currentWave ?? 0;
    const isAsSent = request.currentWave === currentWave && request.clientIndex === clientIndex;
    const isTaken = this.#send(position, {
      type: 'ADD',
      request: isAsSent ? request : { ...request, currentWave, clientIndex },
    });
    if (!isTaken) {
      this.#router.finish([request.requestId]);
      throw createBusyError();
    }
    this.#coordinator?.onRequestSent(ofEngineAt(this.#identities, position));
    return ofEngineAt(engineRanks, position);
  }

  abortRequests(requestIds: readonly RequestId[]): void {
    // A dead engine runs none of them.
    if (requestIds.length === 0 || this.#death.hasHappened) return;
    for (const [position, ids] of this.#router.routeAborts(requestIds)) {
      // One for each running request at most, so they have room of their own: none is refused, none is lost.
      this.#send(position, { type: 'ABORT', requestIds: ids }, 'own');
    }
  }

  whenRoom(resume: () => void): boolean {
    // Where nothing is sent any more, whoever tries is told so.
    if (this.#isClosed || this.#input.queuedCount < LOW_WATER_MESSAGES) return true;
    void this.#input.drained().then(resume);
    return false;
  }

  async callUtility(
    engineIndex: EngineIndex,
    method: string,
    args: readonly unknown[],
  ): Promise<unknown> {
    this.#death.ensureAlive();
    const position = this.#options.engineRanks.indexOf(engineIndex);
    if (position < 0) {
      throw new ServerError(
        'E_UTILITY_FAILED',
        `Call to ${method} method: no engine ${engineIndex}`,
      );
    }
    const { callId, result } = this.#utilities.start();
    const clientIndex = this.#options.clientIndex;
    const call = { clientIndex, callId, method, args };
    if (!this.#send(position, { type: 'UTILITY', call }))
      this.#utilities.fail(callId, createBusyError());
    return result;
  }

  callUtilityOnAll(method: string, args: readonly unknown[]): Promise<readonly unknown[]> {
    return Promise.all(
      this.#options.engineRanks.map((index) => this.callUtility(index, method, args)),
    );
  }

  onOutputs(handler: OutputsHandler): void {
    this.#delivery.setHandler(handler);
  }

  onEngineDead(handler: EngineDeadHandler): void {
    this.#death.onDeath(handler);
  }

  /** An engine's frame or its process's end said so. Null where the frame does not tell which engine it was. */
  markEngineDead(engineIndex: EngineIndex | null, reason: string): void {
    this.#death.declare(engineIndex, reason);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#utilities.rejectAll(createEngineDeadError());
    await Promise.all([this.#input.close(), this.#output.close(), this.#coordinator?.close()]);
  }

  /** False where there is no room for it: in the socket, or in what ZeroMQ keeps for an engine that does not read. */
  #send(position: number, input: EngineInput, room: Room = 'shared'): boolean {
    if (room === 'shared' && this.#backlog.isFull(position)) {
      this.#askForSign(position);
      return false;
    }
    const { codec } = this.#options;
    const frames = codec.encodeEngineInput(
      input.type === 'UTILITY'
        ? { type: 'UTILITY', call: codec.toVersionsCall(input.call) }
        : input,
    );
    this.#backlog.sent(position, frames);
    return this.#input.sendTo(ofEngineAt(this.#identities, position), frames, room);
  }

  /** A call that changes nothing: its answer says that the engine has read all that was sent before it. */
  #askForSign(position: number): void {
    if (this.#asked.has(position)) return;
    this.#asked.add(position);
    const { callId, result } = this.#utilities.start();
    const { clientIndex } = this.#options;
    const call = { clientIndex, callId, method: 'is_scheduler_paused', args: [] };
    const answered = (): void => {
      this.#asked.delete(position);
      this.#backlog.heard(position);
    };
    result.then(answered, answered);
    this.#send(position, { type: 'UTILITY', call }, 'own');
  }

  /** The first message of an engine is its ready response; nothing else is ever sent on the input socket. */
  #onInputMessage(identity: Frame, frames: readonly Frame[]): void {
    if (this.#registry.isComplete) {
      this.#dropped.add(
        'input',
        new ServerError(
          'E_BAD_FRAME',
          `engine ${rankOf(identity)} sent more than its ready response`,
        ),
      );
      return;
    }
    try {
      const index = engineIndexFromIdentity(identity);
      this.#registry.add(index, this.#options.codec.decodeReadyResponse(frames));
      if (this.#registry.isComplete) this.#engines = this.#registry.engines;
    } catch (error) {
      this.#registry.fail(
        error instanceof StartupError
          ? error
          : new UndecodableReadyResponse(rankOf(identity), frames, error),
      );
    }
  }

  #onOutputMessage(frames: readonly Frame[]): void {
    let outputs: EngineCoreOutputs | typeof ENGINE_CORE_DEAD;
    try {
      outputs = this.#options.codec.decodeEngineCoreOutputs(frames);
    } catch (error) {
      this.#dropped.add('output', error);
      return;
    }
    if (outputs === ENGINE_CORE_DEAD) {
      this.markEngineDead(null, `an engine core sent ${ENGINE_CORE_DEAD}`);
      return;
    }
    this.#backlog.heard(this.#options.engineRanks.indexOf(outputs.engineIndex));
    if (outputs.utilityOutput !== null) {
      const { callId } = outputs.utilityOutput;
      if (!this.#utilities.settle(outputs.utilityOutput))
        this.#unclaimed.drop('output', `answer to no call: ${callId}`);
      return;
    }
    try {
      this.#refuseImpossible(outputs);
    } catch (error) {
      this.#dropped.add('output', error);
      return;
    }
    if (outputs.finishedRequests !== null) this.#router.finish(outputs.finishedRequests);
    // A message of finished ids alone has told all that it has to say.
    if (outputs.outputs.length > 0 || outputs.schedulerStats !== null)
      this.#delivery.deliver(outputs);
  }

  /** Throws E_BAD_FRAME. */
  #refuseImpossible(outputs: EngineCoreOutputs): void {
    const { engineIndex } = outputs;
    const ready = this.#registry.enginesByArrival.get(engineIndex);
    if (ready === undefined)
      throw new ServerError(
        'E_BAD_FRAME',
        `outputs of engine ${engineIndex}, which never reported`,
      );
    refuseImpossibleOutputs(outputs, ready.maxModelLen);
  }
}
