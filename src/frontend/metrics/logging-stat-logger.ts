/**
 * The lines that an engine's activity is worth every 10 seconds, in vLLM's words. Pure: the caller owns the timer.
 * Source: vllm/v1/metrics/loggers.py LoggingStatLogger (0.33.0). Leaves out: multi-modal parts.
 */
import type { KVTransferConfig } from '../../shared/config/kv-transfer-config.ts';
import type { EngineIndex } from '../../shared/protocol/ids.ts';
import type { SchedulerStats } from '../../shared/protocol/stats.ts';
import { CachingMetrics } from './caching-metrics.ts';
import type { IterationStats } from './iteration-stats.ts';
import { KVTransferLog } from './kv-transfer-log.ts';
import { SpecDecodingLog } from './spec-decoding-log.ts';

export interface StatLogLine {
  /** Debug once the engine was idle for two lines in a row. */
  readonly level: 'info' | 'debug';
  readonly text: string;
}

const NO_FETCHES: readonly number[] = Object.freeze([0, 0, 0]);

export class LoggingStatLogger {
  readonly #engineIndex: EngineIndex;
  #lastLogMs: number;
  #numPromptTokens = 0;
  #numGenerationTokens = 0;
  #lastPromptThroughput = 0;
  #lastGenerationThroughput = 0;
  #running = 0;
  #waiting = 0;
  #deferred = 0;
  #kvCacheUsage = 0;
  #kvFetches: readonly number[] = NO_FETCHES;
  readonly #prefixCaching = new CachingMetrics();
  readonly #externalCaching = new CachingMetrics();
  readonly #transfers: KVTransferLog | null;
  readonly #specDecoding: SpecDecodingLog;

  /** `nowMs` is monotonic. */
  constructor(
    engineIndex: EngineIndex,
    nowMs: number,
    connector: KVTransferConfig['connector'] | null = null,
  ) {
    this.#engineIndex = engineIndex;
    this.#transfers = connector === null ? null : new KVTransferLog(connector);
    this.#lastLogMs = nowMs;
    this.#specDecoding = new SpecDecodingLog(nowMs);
  }

  record(schedulerStats: SchedulerStats | null, iterationStats: IterationStats | null): void {
    if (iterationStats !== null) {
      this.#numPromptTokens += iterationStats.promptTokensComputed;
      this.#numGenerationTokens += iterationStats.numGenerationTokens;
    }
    if (schedulerStats !== null) {
      this.#prefixCaching.observe(schedulerStats.prefixCacheStats);
      if (schedulerStats.specDecodingStats !== null)
        this.#specDecoding.observe(schedulerStats.specDecodingStats);
      this.#running = schedulerStats.numRunningReqs;
      this.#waiting = schedulerStats.numWaitingReqs;
      this.#deferred = schedulerStats.numSkippedWaitingReqs;
      this.#kvCacheUsage = schedulerStats.kvCacheUsage;
      if (this.#transfers !== null) this.#recordTransfers(schedulerStats, this.#transfers);
    }
  }

  /** What there is to say of the time since the last call; the first line is always there. */
  lines(nowMs: number): readonly StatLogLine[] {
    const first = this.line(nowMs);
    const texts = [this.#specDecoding.line(nowMs), this.#transfers?.take() ?? null];
    const others = texts.filter((text) => text !== null);
    return [first, ...others.map((text) => ({ level: first.level, text }))];
  }

  #recordTransfers(stats: SchedulerStats, transfers: KVTransferLog): void {
    const {
      waiting_to_start = 0,
      in_progress = 0,
      completed_waiting = 0,
    } = stats.numKvFetchReqsByStage;
    this.#kvFetches = [waiting_to_start, in_progress, completed_waiting];
    if (stats.connectorPrefixCacheStats !== null) {
      this.#externalCaching.observe(stats.connectorPrefixCacheStats);
    }
    transfers.observe(stats.kvConnectorStats);
  }

  /**
   * The line for the time since the last one. vLLM's own `Preemptions: N` never shows in 0.33.0 (it is reset before it
   * is printed), so it is not here either.
   */
  line(nowMs: number): StatLogLine {
    const seconds = (nowMs - this.#lastLogMs) / 1000;
    const promptThroughput = seconds > 0 ? this.#numPromptTokens / seconds : 0;
    const generationThroughput = seconds > 0 ? this.#numGenerationTokens / seconds : 0;
    const isIdle =
      promptThroughput === 0 &&
      generationThroughput === 0 &&
      this.#lastPromptThroughput === 0 &&
      this.#lastGenerationThroughput === 0;
    const parts = [
      `Avg prompt throughput: ${promptThroughput.toFixed(1)} tokens/s`,
      `Avg generation throughput: ${generationThroughput.toFixed(1)} tokens/s`,
      `Running: ${this.#running} reqs`,
      `Waiting: ${this.#waiting + this.#deferred} reqs`,
    ];
    if (this.#deferred > 0) parts.push(`Deferred: ${this.#deferred} reqs`);
    if (this.#kvFetches.some((count) => count > 0)) {
      const [toStart, inProgress, completed] = this.#kvFetches;
      parts.push(
        `KV fetch: ${toStart} waiting to start, ${inProgress} in progress, ${completed} completed waiting`,
      );
    }
    parts.push(`GPU KV cache usage: ${(this.#kvCacheUsage * 100).toFixed(1)}%`);
    if (!this.#prefixCaching.isEmpty)
      parts.push(`Prefix cache hit rate: ${(this.#prefixCaching.hitRate * 100).toFixed(1)}%`);
    if (!this.#externalCaching.isEmpty)
      parts.push(
        `External prefix cache hit rate: ${(this.#externalCaching.hitRate * 100).toFixed(1)}%`,
      );
    this.#lastLogMs = nowMs;
    this.#numPromptTokens = 0;
    this.#numGenerationTokens = 0;
    this.#lastPromptThroughput = promptThroughput;
    this.#lastGenerationThroughput = generationThroughput;
    const prefix = `Engine ${String(this.#engineIndex).padStart(3, '0')}: `;
    return { level: isIdle ? 'debug' : 'info', text: prefix + parts.join(', ') };
  }
}
