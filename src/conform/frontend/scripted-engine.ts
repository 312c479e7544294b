/**
 * One engine core as its frontend sees it, played by a script: it shakes hands when it is told to, keeps what it is sent, and
 * answers requests as the check that runs wants it. It schedules nothing and has no model.
 * Source: vllm/v1/engine/core.py EngineCoreProc (0.33.0), what it does on its sockets.
 */
import type { Clock } from '../../shared/clock.ts';
import { createEngineCoreOutputs, createSchedulerStats } from '../../shared/protocol/defaults.ts';
import type { EngineHandshakeMetadata } from '../../shared/protocol/handshake.ts';
import { identityFromEngineIndex } from '../../shared/protocol/identity.ts';
import { SUBSCRIBE_ALL } from '../../shared/protocol/messages/coordinator-messages.ts';
import type { EngineCoreOutputs } from '../../shared/protocol/outputs.ts';
import type { EngineCoreReadyResponse } from '../../shared/protocol/ready-response.ts';
import type { EngineCoreRequest, UtilityCall } from '../../shared/protocol/request.ts';
import type { SchedulerStats } from '../../shared/protocol/stats.ts';
import type { WireTables } from '../../shared/protocol/struct-table.ts';
import type { WireCodec } from '../../shared/protocol/wire-codec.ts';
import type {
  DealerSocket,
  Frame,
  PushSocket,
  Transport,
  XSubSocket,
} from '../../shared/transport/transport.ts';
import { type Read, readInit, readInput } from './read-leniently.ts';

/** Long enough for ENGINE_CORE_DEAD to get out, short enough for a run that ends. */
const LINGER_MS = 300;
/** Messages of a frontend that are kept; a flood beyond them is only counted. */
const MAX_KEPT_MESSAGES = 10_000;

/** A request as it came. */
export interface ReceivedAdd {
  readonly engine: ScriptedEngine;
  /** The input socket on which it came, by its place in INIT. */
  readonly socket: number;
  readonly frames: readonly Frame[];
  /** Wall-clock seconds. */
  readonly receivedSeconds: number;
  readonly request: EngineCoreRequest;
  /** Why the version's tables refuse it; null where they do not. */
  readonly problem: string | null;
}

export interface ReceivedAbort {
  readonly requestIds: readonly string[];
  readonly problem: string | null;
}

export interface ReceivedCall {
  readonly call: UtilityCall;
  readonly problem: string | null;
}

export interface ScriptedEngineOptions {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly codec: WireCodec;
  readonly tables: WireTables;
  readonly rank: number;
  readonly handshakeAddress: string;
  readonly ready: EngineCoreReadyResponse;
  readonly onAdd: (add: ReceivedAdd) => void;
}

export class ScriptedEngine {
  readonly rank: number;
  readonly ready: EngineCoreReadyResponse;
  /** Answers to HELLO, in their order. */
  readonly inits: Read<EngineHandshakeMetadata>[] = [];
  readonly adds: ReceivedAdd[] = [];
  readonly aborts: ReceivedAbort[] = [];
  readonly calls: ReceivedCall[] = [];
  /** Messages of which nothing could be made. */
  readonly unreadable: string[] = [];
  /** What the coordinator said: READY, or another message's type. */
  readonly fromCoordinator: string[] = [];
  readonly #options: ScriptedEngineOptions;
  readonly #identity: Frame;
  #handshake: DealerSocket | null = null;
  #isConnected = false;
  #inputs: DealerSocket[] = [];
  #outputs: PushSocket[] = [];
  #coordinatorInput: XSubSocket | null = null;
  #coordinatorOutput: PushSocket | null = null;

  constructor(options: ScriptedEngineOptions) {
    this.#options = options;
    this.rank = options.rank;
    this.ready = options.ready;
    this.#identity = identityFromEngineIndex(options.rank);
  }

