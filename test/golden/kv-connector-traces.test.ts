/** Every step of vLLM's schedulers with a KV connector: loads in the step and between steps, failed ones, blocks read later. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { describeDifference, firstDifference } from '../../src/cli/replay/compare.ts';
import { Replay } from '../../src/cli/replay/engine.ts';
import { parseTraceRecords } from '../../src/cli/replay/read-traces.ts';
import { kvCacheConfigFromResolved } from '../../src/cli/replay/resolve.ts';

const text = readFileSync(new URL('kv-connector-traces.json', import.meta.url), 'utf8');
const traces = parseTraceRecords(JSON.parse(text), (message) => {
  throw new Error(`not replayed: ${message}`);
});

describe('golden kv-connector-traces.json', () => {
  it('has all its workloads', () => {
    expect(traces.length).toBe(12);
  });

  it.each(traces.map((trace) => [trace.id, trace] as const))('%s', (_id, trace) => {
    const { resolved, steps } = trace;
    if (resolved === undefined || steps === undefined) throw new Error('not recorded');
    const kvCacheConfig = kvCacheConfigFromResolved(resolved);
    const replayed = new Replay({ trace, resolved, kvCacheConfig }).run();
    const difference = firstDifference(steps, replayed);
    expect(difference === null ? 'none' : describeDifference(trace.id, difference)).toBe('none');
  });
});
