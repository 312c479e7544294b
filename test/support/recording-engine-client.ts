import type { EngineClient } from '../../src/frontend/engine-client/engine-client.ts';
import { createEngineCoreOutputs } from '../../src/shared/protocol/defaults.ts';
import type { EngineIndex, RequestId } from '../../src/shared/protocol/ids.ts';
import type { EngineCoreOutputs } from '../../src/shared/protocol/outputs.ts';
import type { EngineCoreReadyResponse } from '../../src/shared/protocol/ready-response.ts';
import type { EngineCoreRequest } from '../../src/shared/protocol/request.ts';

/** Keeps what the frontend tells the engines, and says what the test wants them to say. */
export class RecordingEngineClient implements EngineClient {
  readonly engines: ReadonlyMap<EngineIndex, EngineCoreReadyResponse> = new Map();
  isEngineDead = false;
  readonly requests: EngineCoreRequest[] = [];
  /** One entry a call. */
  readonly aborted: (readonly RequestId[])[] = [];
  readonly calls: { readonly method: string; readonly args: readonly unknown[] }[] = [];
  /** What each engine answers to a method. */
  results: readonly unknown[] = [null];
  /** Thrown by the next requests. */
  failure: Error | null = null;
  #onOutputs: (outputs: EngineCoreOutputs) => void = () => {};
  #onEngineDead: (engineIndex: EngineIndex | null, reason: string) => void = () => {};

  addRequest(request: EngineCoreRequest): EngineIndex {
    if (this.failure !== null) throw this.failure;
    this.requests.push(request);
    return 0;
  }

  abortRequests(requestIds: readonly RequestId[]): void {
    this.aborted.push(requestIds);
  }

  /** Set: there is no room until the test calls it. */
  resume: (() => void) | null = null;
  hasRoom = true;

  whenRoom(resume: () => void): boolean {
    if (!this.hasRoom) this.resume = resume;
    return this.hasRoom;
  }

  async callUtility(engineIndex: EngineIndex, method: string, args: readonly unknown[]) {
    return (await this.callUtilityOnAll(method, args))[engineIndex];
  }

  async callUtilityOnAll(method: string, args: readonly unknown[]): Promise<readonly unknown[]> {
    this.calls.push({ method, args });
    return this.results;
  }

  onOutputs(handler: (outputs: EngineCoreOutputs) => void): void {
    this.#onOutputs = handler;
  }

  onEngineDead(handler: (engineIndex: EngineIndex | null, reason: string) => void): void {
    this.#onEngineDead = handler;
  }

  async close(): Promise<void> {}

  deliver(outputs: Partial<EngineCoreOutputs>): void {
    this.#onOutputs(createEngineCoreOutputs(outputs));
  }

  die(reason: string): void {
    this.isEngineDead = true;
    this.#onEngineDead(null, reason);
  }
}
