/** The rules over any query: they never throw, point into the text, and what they mend is mended. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RuleFinding } from '../../src/lint/finding.ts';
import { parsePromql } from '../../src/lint/promql/parse.ts';
import { checkQuery } from '../../src/lint/rules/check-query.ts';
import { RULES } from '../../src/lint/rules/rule-table.ts';
import type { QueryKind } from '../../src/lint/source-query.ts';
import {
  CATALOGUE_VERSIONS,
  catalogueOf,
} from '../../src/shared/metric-catalogue/metric-catalogue.ts';
import { RENAMES } from '../../src/shared/metric-catalogue/renames.ts';
import { sourceQuery } from '../support/source-query.ts';

const NEWEST = catalogueOf('0.33.0');
const NAMES = [
  ...NEWEST.bySample.keys(),
  ...NEWEST.families.map(({ name }) => name),
  ...RENAMES.map(({ old }) => old),
];
const LABELS = [
  'le',
  'engine',
  'engine_id',
  'model_name',
  'reason',
  'finished_reason',
  'pod',
  'tier',
];
const KINDS: readonly QueryKind[] = ['panel', 'alert', 'scaledobject', 'variable', 'metric-name'];

const name = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...NAMES) },
  fc.constantFrom(...NAMES).map((known) => known.replace('vllm:', 'vllm_')),
  fc.constantFrom(...NAMES).map((known) => `${known}_total`),
  fc.constantFrom('up', 'vllm:a:b', 'vllm:$metric', 'vllm:num_requests_wating', '$metric'),
);
const value = fc.constantFrom(
  '120',
  '120.0',
  'stop',
  'x',
  '',
  '.*',
  '$model',
  '200',
  'a(',
  '0',
  '+Inf',
);
const matcher = fc
  .tuple(fc.constantFrom(...LABELS), fc.constantFrom('=', '!=', '=~', '!~'), value)
  .map(([label, op, text]) => `${label}${op}"${text}"`);
/** A name before its matchers, or among them. */
const named = fc.constantFrom<(metric: string, matchers: readonly string[]) => string>(
  (metric, matchers) => `${metric}{${matchers.join(', ')}}`,
  (metric, matchers) => `{${[`__name__="${metric}"`, ...matchers].join(', ')}}`,
  (metric, matchers) => `{${[...matchers, `__name__=~'^${metric}$'`].join(', ')}}`,
  (metric, matchers) => `{${[`"${metric}"`, ...matchers].join(', ')}}`,
);
const selector = fc
  .tuple(named, name, fc.array(matcher, { maxLength: 3 }))
  .map(([written, metric, matchers]) => written(metric, matchers));
const labels = fc
  .array(fc.constantFrom(...LABELS, '$by'), { maxLength: 3 })
  .map((chosen) => chosen.join(', '));

const { query } = fc.letrec<{ query: string }>((tie) => ({
  query: fc.oneof(
    { depthSize: 'small' },
    selector,
    fc.constantFrom('1', '90', '-0.5', 'time()', 'vector(0)'),
    fc
      .tuple(fc.constantFrom('rate', 'increase', 'avg_over_time', '$fn'), selector)
      .map(([called, of]) => `${called}(${of}[5m])`),
    fc
      .tuple(fc.constantFrom('sum', 'avg', 'max', 'count', 'quantile'), labels, tie('query'))
      .map(([op, by, of]) => `${op} by (${by}) (${op === 'quantile' ? '0.9, ' : ''}${of})`),
    tie('query').map((of) => `histogram_quantile(0.9, ${of})`),
    tie('query').map((of) => `absent(${of})`),
    tie('query').map((of) => `-(${of})`),
    fc
      .tuple(
        tie('query'),
        fc.constantFrom('+', '/', '*', '>', '> bool', '==', 'and', 'or', 'unless'),
        fc.constantFrom(
          '',
          ' on (instance)',
          ' ignoring (le)',
          ' on (engine) group_left (model_name)',
        ),
        tie('query'),
      )
      .map(([left, op, matching, right]) => `(${left}) ${op}${matching} (${right})`),
  ),
}));

function check(text: string, kind: QueryKind, versions: readonly string[]): readonly RuleFinding[] {
  return checkQuery(sourceQuery(text, kind), parsePromql(text), { versions, features: new Set() });
}

function applied(text: string, { fix = [] }: RuleFinding): string {
  const edits = fix.toSorted((a, b) => b.from - a.from);
  return edits.reduce(
    (mended, { from, to, insert }) => mended.slice(0, from) + insert + mended.slice(to),
    text,
  );
}

const setting = fc.record({
  kind: fc.constantFrom(...KINDS),
  versions: fc.subarray([...CATALOGUE_VERSIONS], { minLength: 1, maxLength: 2 }),
});

describe('the rules', () => {
  const ids: readonly string[] = RULES.map(({ id }) => id);

  it('point into any query, with words and a known id', () => {
    fc.assert(
      fc.property(fc.oneof(query, fc.string()), setting, (text, { kind, versions }) => {
        for (const finding of check(text, kind, versions)) {
          expect(ids).toContain(finding.rule);
          expect(finding.message).not.toBe('');
          expect(finding.remedy).not.toBe('');
          expect(finding.from).toBeGreaterThanOrEqual(0);
          expect(finding.to).toBeLessThanOrEqual(text.length);
          expect(finding.from).toBeLessThanOrEqual(finding.to);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it('mend what they say they mend', () => {
    let mended = 0;
    fc.assert(
      fc.property(query, setting, (text, { kind, versions }) => {
        for (const finding of check(text, kind, versions)) {
          if (finding.fix === undefined) continue;
          mended += 1;
          const after = applied(text, finding);
          if (kind !== 'metric-name') expect(parsePromql(after).problem, after).toBeNull();
          const left = check(after, kind, versions).filter(
            ({ rule, from }) => rule === finding.rule && from === finding.from,
          );
          expect(left, `${text} → ${after}`).toEqual([]);
        }
      }),
      { numRuns: 2_000 },
    );
    expect(mended).toBeGreaterThan(100);
  });

  it('read queries that are broken anywhere', () => {
    const { files } = JSON.parse(
      readFileSync(new URL('../golden/versions/corpus.json', import.meta.url), 'utf8'),
    ) as { readonly files: readonly { readonly queries: readonly { readonly query: string }[] }[] };
    const queries = files.flatMap((file) => file.queries.map((recorded) => recorded.query));
    fc.assert(
      fc.property(fc.constantFrom(...queries), fc.nat(), fc.nat(), setting, (text, a, b, how) => {
        const [from, to] = [a % text.length, b % text.length].sort((x, y) => x - y);
        check(text.slice(0, from) + text.slice(to), how.kind, how.versions);
      }),
      { numRuns: 1_000 },
    );
  });
});
