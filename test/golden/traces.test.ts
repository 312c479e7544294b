/**
 * Every recorded step of every golden trace, field by field: what is scheduled, block tables, preemptions, free queue,
 * outputs, statistics, KV cache events.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { describeDifference, firstDifference } from '../../src/cli/replay-compare.ts';
import { Replay } from '../../src/cli/replay-engine.ts';
import { parseTraceRecords } from '../../src/cli/replay-record.ts';
import { kvCacheConfigFromResolved } from '../../src/cli/replay-resolve.ts';

const document: unknown = JSON.parse(readFileSync(new URL('traces.json', import.meta.url), 'utf8'));
const traces = parseTraceRecords(document);

describe('golden traces', () => {
  it('are all there', () => {
    expect(traces.length).toBe(100);
  });

  it.each(traces.map((trace) => [trace.id, trace] as const))('%s', (_id, trace) => {
    if (trace.resolved === undefined || trace.steps === undefined) throw new Error('not recorded');
    const replay = new Replay({
      trace,
      resolved: trace.resolved,
      kvCacheConfig: kvCacheConfigFromResolved(trace.resolved),
    });
    const difference = firstDifference(trace.steps, replay.run());
    expect(difference === null ? null : describeDifference(trace.id, difference)).toBeNull();
  });
});
