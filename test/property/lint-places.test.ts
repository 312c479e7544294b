/** Queries in files of every way of writing: their places are the file's, and what is mended changes nothing else. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import type { Edit } from '../../src/lint/finding.ts';
import { fixText } from '../../src/lint/fix/fix-text.ts';
import { withEdits } from '../../src/lint/fix/with-edits.ts';
import { readQueries } from '../../src/lint/formats/read-file.ts';
import type { JudgedQuery } from '../../src/lint/lint-text.ts';
import { parsePromql } from '../../src/lint/promql/parse.ts';

const NAME = 'vllm:gpu_cache_usage_perc';
const NEW = 'vllm:kv_cache_usage_perc{a="b\'c"}';

/** Pieces of queries, with what formats have to escape in them. */
const piece = fc.constantFrom(
  NAME,
  ' > 5',
  'sum by (le) (x)',
  '{a="b"}',
  "{a='c'}",
  '\n',
  '\n  ',
  '\n\n',
  '  ',
  '\t',
  '\\d',
  '"é✓😀"',
  ' # said',
  ': ',
  '- ',
  '%',
  '[$__rate_interval]',
);
const query = fc
  .array(piece, { minLength: 1, maxLength: 8 })
  .map((pieces) => pieces.join(''))
  .filter((text) => text.trim() !== '');

const jsonFile = fc.record({ indent: fc.constantFrom(0, 2, '\t'), isAscii: fc.boolean() });
const asJson = (
  queries: readonly string[],
  { indent, isAscii }: { indent: number | string; isAscii: boolean },
) => {
  const text = JSON.stringify(
    { panels: queries.map((expr, i) => ({ title: `p${i}`, targets: [{ expr }] })) },
    null,
    indent,
  );
  const escaped = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return isAscii ? text.replace(/[\u0080-\uffff]/g, escaped) : text;
};

const yamlFile = fc.record({
  defaultStringType: fc.constantFrom(
    'PLAIN' as const,
    'QUOTE_DOUBLE' as const,
    'QUOTE_SINGLE' as const,
    'BLOCK_LITERAL' as const,
    'BLOCK_FOLDED' as const,
  ),
  lineWidth: fc.constantFrom(0, 30, 80),
  indent: fc.constantFrom(2, 4),
});
const asYaml = (queries: readonly string[], options: object) =>
  stringify(
    { groups: [{ rules: queries.map((expr, i) => ({ alert: `p${i}`, expr })) }] },
    { ...options, defaultKeyType: 'PLAIN' },
  );

const ends = fc.record({ isCrlf: fc.boolean(), hasBom: fc.boolean() });
const ended = (text: string, { isCrlf, hasBom }: { isCrlf: boolean; hasBom: boolean }) =>
  (hasBom ? '\uFEFF' : '') + (isCrlf ? text.replaceAll('\n', '\r\n') : text);

const file = fc
  .tuple(fc.array(query, { minLength: 1, maxLength: 4 }), fc.boolean(), jsonFile, yamlFile, ends)
  .map(([queries, isJson, json, yaml, end]) => ({
    name: isJson ? 'x.json' : 'x.yaml',
    text: ended(isJson ? asJson(queries, json) : asYaml(queries, yaml), end),
  }));

