/**
 * Picks the engine for a request as vLLM's internal load balancer does. Positions count the managed engines in rank
 * order; which rank a position is, the client knows.
 * Source: vllm/v1/engine/core_client.py DPLBAsyncMPClient.get_core_engine_for_request (0.33.0). Leaves out: late
 * interaction (pooling models).
 */
import { assert } from '../../shared/assert.ts';
import type { EngineRequestCounts } from '../../shared/protocol/coordinator.ts';

/** A full KV cache makes each waiting request count this many times half of itself: 3 at 100 %. */
const KV_PRESSURE_FACTOR = 6;
/** A fraction; below it waiting requests are not penalised. */
const KV_PRESSURE_THRESHOLD = 0.5;

export interface EngineLoad {
  readonly waiting: number;
  readonly running: number;
  /** A fraction, 0 to 1. */
  readonly kvCacheUsage: number;
  /** Unfinished requests that this client itself sent there. */
  readonly inFlight: number;
}

type MutableLoad = { -readonly [K in keyof EngineLoad]: EngineLoad[K] };

/** The load that engines are compared by: lower is better. `clientCount` API servers share the engines. */
export function getEngineScore(load: EngineLoad, clientCount: number): number {
  const score = Math.max(clientCount * load.inFlight, load.waiting + load.running);
  const pressure = Math.max(0, load.kvCacheUsage - KV_PRESSURE_THRESHOLD);
  return score + load.waiting * KV_PRESSURE_FACTOR * pressure;
}

/** The position with the lowest score; of equals the first one from `startIndex` on, going round. */
export function chooseEngine(
  loads: readonly EngineLoad[],
  { clientCount, startIndex }: { clientCount: number; startIndex: number },
): number {
  let best = 0;
  let minScore = Number.POSITIVE_INFINITY;
  for (const offset of loads.keys()) {
    const position = (startIndex + offset) % loads.length;
    const load = loads[position];
    assert(load !== undefined, () => `no load of position ${position}`);
    const score = getEngineScore(load, clientCount);
    if (score < minScore) {
      minScore = score;
      best = position;
    }
  }
  return best;
}

export interface LoadBalancerOptions {
  readonly engineCount: number;
  /** API servers that share the engines. */
  readonly clientCount: number;
  readonly clientIndex: number;
}

/** The counts between two messages of the coordinator, this client's own requests, and the rotating start. */
export class LoadBalancer {
  readonly #loads: readonly MutableLoad[];
  readonly #clientCount: number;
  #startIndex: number;

  constructor({ engineCount, clientCount, clientIndex }: LoadBalancerOptions) {
    assert(engineCount > 0, 'a load balancer needs an engine');
    this.#clientCount = clientCount;
    this.#startIndex = Math.floor((engineCount * clientIndex) / clientCount);
    this.#loads = Array.from({ length: engineCount }, () => ({
      waiting: 0,
      running: 0,
      kvCacheUsage: 0,
      inFlight: 0,
    }));
  }

  get loads(): readonly EngineLoad[] {
    return this.#loads;
  }

  /** The coordinator's counts, one entry per managed engine. */
  setCounts(counts: readonly EngineRequestCounts[]): void {
    const { length } = this.#loads;
    assert(counts.length === length, () => `counts of ${counts.length} of ${length} engines`);
    for (const [position, [waiting, running, kvCacheUsage]] of counts.entries())
      Object.assign(this.#load(position), { waiting, running, kvCacheUsage });
  }

  /** Picks a position and counts the request as waiting there until the next message of the coordinator. */
  choose(): number {
    const position = chooseEngine(this.#loads, {
      clientCount: this.#clientCount,
      startIndex: this.#startIndex,
    });
    this.#load(position).waiting += this.#clientCount;
    this.#startIndex = (this.#startIndex + 1) % this.#loads.length;
    return position;
  }

  addInFlight(position: number): void {
    this.#load(position).inFlight += 1;
  }

  removeInFlight(position: number): void {
    const load = this.#load(position);
    assert(load.inFlight > 0, () => `no request is in flight at position ${position}`);
    load.inFlight -= 1;
  }

  #load(position: number): MutableLoad {
    const load = this.#loads[position];
    assert(load !== undefined, () => `position ${position} of ${this.#loads.length} engines`);
    return load;
  }
}
