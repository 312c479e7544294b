/** The DP coordinator's messages to frontends. Source: vllm/v1/engine/coordinator.py (0.33.0). */

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