describe('the queries of a file', () => {
  it('are found as they were written, each unit at its place', () => {
    fc.assert(
      fc.property(file, ({ name, text }) => {
        const read = readQueries(name, text);
        expect(read.problem).toBeNull();
        expect(read.queries.map((found) => found.text)).toEqual(expressionsIn(text));
        for (const found of read.queries) {
          expect(found.offsets).toHaveLength(found.text.length + 1);
          for (let i = 0; i < found.text.length; i++) {
            const unit = found.text[i] ?? '';
            const at = found.offsets[i] ?? -1;
            expect(found.offsets[i + 1]).toBeGreaterThanOrEqual(at);
            // What is not escaped, and no line end, stands there as it is.
            if (/[\w:{}[\]()>$%#]/.test(unit) && text[at] !== '\\') expect(text[at]).toBe(unit);
          }
        }
      }),
      { numRuns: 200 },
    );
  });

  it('are mended with nothing else changed', () => {
    fc.assert(
      fc.property(file, ({ name, text }) => {
        const before = judged(name, text);
        const { text: after, fixed } = fixText(text, before, (again) => judged(name, again));
        const places = before.filter(({ findings }) => findings.length > 0);
        expect(fixed).toHaveLength(places.flatMap(({ findings }) => findings).length);
        const again = readQueries(name, after).queries;
        expect(again.map((found) => found.text)).toEqual(
          before.map(({ source }) => source.text.replaceAll(NAME, NEW)),
        );
        // Taken back where it was put in, the file is what it was; but for a name that went on in another line.
        const written = new Set(places.map(({ source }) => source.escape(NEW)));
        const isWhole = text.split(NAME).length - 1 === fixed.length;
        if (written.size === 1 && isWhole)
          expect(after.replaceAll([...written][0] ?? '', NAME)).toBe(text);
      }),
      { numRuns: 200 },
    );
  });
});

/** A rule of our own: the old name is the new one everywhere, be the query PromQL or not. */
function judged(name: string, text: string): readonly JudgedQuery[] {
  return readQueries(name, text).queries.map((source) => ({
    source,
    parsed: parsePromql(NAME),
    findings: [...source.text.matchAll(new RegExp(NAME, 'g'))].map(({ index }) => {
      const place = { from: index, to: index + NAME.length };
      const fix: readonly Edit[] = [{ ...place, insert: NEW }];
      return { ...place, rule: 'r', severity: 'error', message: '', remedy: '', fix };
    }),
  }));
}

/** By the parser's own account: JSON is YAML. */
const expressionsIn = (text: string): readonly string[] =>
  [
    ...JSON.stringify(parse(text.replace('\uFEFF', ''))).matchAll(/"expr":("(?:[^"\\]|\\.)*")/g),
  ].map(([, value = '""']) => String(JSON.parse(value)).trim());

describe('edits', () => {
  it('that would leave no PromQL are not made', () => {
    const text = 'groups: [{rules: [{alert: A, expr: "sum(abc)"}, {alert: B, expr: "sum(abc"}]}]';
    const judge = (again: string): readonly JudgedQuery[] =>
      readQueries('x.yaml', again).queries.map((source) => {
        const fix: readonly Edit[] = [{ from: 4, to: 7, insert: 'd e' }];
        const place = { from: 4, to: 7, message: '', remedy: '' };
        const findings = [{ ...place, rule: 'r', severity: 'error' as const, fix }];
        return { source, parsed: parsePromql(source.text), findings };
      });
    expect(fixText(text, judge(text), judge).text).toBe(text.replace('"sum(abc"', '"sum(d e"'));
  });

  it('of one query that overlap are not made at once', () => {
    const text = `groups: [{rules: [{alert: A, expr: "abc"}]}]`;
    const finding = (from: number, to: number, insert: string) =>
      ({
        from,
        to,
        rule: 'r',
        severity: 'error',
        message: '',
        remedy: '',
        fix: [{ from, to, insert }],
      }) as const;
    const judge = (again: string): readonly JudgedQuery[] =>
      readQueries('x.yaml', again).queries.map((source) => ({
        source,
        parsed: parsePromql(source.text),
        findings: [finding(0, 2, 'x'), finding(1, 3, 'y'), finding(2, 3, 'z'), finding(2, 3, 'z')],
      }));
    const { text: after, fixed } = fixText(text, judge(text), judge);
    expect(after).toContain('"xz"');
    expect(fixed).toHaveLength(3);
    expect(withEdits('abc', [])).toBe('abc');
  });
});
