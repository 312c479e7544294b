/**
 * Every recorded step of every golden trace, field by field: what is scheduled, block tables, preemptions, free queue,
 * outputs, statistics, KV cache events.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { describeDifference, firstDifference } from '../../src/cli/replay/compare.ts';
import { deriveResolved } from '../../src/cli/replay/derive.ts';
import { Replay } from '../../src/cli/replay/engine.ts';
import { parseTraceRecords } from '../../src/cli/replay/record.ts';
import { kvCacheConfigFromResolved } from '../../src/cli/replay/resolve.ts';

const document: unknown = JSON.parse(readFileSync(new URL('traces.json', import.meta.url), 'utf8'));
const traces = parseTraceRecords(document);

describe('golden traces', () => {
  it('are all there', () => {
    expect(traces.length).toBe(100);
  });

  describe.each(traces.map((trace) => [trace.id, trace] as const))('%s', (_id, trace) => {
    const { resolved, steps } = trace;
    if (resolved === undefined || steps === undefined) throw new Error('not recorded');

    it('replays with what vLLM resolved', () => {
      const kvCacheConfig = kvCacheConfigFromResolved(resolved);
      const difference = firstDifference(
        steps,
        new Replay({ trace, resolved, kvCacheConfig }).run(),
      );
      expect(difference === null ? null : describeDifference(trace.id, difference)).toBeNull();
    });

    it('replays with what we derive from the config', () => {
      const derived = deriveResolved(trace.config);
      expect(derived.resolved).toEqual(resolved);
      const difference = firstDifference(steps, new Replay({ trace, ...derived }).run());
      expect(difference === null ? null : describeDifference(trace.id, difference)).toBeNull();
    });
  });
});
