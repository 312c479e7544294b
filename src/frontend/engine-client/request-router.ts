/**
 * Which engine each unfinished request went to, so that its aborts follow it. Positions count the managed engines.
 * Source: vllm/v1/engine/core_client.py DPLBAsyncMPClient reqs_in_flight, streaming_reqs (0.33.0).
 */
import type { EngineRequestCounts } from '../../shared/protocol/coordinator.ts';
import type { EngineIndex, RequestId } from '../../shared/protocol/ids.ts';
import type { EngineCoreRequest } from '../../shared/protocol/request.ts';
import { type EngineLoad, LoadBalancer } from './load-balancer.ts';

export interface RequestRouterOptions {
  readonly engineRanks: readonly EngineIndex[];
  /** Off: every request goes to the first engine, and nothing needs to be remembered. */
  readonly isLoadBalancing: boolean;
  readonly clientCount: number;
  readonly clientIndex: number;
}

export class RequestRouter {
  readonly #balancer: LoadBalancer | null;
  readonly #engineCount: number;
  readonly #positions = new Map<RequestId, number>();
  /** Requests whose input still streams in; their aborts go to all engines. */
  readonly #streaming = new Set<RequestId>();

  constructor({ engineRanks, isLoadBalancing, clientCount, clientIndex }: RequestRouterOptions) {
    this.#engineCount = engineRanks.length;
    this.#balancer = isLoadBalancing
      ? new LoadBalancer({ engineCount: engineRanks.length, clientCount, clientIndex })
      : null;
  }

  /** Unfinished requests that are remembered. */
  get inFlightCount(): number {
    return this.#positions.size;
  }

  get loads(): readonly EngineLoad[] {
    return this.#balancer?.loads ?? [];
  }

  /** The coordinator's counts of the managed engines. With one engine there is nothing that they could change. */
  setCounts(counts: readonly EngineRequestCounts[]): void {
    this.#balancer?.setCounts(counts);
  }

  /** `request.dataParallelRank`, where given, is a position and has been checked to be one. */
  route(request: EngineCoreRequest): number {
    const balancer = this.#balancer;
    if (balancer === null) return 0;
    const id = request.requestId;
    if (request.resumable) this.#streaming.add(id);
    else this.#streaming.delete(id);
    const known = this.#positions.get(id);
    if (known !== undefined) return known;
    const position = request.dataParallelRank ?? balancer.choose();
    this.#positions.set(id, position);
    balancer.addInFlight(position);
    return position;
  }

  /** The ids by the engine that they must be aborted at; ids that are not in flight are left out. */
  routeAborts(requestIds: readonly RequestId[]): ReadonlyMap<number, readonly RequestId[]> {
    if (this.#balancer === null) return new Map([[0, requestIds]]);
    const byPosition = new Map<number, RequestId[]>();
    const add = (position: number, id: RequestId): void => {
      const ids = byPosition.get(position);
      if (ids === undefined) byPosition.set(position, [id]);
      else ids.push(id);
    };
    for (const id of requestIds) {
      const position = this.#positions.get(id);
      if (this.#streaming.delete(id)) for (let p = 0; p < this.#engineCount; p++) add(p, id);
      else if (position !== undefined) add(position, id);
    }
    return byPosition;
  }

  /** The engines say that these are finished, by themselves or by an abort. Not all need to be remembered. */
  finish(requestIds: readonly RequestId[]): void {
    for (const id of requestIds) {
      const position = this.#positions.get(id);
      if (position === undefined) continue;
      this.#positions.delete(id);
      this.#balancer?.removeInFlight(position);
    }
  }
}