  /** The engine's monotonic clock, which its messages carry. */
  get nowSeconds(): number {
    return this.#options.clock.monotonicMs() / 1000;
  }

  /** INIT told it where mixture-of-experts ranks meet. */
  get isOfMoe(): boolean {
    const parallelConfig = this.inits[0]?.value?.parallelConfig ?? {};
    return 'data_parallel_master_ip' in parallelConfig;
  }

  /** Whether the frontend's handshake socket is there. */
  get isHandshakeConnected(): boolean {
    return this.#isConnected;
  }

  get socketCount(): number {
    return this.#outputs.length;
  }

  get #codec(): WireCodec {
    return this.#options.codec;
  }

  hello(): void {
    this.#handshake ??= this.#connectHandshake();
    this.#handshake.send(this.#handshakeFrames('HELLO', false));
  }

  /** READY, with a hash where INIT asked for one: of data-parallel mixture-of-experts models. */
  sayReady({ local = false } = {}): void {
    const hash = this.isOfMoe ? 'conform' : undefined;
    this.#handshake?.send(this.#handshakeFrames('READY', local, hash));
  }

  sendHandshake(frames: readonly Frame[]): void {
    this.#handshake?.send(frames);
  }

  /** Connects to everything that INIT named. */
  connect({ addresses }: EngineHandshakeMetadata): void {
    const { transport } = this.#options;
    const identity = this.#identity;
    this.#outputs = addresses.outputs.map((address) =>
      transport.connectPush(address, { name: 'output', lingerMs: LINGER_MS }),
    );
    this.#inputs = addresses.inputs.map((address, socket) => {
      const options = { name: 'input', lingerMs: LINGER_MS, identity } as const;
      const dealer = transport.connectDealer(address, options);
      dealer.onMessage((frames) => this.#onInput(frames, socket));
      return dealer;
    });
    if (addresses.coordinatorInput !== null) {
      const options = { name: 'coordinator_input', lingerMs: 0, identity } as const;
      const coordinator = transport.connectXSub(addresses.coordinatorInput, options);
      coordinator.onMessage((frames) => this.#onCoordinator(frames));
      coordinator.send([SUBSCRIBE_ALL]);
      this.#coordinatorInput = coordinator;
    }
    if (addresses.coordinatorOutput !== null) {
      const options = { name: 'coordinator_output', lingerMs: LINGER_MS } as const;
      this.#coordinatorOutput = transport.connectPush(addresses.coordinatorOutput, options);
    }
  }

  /** The ready response on every input; with keys that this version does not have, whose values are nil. */
  report(moreKeys: readonly string[] = []): void {
    const frames = this.#codec.encodeReadyResponse(this.ready);
    const told = frames.map((frame) => withMoreKeys(frame, moreKeys));
    for (const input of this.#inputs) input.send(told);
  }

  send(outputs: Partial<EngineCoreOutputs>, socket = 0): void {
    const whole = createEngineCoreOutputs({
      engineIndex: this.rank,
      timestamp: this.nowSeconds,
      ...outputs,
    });
    this.sendFrames(this.#codec.encodeEngineCoreOutputs(whole), socket);
  }

  sendFrames(frames: readonly Frame[], socket = 0): void {
    this.#outputs[socket]?.send(frames);
  }

  /** To the first API server, which counts for all of them, and to the coordinator where there is one. */
  tellStats(stats: Partial<SchedulerStats>): void {
    const outputs = createEngineCoreOutputs({
      engineIndex: this.rank,
      timestamp: this.nowSeconds,
      schedulerStats: createSchedulerStats(stats),
    });
    const frames = this.#codec.encodeEngineCoreOutputs(outputs);
    this.sendFrames(frames);
    this.#coordinatorOutput?.send(frames);
  }

  tellCoordinator(outputs: Partial<EngineCoreOutputs>): void {
    const whole = createEngineCoreOutputs({ engineIndex: this.rank, ...outputs });
    this.#coordinatorOutput?.send(this.#codec.encodeEngineCoreOutputs(whole));
  }

  die(): void {
    for (const output of this.#outputs) output.send(this.#codec.encodeEngineCoreDead());
  }

  async close(): Promise<void> {
    const sockets = [
      ...[this.#handshake, ...this.#inputs, ...this.#outputs],
      ...[this.#coordinatorInput, this.#coordinatorOutput],
    ];
    await Promise.all(sockets.map((socket) => socket?.close()));
  }

  #connectHandshake(): DealerSocket {
    const { transport, handshakeAddress } = this.#options;
    const options = { name: 'handshake', lingerMs: 0, identity: this.#identity } as const;
    const handshake = transport.connectDealer(handshakeAddress, options);
    handshake.onConnection((isConnected) => {
      this.#isConnected = isConnected;
    });
    handshake.onMessage((frames) => {
      if (this.inits.length < MAX_KEPT_MESSAGES) this.inits.push(readInit(this.#codec, frames));
    });
    return handshake;
  }

  #handshakeFrames(
    status: 'HELLO' | 'READY',
    local: boolean,
    parallelConfigHash?: string,
  ): readonly Frame[] {
    return this.#codec.encodeHandshakeMessage({
      status,
      local,
      headless: true,
      ...(parallelConfigHash === undefined ? {} : { parallelConfigHash }),
    });
  }

  #onInput(frames: readonly Frame[], socket: number): void {
    const receivedSeconds = this.#options.clock.wallMs() / 1000;
    const { value, problem } = readInput(this.#codec, this.#options.tables, frames);
    const numKept = this.adds.length + this.aborts.length + this.calls.length;
    if (numKept + this.unreadable.length >= MAX_KEPT_MESSAGES) return;
    if (value === null) {
      this.unreadable.push(problem ?? 'no message of an engine');
      return;
    }
    if (value.type === 'ADD') {
      const { request } = value;
      const add = { engine: this, socket, frames, receivedSeconds, request, problem };
      this.adds.push(add);
      this.#options.onAdd(add);
    } else if (value.type === 'ABORT') {
      this.aborts.push({ requestIds: value.requestIds, problem });
    } else if (value.type === 'UTILITY') {
      this.calls.push({ call: value.call, problem });
      this.#answer(value.call, socket);
    }
  }

  /** What frontends ask at their start; all else has no result. */
  #answer({ callId, method }: UtilityCall, socket: number): void {
    const results: Readonly<Record<string, unknown>> = {
      get_supported_tasks: ['generate'],
      is_sleeping: false,
      is_scheduler_paused: false,
      reset_prefix_cache: true,
    };
    const result = results[method] ?? null;
    this.send({ utilityOutput: { callId, failureMessage: null, result } }, socket);
  }

  #onCoordinator(frames: readonly Frame[]): void {
    if (this.fromCoordinator.length >= MAX_KEPT_MESSAGES) return;
    if (this.#codec.isCoordinatorReady(frames)) this.fromCoordinator.push('READY');
    else
      this.fromCoordinator.push(
        readInput(this.#codec, this.#options.tables, frames).value?.type ?? 'unreadable',
      );
  }
}

/** The frame of a map with more keys behind its own. */
function withMoreKeys(frame: Frame, keys: readonly string[]): Frame {
  if (keys.length === 0) return frame;
  const [code = 0] = frame;
  const isShort = (code & 0xf0) === 0x80;
  const length = isShort ? code & 0x0f : Buffer.from(frame).readUInt16BE(1);
  const header = Buffer.alloc(3);
  header[0] = 0xde;
  header.writeUInt16BE(length + keys.length, 1);
  const added = keys.map((key) =>
    Buffer.concat([Buffer.of(0xd9, Buffer.byteLength(key)), Buffer.from(key), Buffer.of(0xc0)]),
  );
  return Buffer.concat([header, frame.subarray(isShort ? 1 : 3), ...added]);
}
