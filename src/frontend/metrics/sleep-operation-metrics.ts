/**
 * Durations and running number of the development endpoints that sleep and wake. The families are there from the first
 * such call on, as vLLM registers them lazily. Source: vllm/entrypoints/serve/dev/sleep/metrics.py (0.33.0).
 */
import type { Clock } from '../../shared/clock.ts';
import { SLEEP_MODE_OPERATION_DURATION, SLEEP_MODE_OPERATIONS_IN_FLIGHT } from './definitions.ts';
import { Family } from './families.ts';

export type SleepOperation = 'sleep' | 'release_kv_cache_memory' | 'wake';

const BUCKETS = [0.01, 0.1, 1, 10, 30, 60, 120, 300, 600];

export class SleepOperationMetrics {
  readonly #clock: Clock;
  readonly #duration = new Family<'histogram', 'operation'>({
    type: 'histogram',
    ...SLEEP_MODE_OPERATION_DURATION,
    buckets: BUCKETS,
  });
  readonly #inFlight = new Family<'gauge', 'operation'>({
    type: 'gauge',
    ...SLEEP_MODE_OPERATIONS_IN_FLIGHT,
  });
  readonly #running = new Map<SleepOperation, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Empty before the first operation. */
  get families(): readonly Family[] {
    return this.#running.size === 0 ? [] : [this.#duration, this.#inFlight];
  }

  /** All of them, for the merge of several processes, of which any may have had an operation. */
  get allFamilies(): readonly Family[] {
    return [this.#duration, this.#inFlight];
  }

  /** Counts `run` as long as it takes, whether it succeeds or not. */
  async record<T>(operation: SleepOperation, run: () => Promise<T>): Promise<T> {
    const startMs = this.#clock.monotonicMs();
    this.#addRunning(operation, 1);
    try {
      return await run();
    } finally {
      this.#addRunning(operation, -1);
      this.#duration
        .child({ operation }, this.#clock.wallMs() / 1000)
        .observe((this.#clock.monotonicMs() - startMs) / 1000);
    }
  }

  #addRunning(operation: SleepOperation, change: number): void {
    const running = (this.#running.get(operation) ?? 0) + change;
    this.#running.set(operation, running);
    const nowMs = this.#clock.wallMs();
    this.#inFlight.child({ operation }, nowMs / 1000).set(running, nowMs);
  }
}
