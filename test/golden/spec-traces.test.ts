/** Random workloads with drafts, step by step as vLLM's own schedulers take them: every method, sync and async, ragged. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { describeDifference, firstDifference } from '../../src/cli/replay/compare.ts';
import { deriveResolved } from '../../src/cli/replay/derive.ts';
import { Replay } from '../../src/cli/replay/engine.ts';
import { parseTraceRecords } from '../../src/cli/replay/read-traces.ts';

const traces = parseTraceRecords(
  JSON.parse(readFileSync(new URL('spec-traces.json', import.meta.url), 'utf8')),
  (message) => {
    throw new Error(`not replayed: ${message}`);
  },
);

describe('golden spec-traces.json', () => {
  it('has all its workloads', () => {
    expect(traces.length).toBe(36);
  });

  it.each(traces.map((trace) => [trace.id, trace] as const))('%s', (id, trace) => {
    const replay = new Replay({ trace, ...deriveResolved(trace.config) });
    const difference = firstDifference(trace.steps ?? [], replay.steps());
    expect(difference === null ? 'none' : describeDifference(id, difference)).toBe('none');
  });
});
