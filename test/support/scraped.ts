import { ShownFaults } from '../../src/frontend/faults/shown-faults.ts';
import {
  FrontendMetrics,
  type FrontendMetricsOptions,
} from '../../src/frontend/metrics/frontend-metrics.ts';
import { IterationStats } from '../../src/frontend/metrics/iteration-stats.ts';
import { VirtualClock } from '../../src/shared/clock.ts';
import { createSchedulerStats } from '../../src/shared/protocol/defaults.ts';
import { DEFAULT_CACHE_CONFIG_SETTINGS } from './cache-config-settings.ts';
import { samplesByKey } from './exposition.ts';
import { faultRecord } from './fault-record.ts';
import { createReadyResponse } from './ready-response.ts';

type Request = Readonly<Record<string, unknown>>;

/** A frontend's metrics, faults of them, and what a scrape of it shows; two engines unless told otherwise. */
export class Scraped {
  readonly clock = new VirtualClock();
  readonly faults = new ShownFaults(this.clock);
  readonly metrics: FrontendMetrics;
  #lastHandle = 0;
  #active = new Map<string, ReturnType<typeof faultRecord>>();

  /** `options`: flags beside the defaults. */
  constructor(numEngines = 2, options: Partial<FrontendMetricsOptions> = {}) {
    const ranks = Array.from({ length: numEngines }, (_, rank) => rank);
    this.metrics = new FrontendMetrics({
      engines: new Map(
        ranks.map((rank) => [rank, createReadyResponse({ dataParallelRank: rank })]),
      ),
      servedModelName: 'tiny',
      cacheConfig: DEFAULT_CACHE_CONFIG_SETTINGS,
      dpMetrics: 'per-engine',
      kvCacheMetrics: false,
      maxLoras: null,
      clock: this.clock,
      view: this.faults,
      ...options,
    });
  }

  inject(request: Request): string {
    this.#lastHandle += 1;
    const handle = `f${this.#lastHandle}`;
    const record = faultRecord(request, { handle, begunMs: this.clock.wallMs() });
    if (!record.is_momentary) this.#active.set(handle, record);
    this.faults.update(
      record.is_momentary ? [...this.#active.values(), record] : [...this.#active.values()],
    );
    return handle;
  }

  clear(handle: string): void {
    this.#active.delete(handle);
    this.faults.update([...this.#active.values()]);
  }

  /** A step of an engine with so many tokens, and requests waiting. */
  step(rank: number, promptTokens: number, numWaitingReqs = 0): void {
    const iteration = Object.assign(new IterationStats(0), {
      promptTokensComputed: promptTokens,
      promptTokensTotal: promptTokens,
    });
    this.metrics.record(rank, createSchedulerStats({ numWaitingReqs }), iteration);
  }

  async body(accept?: string): Promise<string> {
    return (await this.metrics.render({ accept, names: [] })).body.toString();
  }

  async samples(accept?: string): Promise<ReadonlyMap<string, number>> {
    return samplesByKey(await this.body(accept));
  }

  async merged(...others: readonly Scraped[]): Promise<ReadonlyMap<string, number>> {
    const snapshots = [this, ...others].map(({ metrics }) => metrics.snapshot());
    const { body } = await this.metrics.renderMerged(snapshots, { accept: undefined, names: [] });
    return samplesByKey(body);
  }
}
