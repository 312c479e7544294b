/**
 * The frontend's metrics in one object: what the output processor and the HTTP server record into, and what `/metrics`
 * and the 10-second log lines read. With several API servers each has its own; `renderMerged` makes one body of them.
 */
import { assert } from '../../shared/assert.ts';
import type { Clock } from '../../shared/clock.ts';
import type { EngineIndex } from '../../shared/protocol/ids.ts';
import type { SchedulerStats } from '../../shared/protocol/stats.ts';
import type { AdmissionReason } from './definitions.ts';
import {
  type Exposition,
  mergeFamilies,
  renderExposition,
  wantsOpenMetrics,
} from './exposition.ts';
import type { Family, FamilySnapshot } from './families.ts';
import { type HttpExchange, HttpMetrics } from './http-metrics.ts';
import type { IterationStats } from './iteration-stats.ts';
import { LoggingStatLogger, type StatLogLine } from './logging-stat-logger.ts';
import { ProcessMetrics } from './process-metrics.ts';
import {
  PrometheusStatLogger,
  type PrometheusStatLoggerOptions,
} from './prometheus-stat-logger.ts';

export interface ScrapeOptions {
  /** The request's Accept header. */
  readonly accept: string | undefined;
  /** `name[]` query parameters: only these families (by sample name); empty: all. */
  readonly names: readonly string[];
}

export class FrontendMetrics {
  readonly prometheus: PrometheusStatLogger;
  readonly #http: HttpMetrics;
  readonly #process: ProcessMetrics;
  readonly #statLoggers = new Map<EngineIndex, LoggingStatLogger>();
  readonly #clock: Clock;

  constructor(options: PrometheusStatLoggerOptions) {
    this.#clock = options.clock;
    this.prometheus = new PrometheusStatLogger(options);
    this.#process = new ProcessMetrics(options.clock);
    this.#http = new HttpMetrics(options.clock.wallMs() / 1000);
    const ranks = [...options.engines.keys()].sort((a, b) => a - b);
    for (const rank of ranks)
      this.#statLoggers.set(rank, new LoggingStatLogger(rank, options.clock.monotonicMs()));
  }

  /** One message of an engine. */
  record(
    engineIndex: EngineIndex,
    schedulerStats: SchedulerStats | null,
    iterationStats: IterationStats | null,
  ): void {
    const statLogger = this.#statLoggers.get(engineIndex);
    assert(statLogger !== undefined, () => `stats of engine ${engineIndex}, which never reported`);
    this.prometheus.record(engineIndex, schedulerStats, iterationStats);
    statLogger.record(schedulerStats, iterationStats);
  }

  recordHttp(exchange: HttpExchange): void {
    this.#http.record(exchange);
  }

  recordSleepState(state: { isSleeping: boolean; level: number }): void {
    this.prometheus.recordSleepState(state);
  }

  recordAdmissionRejection(reason: AdmissionReason): void {
    this.prometheus.recordAdmissionRejection(reason);
  }

  /** One line per engine in rank order, for the time since the last call. */
  logLines(): readonly StatLogLine[] {
    const nowMs = this.#clock.monotonicMs();
    return Array.from(this.#statLoggers.values(), (statLogger) => statLogger.line(nowMs));
  }

  /** The body of `/metrics`. */
  render(options: ScrapeOptions): Promise<Exposition> {
    return renderFamilies(this.#families(), options);
  }

  /** This process's numbers as plain data, for `renderMerged` in another process. */
  snapshot(): readonly FamilySnapshot[] {
    return this.#families().map((family) => family.snapshot());
  }

  /** The body of `/metrics` for several API servers: counters add up, gauges are the most recent. */
  renderMerged(
    snapshots: readonly (readonly FamilySnapshot[])[],
    options: ScrapeOptions,
  ): Promise<Exposition> {
    return renderFamilies(mergeFamilies(this.#families(), snapshots), options);
  }

  #families(): readonly Family[] {
    this.#process.update();
    return [...this.#process.families, ...this.prometheus.families, ...this.#http.families];
  }
}

function renderFamilies(
  families: readonly Family[],
  { accept, names }: ScrapeOptions,
): Promise<Exposition> {
  const wanted =
    names.length === 0
      ? families
      : families.filter(({ name, type }) => {
          // A counter has no sample of its bare name.
          const isSample = (asked: string): boolean => type !== 'counter' && asked === name;
          return names.some((asked) => isSample(asked) || asked.startsWith(`${name}_`));
        });
  return renderExposition(wanted, wantsOpenMetrics(accept));
}
