/** Real engine cores behind the engine client's seam, without processes and sockets: they step when there is work. */
import type { EngineCore } from '../../src/engine-core/engine-core.ts';
import type { EngineClient } from '../../src/frontend/engine-client/engine-client.ts';
import { ServerError } from '../../src/shared/errors.ts';
import type { EngineIndex, RequestId } from '../../src/shared/protocol/ids.ts';
import type { EngineCoreOutputs } from '../../src/shared/protocol/outputs.ts';
import type { EngineCoreReadyResponse } from '../../src/shared/protocol/ready-response.ts';
import type { EngineCoreRequest } from '../../src/shared/protocol/request.ts';
import { compileGrammars } from './compile-grammars.ts';
import { createTestEngine, type TestEngineOptions } from './engine.ts';
import { createReadyResponse } from './ready-response.ts';

export interface InProcessEnginesOptions {
  readonly engineCount?: number;
  readonly engine?: TestEngineOptions;
  readonly ready?: (rank: number) => Partial<EngineCoreReadyResponse>;
}

interface PendingCall {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

export class InProcessEngines implements EngineClient {
  readonly engines: ReadonlyMap<EngineIndex, EngineCoreReadyResponse>;
  isEngineDead = false;
  /** Every request and abort as it was handed over, for tests to look at. */
  readonly requests: EngineCoreRequest[] = [];
  readonly aborted: RequestId[] = [];
  readonly #cores: EngineCore[];
  readonly #placed = new Map<RequestId, EngineIndex>();
  readonly #calls = new Map<number, PendingCall>();
  #nextRank = 0;
  #nextCallId = 1;
  #isScheduled = false;
  #isPaused = false;
  #onOutputs: (outputs: EngineCoreOutputs) => void = () => {};
  #onEngineDead: (engineIndex: EngineIndex | null, reason: string) => void = () => {};

  constructor({ engineCount = 2, engine = {}, ready }: InProcessEnginesOptions = {}) {
    const scheduler = { maxModelLen: 1024, maxNumSeqs: 256, ...engine.scheduler };
    this.#cores = Array.from(
      { length: engineCount },
      () => createTestEngine({ numBlocks: 1025, ...engine, scheduler }).core,
    );
    this.engines = new Map(
      this.#cores.map((_core, rank) => [
        rank,
        createReadyResponse({
          dataParallelRank: rank,
          dataParallelSize: engineCount,
          ...ready?.(rank),
        }),
      ]),
    );
  }

  addRequest(request: EngineCoreRequest): EngineIndex {
    if (this.isEngineDead) throw new ServerError('E_ENGINE_DEAD', 'an engine core is dead');
    const rank = request.dataParallelRank ?? this.#nextRank;
    this.#nextRank = (rank + 1) % this.#cores.length;
    this.requests.push(request);
    this.#placed.set(request.requestId, rank);
    this.#core(rank).handleInput({ type: 'ADD', request });
    compileGrammars(this.#core(rank));
    this.#schedule();
    return rank;
  }

  abortRequests(requestIds: readonly RequestId[]): void {
    this.aborted.push(...requestIds);
    for (const id of requestIds) {
      const rank = this.#placed.get(id);
      if (rank === undefined) continue;
      this.#core(rank).noteAbort([id]);
      this.#core(rank).handleInput({ type: 'ABORT', requestIds: [id] });
    }
    this.#schedule();
  }

  whenRoom(): boolean {
    return true;
  }

  callUtility(rank: EngineIndex, method: string, args: readonly unknown[]): Promise<unknown> {
    const callId = this.#nextCallId++;
    const call = { clientIndex: 0, callId, method, args };
    return new Promise((resolve, reject) => {
      this.#calls.set(callId, { resolve, reject });
      this.#core(rank).handleInput({ type: 'UTILITY', call });
      this.#schedule();
    });
  }

  callUtilityOnAll(method: string, args: readonly unknown[]): Promise<readonly unknown[]> {
    return Promise.all(this.#cores.map((_core, rank) => this.callUtility(rank, method, args)));
  }

  onOutputs(handler: (outputs: EngineCoreOutputs) => void): void {
    this.#onOutputs = handler;
  }

  onEngineDead(handler: (engineIndex: EngineIndex | null, reason: string) => void): void {
    this.#onEngineDead = handler;
  }

  /** As an engine process that ends. */
  die(rank: EngineIndex): void {
    if (this.isEngineDead) return;
    this.isEngineDead = true;
    this.#onEngineDead(rank, 'the engine core ended');
  }

  /** Holds all engines between two steps, for tests that need a request to be in the middle. */
  hold(): void {
    this.#isPaused = true;
  }

  /** Steps every engine once by hand; the way on while held. */
  step(): void {
    for (const [rank, core] of this.#cores.entries()) this.#stepCore(rank, core);
  }

  release(): void {
    this.#isPaused = false;
    this.#schedule();
  }

  get numUnfinishedRequests(): number {
    return this.#cores.reduce((sum, core) => {
      const { numRunning, numWaiting } = core.getRequestCounts();
      return sum + numRunning + numWaiting;
    }, 0);
  }

  async close(): Promise<void> {
    this.#isPaused = true;
  }

  #core(rank: EngineIndex): EngineCore {
    const core = this.#cores[rank];
    if (core === undefined) throw new ServerError('E_BAD_REQUEST', `no engine of rank ${rank}`);
    return core;
  }

  #schedule(): void {
    if (this.#isScheduled || this.#isPaused) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      if (this.#isPaused) return;
      this.step();
      if (!this.isEngineDead && this.#cores.some((core) => core.hasWork())) this.#schedule();
    });
  }

  #stepCore(rank: EngineIndex, core: EngineCore): void {
    if (this.isEngineDead) return;
    this.#deliver(rank, core);
    if (!core.hasWork()) {
      core.notifyIdle();
      this.#deliver(rank, core);
      core.clearNotedAborts();
      return;
    }
    try {
      core.beginStep();
      core.finishStep();
    } catch {
      this.die(rank);
      return;
    }
    this.#deliver(rank, core);
  }

  #deliver(rank: EngineIndex, core: EngineCore): void {
    for (const { outputs } of core.takeOutputs()) {
      const { utilityOutput } = outputs;
      if (utilityOutput === null) {
        this.#onOutputs({ ...outputs, engineIndex: rank });
        continue;
      }
      const call = this.#calls.get(Number(utilityOutput.callId));
      this.#calls.delete(Number(utilityOutput.callId));
      if (utilityOutput.failureMessage === null) call?.resolve(utilityOutput.result);
      else call?.reject(new Error(utilityOutput.failureMessage));
    }
  }
}
