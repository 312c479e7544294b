/** No text outside its constraint: schemas are judged by ajv, regexes by JavaScript, grammars by a recognizer of its own. */

import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  grammarOfConstraint,
  makeConstrainedText,
} from '../../src/shared/structured-output/constraint-text.ts';
import { Effort } from '../../src/shared/structured-output/effort.ts';
import { GrammarError } from '../../src/shared/structured-output/grammar.ts';
import { Recognizer } from '../../src/shared/structured-output/recognizer.ts';
import type { Constraint } from '../../src/shared/structured-output/structured-outputs.ts';

const options = fc.record({
  seed: fc.nat(),
  maxChars: fc.constant(100_000),
  isCompact: fc.boolean(),
  isShortest: fc.boolean(),
  padding: fc.constantFrom(0, 7),
});
type Options = typeof options extends fc.Arbitrary<infer T> ? T : never;

/** Null where the writer says that nothing fulfils it. */
function textOf(constraint: Constraint, given: Options): string | null {
  try {
    return makeConstrainedText(constraint, { ...given, effort: new Effort() });
  } catch (error) {
    if (error instanceof GrammarError) return null;
    throw error;
  }
}

/** Null where ajv finds no sense in the schema. */
function compile(schema: object | boolean): ValidateFunction | null {
  const ajv = new Ajv2020({ strict: false, logger: false, ownProperties: true });
  addFormats.default(ajv);
  try {
    return ajv.compile(schema);
  } catch {
    return null;
  }
}

/** The judge compares objects by their own toString and valueOf, where they have any: keys of a document. */
function isComparable(value: unknown): boolean {
  return !/"(?:toString|valueOf|constructor)":/.test(JSON.stringify(value));
}

const FORMATS = [
  'date',
  'time',
  'date-time',
  'duration',
  'email',
  'hostname',
  'ipv4',
  'ipv6',
  'uri',
  'uri-reference',
  'uri-template',
  'json-pointer',
  'relative-json-pointer',
  'uuid',
];
const PATTERNS = ['^[a-z]{2,4}$', '^\\d+-\\d+$', '(foo|bar)+', '^[A-Z][a-z]*$', '^\\S+@\\S+$'];
const names = fc.constantFrom('a', 'b', 'name', 'constructor', 'x y', '"');

const scalars = fc.oneof(
  fc.record(
    {
      type: fc.constant('string'),
      minLength: fc.nat(5),
      maxLength: fc.integer({ min: 5, max: 30 }),
    },
    { requiredKeys: ['type'] },
  ),
  fc.record({ type: fc.constant('string'), format: fc.constantFrom(...FORMATS) }),
  fc.record({ type: fc.constant('string'), pattern: fc.constantFrom(...PATTERNS) }),
  fc.record(
    {
      type: fc.constant('integer'),
      minimum: fc.integer({ min: -50, max: 5 }),
      maximum: fc.integer({ min: 5, max: 100 }),
      multipleOf: fc.constantFrom(1, 2, 5),
    },
    { requiredKeys: ['type'] },
  ),
  fc.record(
    {
      type: fc.constant('number'),
      exclusiveMinimum: fc.integer({ min: -50, max: 4 }),
      exclusiveMaximum: fc.integer({ min: 5, max: 100 }),
    },
    { requiredKeys: ['type'] },
  ),
  fc.record({
    enum: fc.array(fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null)), {
      minLength: 1,
      maxLength: 4,
    }),
  }),
  fc.record({ const: fc.jsonValue({ maxDepth: 1 }).filter(isComparable) }),
  fc.constantFrom<object | boolean>({ type: 'boolean' }, { type: 'null' }, {}, true),
  fc.constant({ type: ['string', 'null'], default: null }),
);

