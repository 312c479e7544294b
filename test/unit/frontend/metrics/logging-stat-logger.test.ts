import { describe, expect, it } from 'vitest';
import { IterationStats } from '../../../../src/frontend/metrics/iteration-stats.ts';
import { LoggingStatLogger } from '../../../../src/frontend/metrics/logging-stat-logger.ts';
import { createSchedulerStats } from '../../../../src/shared/protocol/defaults.ts';

function tokens(prompt: number, generation: number): IterationStats {
  const stats = new IterationStats(0);
  stats.promptTokensComputed = prompt;
  stats.numGenerationTokens = generation;
  return stats;
}

describe('the log line of an engine', () => {
  it('divides the tokens since the last line by the seconds since then', () => {
    const statLogger = new LoggingStatLogger(12, 5_000);
    statLogger.record(null, tokens(30, 8));
    statLogger.record(null, tokens(10, 12));
    expect(statLogger.line(15_000)).toEqual({
      level: 'info',
      text: 'Engine 012: Avg prompt throughput: 4.0 tokens/s, Avg generation throughput: 2.0 tokens/s, Running: 0 reqs, Waiting: 0 reqs, GPU KV cache usage: 0.0%',
    });
    statLogger.record(null, tokens(5, 0));
    expect(statLogger.line(17_000).text).toContain(
      'Avg prompt throughput: 2.5 tokens/s, Avg generation throughput: 0.0 tokens/s',
    );
  });

  it('shows no throughput where no time has passed', () => {
    const statLogger = new LoggingStatLogger(0, 5_000);
    statLogger.record(null, tokens(30, 8));
    expect(statLogger.line(5_000).text).toContain(
      'Avg prompt throughput: 0.0 tokens/s, Avg generation throughput: 0.0',
    );
  });

  it.each([
    ['prompt', tokens(1, 0)],
    ['generation', tokens(0, 1)],
  ])('goes to debug with the second line in a row without %s tokens', (_what, stats) => {
    const statLogger = new LoggingStatLogger(0, 0);
    statLogger.record(null, stats);
    const levels = [10_000, 20_000, 30_000].map((nowMs) => statLogger.line(nowMs).level);
    expect(levels).toEqual(['info', 'info', 'debug']);
  });

  it('shows what the engine last said, and what is deferred among the waiting', () => {
    const statLogger = new LoggingStatLogger(0, 0);
    statLogger.record(createSchedulerStats({ numRunningReqs: 9, numSkippedWaitingReqs: 9 }), null);
    const stats = { numRunningReqs: 1, numWaitingReqs: 2, numSkippedWaitingReqs: 3 };
    statLogger.record(createSchedulerStats({ ...stats, kvCacheUsage: 0.5 }), null);
    expect(statLogger.line(1_000).text).toMatch(
      /, Running: 1 reqs, Waiting: 5 reqs, Deferred: 3 reqs, GPU KV cache usage: 50\.0%$/,
    );
  });

  it('shows the prefix cache hit rate once there was a request', () => {
    const statLogger = new LoggingStatLogger(0, 0);
    expect(statLogger.line(1_000).text).not.toContain('Prefix cache');
    const prefixCacheStats = {
      ...createSchedulerStats().prefixCacheStats,
      requests: 1,
      queries: 8,
      hits: 1,
    };
    statLogger.record(createSchedulerStats({ prefixCacheStats }), null);
    expect(statLogger.line(2_000).text).toMatch(/%, Prefix cache hit rate: 12\.5%$/);
  });
});
