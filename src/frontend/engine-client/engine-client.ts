/**
 * What the rest of the frontend knows of the engines: hand a request to one of them, abort, call a method, and be told
 * what comes back. The ZeroMQ client and the tests' in-memory one implement it.
 * Source: vllm/v1/engine/core_client.py EngineCoreClient (0.33.0).
 */
import type { EngineIndex, RequestId } from '../../shared/protocol/ids.ts';
import type { EngineCoreOutputs } from '../../shared/protocol/outputs.ts';
import type { EngineCoreReadyResponse } from '../../shared/protocol/ready-response.ts';
import type { EngineCoreRequest } from '../../shared/protocol/request.ts';

export interface EngineClient {
  /** What each engine said when it became ready, by rank. */
  readonly engines: ReadonlyMap<EngineIndex, EngineCoreReadyResponse>;
  /** True once an engine has died; it stays so. */
  readonly isEngineDead: boolean;
  /**
   * Sends the request to the engine of `request.dataParallelRank`, or to the one that the load balancer picks, and
   * returns which. Throws E_ENGINE_DEAD once an engine has died, E_BAD_REQUEST for a rank out of range.
   */
  addRequest(request: EngineCoreRequest): EngineIndex;
  /** Ids that no engine runs are ignored. */
  abortRequests(requestIds: readonly RequestId[]): void;
  /** Calls a method of one engine; rejects with vLLM's failure message, or E_ENGINE_DEAD. */
  callUtility(engineIndex: EngineIndex, method: string, args: readonly unknown[]): Promise<unknown>;
  /** Calls a method of every engine; results in rank order. */
  callUtilityOnAll(method: string, args: readonly unknown[]): Promise<readonly unknown[]>;
  /** One handler; called for each message of an engine that is not a utility answer, in order of arrival. */
  onOutputs(handler: (outputs: EngineCoreOutputs) => void): void;
  /** Handlers are called once, in order, when the first engine dies. Null where its last frame does not tell which one it was. */
  onEngineDead(handler: (engineIndex: EngineIndex | null, reason: string) => void): void;
  close(): Promise<void>;
}
