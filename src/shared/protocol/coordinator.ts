/** What the DP coordinator and frontends say to each other. Source: vllm/v1/engine/coordinator.py (0.28.0 to 0.33.0). */

/** `[waiting, running, kvCacheUsage]` of one engine. */
export type EngineRequestCounts = readonly [waiting: number, running: number, kvCacheUsage: number];

export interface CoordinatorUpdate {
  /** One entry per engine in rank order; null where only the wave changed. */
  readonly counts: readonly EngineRequestCounts[] | null;
  readonly currentWave: number;
  readonly enginesRunning: boolean;
}

/** Frontend to coordinator: the number of engines changed (elastic expert parallelism). */
export interface ScaleElasticEp {
  readonly type: 'SCALE_ELASTIC_EP';
  readonly newEngineCount: number;
}

/**
 * Frontend to coordinator, until 0.32.0: a request goes to an engine while none runs, so that the others are to be woken.
 * Source: vllm/v1/engine/core_client.py DPAsyncMPClient._ensure_stats_update_task (0.32.0).
 */
export interface FirstRequest {
  readonly type: 'FIRST_REQ';
  readonly engineIdentity: Uint8Array;
  /** The wave that the frontend knows of. */
  readonly wave: number;
}

export type FrontendNotice = ScaleElasticEp | FirstRequest;
