/**
 * The frontend's metrics in one object: what the output processor and the HTTP server record into, and what `/metrics`
 * and the 10-second log lines read. With several API servers each has its own; `renderMerged` makes one body of them.
 */
import { assert } from '../../shared/assert.ts';
import type { Clock } from '../../shared/clock.ts';
import type { KVTransferConfig } from '../../shared/config/kv-transfer-config.ts';
import type { OlderMetrics } from '../../shared/metric-catalogue/older-metrics.ts';
import type { EngineIndex } from '../../shared/protocol/ids.ts';
import type { SchedulerStats } from '../../shared/protocol/stats.ts';
import type { AdmissionReason } from './definitions.ts';
import { type EngineLoad, engineLoadOf } from './engine-load.ts';
import { chooseEncoder, type Exposition, ExpositionWriter, mergeFamilies } from './exposition.ts';
import type { Family, FamilySnapshot } from './families.ts';
import { type HttpExchange, HttpMetrics } from './http-metrics.ts';
import type { IterationStats } from './iteration-stats.ts';
import { LoggingStatLogger, type StatLogLine } from './logging-stat-logger.ts';
import type { MetricsView } from './metrics-view.ts';
import { type NamedMetric, namedMetricsOf } from './named-metrics.ts';
import { OlderFamilies } from './older-families.ts';
import type { ProcessFigures } from './process-figures.ts';
import { ProcessMetrics } from './process-metrics.ts';
import {
  PrometheusStatLogger,
  type PrometheusStatLoggerOptions,
} from './prometheus-stat-logger.ts';
import { type SleepOperation, SleepOperationMetrics } from './sleep-operation-metrics.ts';
import { SpecDecodingMetrics } from './spec-decoding-metrics.ts';
import { type ToolParserInvocation, ToolParserMetrics } from './tool-parser-metrics.ts';

export interface ScrapeOptions {
  /** What chooses the format, as Python's client does; absent: the text format. */
  readonly accept: string | undefined;
  /** Only these families (by sample name); empty: all. */
  readonly names: readonly string[];
}

export interface FrontendMetricsOptions extends PrometheusStatLoggerOptions {
  /** Draft positions with `--speculative-config`; null or absent without. */
  readonly numSpeculativeTokens?: number | null;
  /** Null or absent without a KV connector. */
  readonly kvTransfer?: Pick<KVTransferConfig, 'connector' | 'role'> | null;
  /** With `--tool-call-parser`. */
  readonly hasToolCallParser?: boolean;
  /** False with `--disable-log-stats`: then no stat logger registers its families. */
  readonly logStats?: boolean;
  /** The families and labels of another version; null or absent: ours. */
  readonly older?: OlderMetrics | null;
  /** What a scrape is shown through; null or absent: nothing stands between. */
  readonly view?: MetricsView | null;
  /** Default: what the system says of this process. */
  readonly readProcessFigures?: () => ProcessFigures;
}

export class FrontendMetrics {
  readonly prometheus: PrometheusStatLogger;
  readonly #http: HttpMetrics;
  readonly #process: ProcessMetrics;
  readonly #sleepOperations: SleepOperationMetrics;
  /** By whom they are registered in vLLM: the stat loggers before HTTP, the rest after. */
  readonly #statLoggerFamilies: readonly Family[];
  readonly #toolParser: ToolParserMetrics | null;
  readonly #lateFamilies: readonly Family[];
  /** Null without speculation. */
  readonly #specDecoding: SpecDecodingMetrics | null;
  readonly #statLoggers = new Map<EngineIndex, LoggingStatLogger>();
  readonly #clock: Clock;
  readonly #view: MetricsView | null;
  readonly #older: OlderFamilies | null;
  readonly #writer = new ExpositionWriter({ isMultiprocess: false });
  readonly #mergedWriter = new ExpositionWriter({ isMultiprocess: true });

