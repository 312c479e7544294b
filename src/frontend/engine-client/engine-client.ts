/**
 * What the rest of the frontend knows of the engines: hand a request to one of them, abort, call a method, and be told
 * what comes back. The ZeroMQ client and the tests' in-memory one implement it.
 * Source: vllm/v1/engine/core_client.py EngineCoreClient (0.33.0).
 */
import type { EngineIndex, RequestId } from '../../shared/protocol/ids.ts';
import type { EngineCoreOutputs } from '../../shared/protocol/outputs.ts';
import type { EngineCoreReadyResponse } from '../../shared/protocol/ready-response.ts';
import type { EngineCoreRequest } from '../../shared/protocol/request.ts';

/** vLLM's words where an admission limit is reached. Source: vllm/v1/engine/async_llm.py check_admission. */
export const ENGINE_BUSY_MESSAGE =
  'The engine is currently busy and cannot accept new requests. Please try again later or on a different instance.';

export interface EngineClient {
  /** What each engine said when it became ready, by rank. */
  readonly engines: ReadonlyMap<EngineIndex, EngineCoreReadyResponse>;
  /** True once an engine has died; it stays so. */
  readonly isEngineDead: boolean;
  /**
   * Sends the request to the engine of `request.dataParallelRank`, or to the one that the load balancer picks, and
   * returns which. Throws E_ENGINE_DEAD once an engine has died, E_BAD_REQUEST for a rank out of range, E_UNAVAILABLE
   * where more requests wait to be sent than there is room for.
   */
  addRequest(request: EngineCoreRequest): EngineIndex;
  /** Ids that no engine runs are ignored. Never throws, and no abort is lost: not for want of room, nor at an end. */
  abortRequests(requestIds: readonly RequestId[]): void;
  /**
   * True while the way to the engines takes requests as they come; else false, and `resume` is called once, when it does
   * again: a request of very many parts hands them over as fast as they get away.
   */
  whenRoom(resume: () => void): boolean;
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
