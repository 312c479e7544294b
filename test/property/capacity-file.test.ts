/**
 * What comes of files that somebody edited: valid ones with one or two values removed or replaced by others. Nothing may
 * come of them but a plan, an error of the planner in vLLM's words, or an error that names a field of the format.
 */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { explainLayers } from '../../src/capacity/explain/explain-capacity.ts';
import { parseCapacityCase } from '../../src/capacity/file/capacity-case.ts';
import { deriveModelCase } from '../../src/capacity/file/model-case.ts';
import { ConfigError } from '../../src/shared/errors.ts';

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

const GOLDEN = new URL('../golden/capacity.json', import.meta.url);
const { cases } = JSON.parse(readFileSync(GOLDEN, 'utf8')) as {
  cases: { id: string; layer: string; input: Json; model: Json }[];
};

/** Numbers too small, too large and not whole, and values of every other type. */
const ODD: readonly Json[] = [
  null,
  true,
  0,
  -1,
  1.5,
  2 ** 31,
  2 ** 45,
  Number.MAX_SAFE_INTEGER,
  2 ** 60,
  Number.POSITIVE_INFINITY,
  '',
  'unheard of',
  'constructor',
  [],
  [null],
  {},
];

interface Mutation {
  /** Picks a value among all in the file, by depth. */
  readonly steps: readonly number[];
  /** Index into ODD; null removes. */
  readonly odd: number | null;
}

const mutation: fc.Arbitrary<Mutation> = fc.record({
  steps: fc.array(fc.nat(), { minLength: 1, maxLength: 6 }),
  odd: fc.option(fc.nat(ODD.length - 1), { freq: 4 }),
});

function mutate(root: Json, { steps, odd }: Mutation): void {
  let parent = root;
  for (const [depth, step] of steps.entries()) {
    if (typeof parent !== 'object' || parent === null) return;
    const keys = Object.keys(parent);
    const key = keys[step % Math.max(keys.length, 1)];
    if (key === undefined) return;
    const holder = parent as Record<string, Json>;
    const child = holder[key];
    const isLast = depth === steps.length - 1 || typeof child !== 'object' || child === null;
    if (!isLast && child !== undefined) {
      parent = child;
      continue;
    }
    if (odd === null) Array.isArray(parent) ? parent.splice(Number(key), 1) : delete holder[key];
    else holder[key] = structuredClone(ODD[odd] ?? null);
    return;
  }
}

/** The error, or null where something came of the file. Anything but an error of ours is thrown on. */
function refusal(work: () => unknown): ConfigError | null {
  try {
    work();
    return null;
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
}

const FIELD_NAMES = readFileSync(
  new URL('../../src/capacity/file/capacity-record.ts', import.meta.url),
  'utf8',
);

describe('an edited capacity case', () => {
  const records = cases.filter(({ layer }) => layer === 'spec');

  it('comes to a plan, to an error of the planner, or to one that names the field', () => {
    let numRefused = 0;
    const anyCase = fc.nat(records.length - 1);
    fc.assert(
      fc.property(anyCase, fc.array(mutation, { minLength: 1, maxLength: 2 }), (index, edits) => {
        const input = structuredClone(records[index]?.input ?? null);
        for (const edit of edits) mutate(input, edit);
        const record = { id: 'edited', record: { input } };
        const error = refusal(() => explainLayers(parseCapacityCase(record, 'x.json')));
        if (error === null) return;
        numRefused += 1;
        expect(error.code).toBe('E_BAD_FILE');
        const [, path] =
          /^x\.json: case edited: input([\w.[\]]*) is .*, not ./.exec(error.message) ?? [];
        expect(path, error.message).toBeDefined();
        // Every expectation is in our words, none in the schema library's.
        expect(error.message).not.toContain('Expected');
        for (const name of path?.match(/[a-z_]+/g) ?? []) expect(FIELD_NAMES).toContain(name);
      }),
      { numRuns: 2000 },
    );
    expect(numRefused).toBeGreaterThan(300);
  });
});

describe('an edited model case', () => {
  const records = cases.filter(({ layer }) => layer === 'model');

  it('comes to an explanation, or to an error that says what is wrong with model or flags', () => {
    const anyCase = fc.nat(records.length - 1);
    fc.assert(
      fc.property(anyCase, fc.array(mutation, { minLength: 1, maxLength: 2 }), (index, edits) => {
        const model = structuredClone(records[index]?.model ?? null);
        for (const edit of edits) mutate(model, edit);
        const error = refusal(() =>
          explainLayers(deriveModelCase({ id: 'edited', record: { model } }, 'x.json').input),
        );
        if (error === null) return;
        expect(['E_BAD_FILE', 'E_UNKNOWN_MODEL', 'E_UNKNOWN_GPU', 'E_BAD_FLAG']).toContain(
          error.code,
        );
        expect(error.message).not.toContain('Expected');
      }),
      { numRuns: 300 },
    );
  });
});
