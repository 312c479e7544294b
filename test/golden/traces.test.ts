/**
 * Every recorded step of every golden trace, field by field: what is scheduled, block tables, preemptions, free queue,
 * outputs, statistics, KV cache events.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { describeDifference, firstDifference } from '../../src/cli/replay/compare.ts';
import { deriveResolved } from '../../src/cli/replay/derive.ts';
import { Replay } from '../../src/cli/replay/engine.ts';
import { parseTraceRecords } from '../../src/cli/replay/read-traces.ts';
import { kvCacheConfigFromResolved } from '../../src/cli/replay/resolve.ts';
import type { StepRecord } from '../../src/cli/replay/steps.ts';
import type { JsonObject } from '../../src/shared/json-object.ts';

const FILES = [
  ['traces.json', 100],
  ['traces-2.json', 49],
  ['traces-next.json', 10],
] as const;

describe.each(FILES)('golden %s', (file, count) => {
  const text = readFileSync(new URL(file, import.meta.url), 'utf8');
  const traces = parseTraceRecords(JSON.parse(text), (message) => {
    throw new Error(`not replayed: ${message}`);
  });

  it('has all its workloads', () => {
    expect(traces.length).toBe(count);
  });

  describe.each(traces.map((trace) => [trace.id, trace] as const))('%s', (_id, trace) => {
    const { resolved, steps } = trace;
    if (resolved === undefined || steps === undefined) throw new Error('not recorded');

    it('replays with what vLLM resolved', () => {
      const kvCacheConfig = kvCacheConfigFromResolved(resolved);
      const replayed = new Replay({ trace, resolved, kvCacheConfig }).run();
      expect(differenceInWords(trace.id, steps, replayed)).toBe('none');
    });

    it('replays with what we derive from the config', () => {
      const derived = deriveResolved(trace.config);
      expect(derived.resolved).toEqual(resolved);
      const replayed = new Replay({ trace, ...derived }).run();
      expect(differenceInWords(trace.id, steps, replayed)).toBe('none');
    });
  });
});

function differenceInWords(
  id: string,
  recorded: readonly unknown[],
  replayed: readonly StepRecord[],
): string {
  const difference = firstDifference(recorded, replayed);
  return difference === null ? 'none' : describeDifference(id, difference);
}

describe('statistics', () => {
  const traces = FILES.flatMap(([file]) =>
    parseTraceRecords(JSON.parse(readFileSync(new URL(file, import.meta.url), 'utf8'))),
  ).filter(({ config }) => config.log_stats !== false);

  it.each(traces.map((trace) => [trace.id, trace] as const))(
    'change nothing but themselves: %s',
    (_id, trace) => {
      const off = { ...trace, config: { ...trace.config, log_stats: false } };
      const replayed = new Replay({ trace: off, ...deriveResolved(off.config) }).run();
      const recorded = (trace.steps ?? []).map(withoutStatistics);
      expect(differenceInWords(trace.id, recorded, replayed)).toBe('none');
    },
  );
});

/** A recorded step as it would be with --disable-log-stats: no stats, no events, no message that only carries stats. */
function withoutStatistics(step: JsonObject): JsonObject {
  const out = (step['out'] as JsonObject[]).flatMap((message) => {
    const { stats, stats_extra: _, ...rest } = message;
    const outputs = (message['outputs'] as JsonObject[]).map(({ events: _, ...output }) => output);
    const isOnlyStats =
      stats !== undefined && outputs.length === 0 && message['finished_requests'] === undefined;
    return isOnlyStats ? [] : [{ ...rest, outputs }];
  });
  return { ...step, out };
}