const { schema } = fc.letrec<{ schema: object | boolean }>((tie) => {
  const properties = fc.dictionary(names, tie('schema'), { maxKeys: 4 });
  return {
    schema: fc.oneof(
      { depthSize: 'small', maxDepth: 4, withCrossShrink: true },
      scalars,
      fc.record(
        {
          type: fc.constant('array'),
          items: tie('schema'),
          minItems: fc.nat(3),
          maxItems: fc.integer({ min: 3, max: 5 }),
          uniqueItems: fc.boolean(),
        },
        { requiredKeys: ['type', 'items'] },
      ),
      fc.record({
        type: fc.constant('array'),
        prefixItems: fc.array(tie('schema'), { minLength: 1, maxLength: 3 }),
        items: fc.boolean(),
      }),
      fc
        .tuple(properties, fc.array(names, { maxLength: 2 }), fc.constantFrom(false, true, {}))
        .map(([declared, needed, additionalProperties]) => ({
          type: 'object',
          properties: declared,
          required: [...new Set(needed)].filter(
            (name) => additionalProperties !== false || Object.hasOwn(declared, name),
          ),
          additionalProperties,
        })),
      fc.record({ anyOf: fc.array(tie('schema'), { minLength: 1, maxLength: 3 }) }),
      fc.record({ oneOf: fc.array(tie('schema'), { minLength: 1, maxLength: 3 }) }),
      fc.tuple(properties, properties).map(([first, second]) => ({
        allOf: [
          { type: 'object', properties: first, required: Object.keys(first) },
          { type: 'object', properties: second },
        ],
      })),
    ),
  };
});

describe('a constrained text', () => {
  it('is a document that its schema allows', () => {
    let written = 0;
    let refused = 0;
    fc.assert(
      fc.property(schema, options, (given, how) => {
        const text = textOf({ kind: 'json', schema: JSON.stringify(given) }, how);
        const validate = compile(given);
        if (text === null || validate === null) {
          refused += 1;
          return;
        }
        written += 1;
        const isValid = validate(JSON.parse(text));
        expect(isValid, `${text} for ${JSON.stringify(given)}`).toBe(true);
      }),
      { numRuns: 400 },
    );
    // Random schemas contradict themselves at times; most do not.
    expect(refused).toBeLessThan(written / 4);
  });

  it('is the same for the same seed', () => {
    fc.assert(
      fc.property(schema, options, (given, how) => {
        const constraint: Constraint = { kind: 'json', schema: JSON.stringify(given) };
        expect(textOf(constraint, how)).toBe(textOf(constraint, how));
      }),
      { numRuns: 50 },
    );
  });

  it('is matched by its regex', () => {
    fc.assert(
      fc.property(regexes, options, (pattern, how) => {
        const text = textOf({ kind: 'regex', pattern }, how);
        expect(new RegExp(`^(?:${pattern})$`, 'su').test(String(text)), `${text}`).toBe(true);
      }),
      { numRuns: 400 },
    );
  });

  it('is one of its choices', () => {
    const choices = fc.array(fc.string({ unit: 'binary' }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(choices, options, (texts, how) => {
        expect(texts).toContain(textOf({ kind: 'choice', texts }, how));
      }),
    );
  });

  it('is a sentence of its grammar, left recursion and all', () => {
    fc.assert(
      fc.property(grammars, options, (grammar, how) => {
        const constraint: Constraint = { kind: 'grammar', grammar };
        const text = textOf(constraint, how);
        const recognizer = new Recognizer(grammarOfConstraint(constraint));
        expect(text).not.toBeNull();
        expect(recognizer.accept(String(text)), `${text} of ${grammar}`).toBe(true);
        expect(recognizer.isComplete).toBe(true);
      }),
      { numRuns: 200 },
    );
  });
});

const { regex: regexes } = fc.letrec<{ regex: string }>((tie) => ({
  regex: fc.oneof(
    { depthSize: 'small', maxDepth: 4 },
    fc.constantFrom('a', '\\.', '[a-z]', '[^a-z]', '\\d', '\\w', '\\s', '.', '[\\x41-\\x5a_-]'),
    fc.tuple(tie('regex'), tie('regex')).map(([first, second]) => first + second),
    fc.tuple(tie('regex'), tie('regex')).map(([first, second]) => `(${first}|${second})`),
    fc
      .tuple(tie('regex'), fc.constantFrom('*', '+', '?', '{2}', '{1,3}', '{2,}', '*?'))
      .map(([inner, times]) => `(?:${inner})${times}`),
  ),
}));

/** Three rules that may call each other and themselves; the first way of each ends. */
const grammars = fc
  .array(
    fc.array(
      fc.array(fc.constantFrom('"x"', '[0-9]+', 'root', 'one', 'two', '("a" | "b")*', '"é"{2}'), {
        minLength: 1,
        maxLength: 3,
      }),
      { maxLength: 3 },
    ),
    { minLength: 3, maxLength: 3 },
  )
  .map((rules) =>
    ['root', 'one', 'two']
      .map((name, index) => {
        const options = [['"end"'], ...(rules[index] ?? [])].map((items) => items.join(' '));
        return `${name} ::= ${options.join(' | ')}`;
      })
      .join('\n'),
  );
