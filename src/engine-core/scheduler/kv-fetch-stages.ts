import type { Request } from './request.ts';

/** Source: vllm/v1/metrics/stats.py KV_FETCH_STAGES (0.33.0). */
export type KVFetchStage = 'waiting_to_start' | 'in_progress' | 'completed_waiting';

/** Requests with an asynchronous KV load, by stage. Source: Scheduler._set_kv_fetch_stage. */
export class KVFetchStages {
  readonly #stages = new Map<Request, KVFetchStage>();
  readonly #counts: Record<KVFetchStage, number> = {
    waiting_to_start: 0,
    in_progress: 0,
    completed_waiting: 0,
  };

  get counts(): Readonly<Record<KVFetchStage, number>> {
    return { ...this.#counts };
  }

  /** Null: the request loads nothing (any more). */
  set(request: Request, stage: KVFetchStage | null): void {
    const previous = this.#stages.get(request);
    if (previous === stage) return;
    if (previous !== undefined) {
      this.#stages.delete(request);
      this.#counts[previous] -= 1;
    }
    if (stage === null) return;
    this.#stages.set(request, stage);
    this.#counts[stage] += 1;
  }
}