  constructor(options: FrontendMetricsOptions) {
    this.#clock = options.clock;
    this.#view = options.view ?? null;
    this.#older = options.older ? new OlderFamilies(options.older) : null;
    this.prometheus = new PrometheusStatLogger(options);
    this.#process = new ProcessMetrics(options.clock, options.readProcessFigures);
    const createdSeconds = options.clock.wallMs() / 1000;
    this.#http = new HttpMetrics(createdSeconds);
    this.#sleepOperations = new SleepOperationMetrics(options.clock);
    const ranks = [...options.engines.keys()].sort((a, b) => a - b);
    this.#specDecoding = specDecodingMetrics(options, ranks, createdSeconds);
    this.#statLoggerFamilies = this.#familiesOfStatLogger(options);
    this.#toolParser =
      options.hasToolCallParser === true
        ? new ToolParserMetrics(options.servedModelName, createdSeconds)
        : null;
    this.#lateFamilies = this.#toolParser === null ? [] : [this.#toolParser.family];
    for (const rank of ranks)
      this.#statLoggers.set(
        rank,
        new LoggingStatLogger(rank, options.clock.monotonicMs(), options.kvTransfer?.connector),
      );
    this.#view?.attach(() => this.#allFamilies());
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
    const drafts = schedulerStats?.specDecodingStats ?? null;
    if (drafts !== null) this.#specDecoding?.record(engineIndex, drafts);
  }

  recordHttp(exchange: HttpExchange): void {
    this.#http.record(exchange);
  }

  recordToolParser(invocation: ToolParserInvocation): void {
    this.#toolParser?.record(invocation);
  }

  recordSleepState(state: { isSleeping: boolean; level: number }): void {
    this.prometheus.recordSleepState(state);
  }

  recordAdmissionRejection(reason: AdmissionReason): void {
    this.prometheus.recordAdmissionRejection(reason);
  }

  /** Counts a call of a development endpoint as long as it takes. */
  recordSleepOperation<T>(operation: SleepOperation, run: () => Promise<T>): Promise<T> {
    return this.#sleepOperations.record(operation, run);
  }

  /** What a router is told of this server's load; see http/orca.ts. */
  namedMetrics(): readonly NamedMetric[] {
    return namedMetricsOf(this.#statLoggerFamilies);
  }

  /** What an engine last said of its requests; null before that. */
  loadOf(rank: EngineIndex): EngineLoad | null {
    return engineLoadOf(this.#statLoggerFamilies, rank);
  }

  /** The lines of each engine in rank order, for the time since the last call. */
  logLines(): readonly StatLogLine[] {
    const nowMs = this.#clock.monotonicMs();
    return [...this.#statLoggers.values()].flatMap((statLogger) => statLogger.lines(nowMs));
  }

  /** The body of `/metrics`. */
  render(options: ScrapeOptions): Promise<Exposition> {
    const families = this.#shown(this.#own(this.#allFamilies()));
    return this.#writer.write(chooseFamilies(families, options), chooseEncoder(options.accept));
  }

  /** This process's numbers as plain data, for `renderMerged` in another process. */
  snapshot(): readonly FamilySnapshot[] {
    return this.#own(this.#families()).map((family) => family.snapshot());
  }

  /**
   * The body of `/metrics` for several API servers, as Python's multiprocess registry has it: counters add up, gauges are
   * the most recent, and no process tells of itself.
   */
  renderMerged(
    snapshots: readonly (readonly FamilySnapshot[])[],
    options: ScrapeOptions,
  ): Promise<Exposition> {
    const shape = [...this.#families(), ...this.#ofVersion(this.#sleepOperations.allFamilies)];
    const families = chooseFamilies(this.#shown(mergeFamilies(shape, snapshots)), options);
    return this.#mergedWriter.write(families, chooseEncoder(options.accept));
  }

  #own(families: readonly Family[]): readonly Family[] {
    return this.#view?.own(families) ?? families;
  }

  #shown(families: readonly Family[]): readonly Family[] {
    return this.#view?.shown(families) ?? families;
  }

  #allFamilies(): readonly Family[] {
    this.#process.update();
    return [...this.#process.families, ...this.#families()];
  }

  #families(): readonly Family[] {
    return this.#ofVersion([
      ...this.#statLoggerFamilies,
      ...this.#http.families,
      ...this.#lateFamilies,
      ...this.#sleepOperations.families,
    ]);
  }

  #ofVersion(families: readonly Family[]): readonly Family[] {
    return this.#older?.shown(families) ?? families;
  }

  #familiesOfStatLogger({ logStats = true }: FrontendMetricsOptions): readonly Family[] {
    if (!logStats) return [];
    return [...(this.#specDecoding?.families ?? []), ...this.prometheus.families];
  }
}

function specDecodingMetrics(
  { numSpeculativeTokens = null, servedModelName }: FrontendMetricsOptions,
  ranks: readonly EngineIndex[],
  createdSeconds: number,
): SpecDecodingMetrics | null {
  if (numSpeculativeTokens === null) return null;
  return new SpecDecodingMetrics({ servedModelName, ranks, numSpeculativeTokens, createdSeconds });
}

function chooseFamilies(families: readonly Family[], { names }: ScrapeOptions): readonly Family[] {
  if (names.length === 0) return families;
  return families.filter(({ name, type }) => {
    // A counter has no sample of its bare name.
    const isSample = (asked: string): boolean => type !== 'counter' && asked === name;
    return names.some((asked) => isSample(asked) || asked.startsWith(`${name}_`));
  });
}
