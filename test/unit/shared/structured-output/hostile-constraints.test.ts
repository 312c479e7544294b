/** Small specifications of huge texts, and huge ones of none: a text of bounded size, or a refusal, and neither takes long. */
import { describe, expect, it } from 'vitest';
import { makeConstrainedText } from '../../../../src/shared/structured-output/constraint-text.ts';
import { Effort } from '../../../../src/shared/structured-output/effort.ts';
import { GrammarError } from '../../../../src/shared/structured-output/grammar.ts';
import {
  type Constraint,
  constraintOf,
} from '../../../../src/shared/structured-output/structured-outputs.ts';

const MAX_CHARS = 2_000;

function textOf(constraint: Constraint): string {
  return makeConstrainedText(constraint, {
    seed: 1,
    maxChars: MAX_CHARS,
    isCompact: true,
    isShortest: false,
    padding: 0,
    effort: new Effort(),
  });
}

const json = (schema: unknown): Constraint => ({ kind: 'json', schema: JSON.stringify(schema) });
const regex = (pattern: string): Constraint => ({ kind: 'regex', pattern });
const range = (count: number) => Array.from({ length: count }, (_, index) => index);

/** Each level holds three of the next. */
function bomb(levels: number): unknown {
  const $defs: Record<string, unknown> = { [`l${levels}`]: { type: 'string' } };
  for (const level of range(levels)) {
    const next = { $ref: `#/$defs/l${level + 1}` };
    const properties = { a: next, b: next, c: next };
    $defs[`l${level}`] = { type: 'object', required: ['a', 'b', 'c'], properties };
  }
  return { $ref: '#/$defs/l0', $defs };
}

function chain(length: number, isBackwards: boolean): Constraint {
  const rules = range(length).map((index) => `r${index} ::= "a" r${index + 1}`);
  if (isBackwards) rules.reverse();
  const grammar = ['root ::= r0', ...rules, `r${length} ::= "z"`].join('\n');
  return { kind: 'grammar', grammar };
}

function doubling(last: string): Constraint {
  const rules = range(60).map((index) => `r${index} ::= r${index + 1} r${index + 1}`);
  return { kind: 'grammar', grammar: ['root ::= r0', ...rules, `r60 ::= ${last}`].join('\n') };
}

describe('a text of no more than is shown', () => {
  it.each<[string, Constraint]>([
    ['a schema that triples with every level', json(bomb(30))],
    ['an array of a billion', json({ type: 'array', minItems: 1e9, items: { type: 'integer' } })],
    ['a text of a hundred million', json({ type: 'string', minLength: 1e8 })],
    ['a hundred thousand properties', json({ required: range(100_000).map(String) })],
    ['counts in counts', regex('(((a{1000}){1000}){1000}){1000}')],
    ['a grammar that doubles', doubling('"z"')],
    ['a long chain of rules', chain(20_000, false)],
    ['the same, written from its end', chain(20_000, true)],
    ['one choice of ten million characters', { kind: 'choice', texts: ['x'.repeat(1e7)] }],
  ])('%s', (_, constraint) => {
    expect(textOf(constraint)).toHaveLength(MAX_CHARS);
  });
});

describe('a text that is short', () => {
  it.each<[string, Constraint, RegExp]>([
    ['one of 50,000 values', json({ enum: range(50_000) }), /^\d+$/],
    [
      'an integer of 64 bits',
      json({ type: 'integer', minimum: -(2 ** 63), maximum: 2 ** 63 }),
      /^\d+$/,
    ],
    ['a pattern that backtracks', json({ type: 'string', pattern: '^(a+)+$' }), /^"a+"$/],
  ])('%s', (_, constraint, expected) => {
    expect(textOf(constraint)).toMatch(expected);
  });
});

describe('a refusal', () => {
  it.each<[string, Constraint]>([
    ['nothing, a billion billion times', regex('((){1000000000}){1000000000}')],
    ['a grammar that doubles nothing', doubling('""')],
    ['a pattern that is too short', json({ type: 'string', minLength: 1000, pattern: '^a$' })],
    [
      'names that catastrophic patterns judge',
      json({
        type: 'object',
        required: ['a'],
        properties: { a: { allOf: [{ const: `${'a'.repeat(50)}!` }, { pattern: '^(a+)+$' }] } },
        additionalProperties: false,
        minProperties: 1000,
      }),
    ],
  ])('%s', (_, constraint) => {
    expect(() => textOf(constraint)).toThrow(GrammarError);
  });
});

it('reads integers of 64 bits as they come over the wire', () => {
  const constraint = constraintOf({ json: { type: 'integer', minimum: 2n ** 60n } });
  expect(constraint).toEqual(json({ type: 'integer', minimum: 2 ** 60 }));
});
