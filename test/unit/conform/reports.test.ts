import { describe, expect, it } from 'vitest';
import type { CheckResult } from '../../../src/conform/check.ts';
import { jsonReport } from '../../../src/conform/report/json.ts';
import { junitReport } from '../../../src/conform/report/junit.ts';
import type { ConformReport } from '../../../src/conform/report/report.ts';
import { checkLines, summaryLine, type TextLayout } from '../../../src/conform/report/text.ts';
import {
  failed,
  judged,
  notApplicable,
  passed,
  runChecks,
} from '../../../src/conform/run-checks.ts';

const same = (text: string): string => text;
const LAYOUT: TextLayout = {
  wrap: (text, indent) => [indent + text],
  bold: same,
  dim: same,
  warn: same,
};
const CHECKS: readonly CheckResult[] = [
  { id: 'engine.a', verdict: 'passed', expected: 'says a', got: 'a' },
  { id: 'engine.b', verdict: 'failed', expected: 'says "b" & c', got: '<d>\u0000\ud800' },
  { id: 'engine.c', verdict: 'not_applicable', expected: 'says c', got: 'no c here' },
];
const REPORT: ConformReport = { side: 'engine', vllmVersion: '0.33.0', checks: CHECKS };

describe('a report', () => {
  it('as JSON has the checks and how many passed and failed, and nothing else', () => {
    expect(JSON.parse(jsonReport(REPORT))).toEqual({ checks: CHECKS, passed: 1, failed: 1 });
  });

  it('as JUnit has a test case a check, and no byte that XML does not allow', () => {
    const xml = junitReport(REPORT);
    expect(xml).toContain('<testsuites tests="3" failures="1" errors="0" skipped="1">');
    expect(xml).toContain('<testcase classname="conform.engine" name="engine.a"/>');
    expect(xml).toContain('<skipped message="no c here"/>');
    expect(xml).toContain(
      '<failure message="&lt;d&gt;\ufffd\ufffd">expected: says "b" &amp; c\ngot: &lt;d&gt;\ufffd\ufffd</failure>',
    );
  });

  it('for people says of a failure what vLLM does and what came', () => {
    expect(CHECKS.flatMap((check) => checkLines(check, LAYOUT))).toEqual([
      'ok      engine.a',
      'FAILED  engine.b',
      '        expected: says "b" & c',
      '        got: <d>\u0000\ud800',
      'n/a     engine.c',
      '        no c here',
    ]);
    expect(summaryLine(REPORT, LAYOUT)).toBe('1 passed, 1 failed, 1 not applicable (vLLM 0.33.0)');
  });
});

describe('a run of checks', () => {
  const spec = (id: string) => ({ id, does: `does ${id}`, source: 'core.py' });
  const never = new Promise<never>(() => {});

  it('goes on behind a check that throws, hangs, or does not apply', async () => {
    const seen: string[] = [];
    const results = await runChecks(
      [
        { spec: spec('a'), run: () => passed('a') },
        { spec: spec('b'), run: () => Promise.reject(new Error('b broke')) },
        { spec: spec('c'), run: () => never },
        { spec: spec('d'), run: () => notApplicable('no d') },
        { spec: spec('e'), run: () => ({ ...failed('f'), expected: 'e' }) },
      ],
      null,
      { only: null, checkMs: 20, leftMs: () => 1_000, onResult: ({ id }) => seen.push(id) },
    );
    expect(results.map(({ verdict, expected, got }) => [verdict, expected, got])).toEqual([
      ['passed', 'does a', 'a'],
      ['failed', 'does b', 'b broke'],
      ['failed', 'does c', 'nothing within 0 s'],
      ['not_applicable', 'does d', 'no d'],
      ['failed', 'e', 'f'],
    ]);
    expect(seen).toEqual(['a', 'b', 'c', 'd', 'e']);
  });

  it('says of a peer that does much wrong what it does, once and in short', async () => {
    const problems = Array.from({ length: 20_000 }, (_, i) => `fault ${i % 10_000}`);
    const checks = [
      { spec: spec('a'), run: () => judged(problems, 'good') },
      { spec: spec('b'), run: () => failed('b'.repeat(1_000_000)) },
    ];
    const options = { only: null, checkMs: 20, leftMs: () => 1_000 };
    const [a, b] = await runChecks(checks, null, options);
    expect(a?.got).toMatch(/^fault 0; fault 1;.* fault 7; and 9992 more$/);
    expect(b?.got).toMatch(/^b{2000}…$/);
  });

  it('says of checks that are left when somebody ends it that they were not tried', async () => {
    const ending = new AbortController();
    const checks = [
      {
        spec: spec('a'),
        run: () => {
          ending.abort();
          return passed('a');
        },
      },
      { spec: spec('b'), run: () => passed('b') },
    ];
    const options = { only: null, checkMs: 20, leftMs: () => 1_000, signal: ending.signal };
    const results = await runChecks(checks, null, options);
    expect(results.map(({ got }) => got)).toEqual(['a', 'not tried: the run was ended']);
  });

  it('runs what is asked for, and nothing when its time is over', async () => {
    const checks = ['a', 'b'].map((id) => ({ spec: spec(id), run: () => passed(id) }));
    const options = { checkMs: 20, leftMs: () => 0 };
    expect(await runChecks(checks, null, { ...options, only: ['b'] })).toEqual([
      {
        id: 'b',
        verdict: 'failed',
        expected: 'does b',
        got: 'not tried: the time of the run is over',
      },
    ]);
  });
});
