import { describe, expect, it } from 'vitest';
import { FAULT_SPECS, findFault } from '../../../../src/shared/faults/catalogue.ts';
import { exampleOf } from '../../../../src/shared/faults/fault-entry.ts';
import { defineFault, type FaultSpec } from '../../../../src/shared/faults/fault-spec.ts';
import type { FaultParameter } from '../../../../src/shared/faults/parameter.ts';
import { parametersSchema } from '../../../../src/shared/faults/parameters-schema.ts';
import { readFaultParameters } from '../../../../src/shared/faults/read-parameters.ts';

function specOf(parameters: FaultSpec['parameters']): FaultSpec {
  return defineFault({
    id: 'test.fault',
    place: 'engine',
    meaning: '',
    inVllm: '',
    source: '',
    takesEngine: true,
    isMomentary: false,
    parameters,
    example: {},
  });
}

/** What becomes of one value of a parameter: the value read, or the words of the refusal. */
function read(parameter: FaultParameter, value: unknown): unknown {
  const result = readFaultParameters(specOf({ it: parameter }), { it: value });
  return result.isOk ? { value: (result.values as { it: unknown }).it } : result.message;
}

const INTEGER: FaultParameter = { type: 'integer', doc: '', min: 1, max: 10, unit: 'tokens' };
const NUMBER: FaultParameter = { type: 'number', doc: '', min: -0.5, max: 1 };
const DURATION: FaultParameter = { type: 'duration', doc: '', minMs: 100, maxMs: 60_000 };
const TEXT: FaultParameter = { type: 'text', doc: '', maxLength: 3 };
const FORM: FaultParameter = {
  ...{ type: 'text', doc: '', maxLength: 9, pattern: /^v\d$/, form: 'a version: v1' },
};
const CHOICE: FaultParameter = { type: 'choice', doc: '', choices: ['both', '1'] };
const BOOLEAN: FaultParameter = { type: 'boolean', doc: '' };
const RANKS: FaultParameter = { type: 'ranks', doc: '' };
const JSON_VALUE: FaultParameter = { type: 'json', doc: '' };

describe('a value of a parameter', () => {
  it.each<[FaultParameter, unknown, unknown]>([
    [INTEGER, 1, 1],
    [INTEGER, '10', 10],
    [INTEGER, ' 7 ', 7],
    [INTEGER, '1e1', 10],
    [NUMBER, '-0.5', -0.5],
    [NUMBER, 0.25, 0.25],
    [NUMBER, '2.5e-1', 0.25],
    [DURATION, '30s', 30_000],
    [DURATION, 100, 100],
    [DURATION, '100', 100],
    [TEXT, 'abc', 'abc'],
    [TEXT, 12, '12'],
    [FORM, 'v1', 'v1'],
    [CHOICE, 'both', 'both'],
    [CHOICE, 1, '1'],
    [BOOLEAN, 'true', true],
    [BOOLEAN, 'false', false],
    [BOOLEAN, false, false],
    [RANKS, '1,0', [1, 0]],
    [RANKS, [2, 0], [2, 0]],
    [RANKS, 3, [3]],
    [JSON_VALUE, '{"a": [1]}', { a: [1] }],
    [JSON_VALUE, '"4096"', '4096'],
    [JSON_VALUE, '4096', 4096],
    [JSON_VALUE, 'no JSON', 'no JSON'],
    [JSON_VALUE, [1, null], [1, null]],
  ])('of %o: %j is %j', (parameter, given, value) => {
    expect(read(parameter, given)).toEqual({ value });
  });

  it.each<[FaultParameter, readonly unknown[], string]>([
    [
      INTEGER,
      [0, 11, 1.5, '1.5', 'two', '', true, [1], Number.NaN, '0x5'],
      'a whole number from 1 to 10 (tokens)',
    ],
    [NUMBER, [-0.6, 1.1, 'Infinity', '1_0', {}], 'a number from -0.5 to 1'],
    [
      DURATION,
      ['99ms', '61s', 'soon', -1, true],
      'a duration: 500ms, 30s, 5m, 24h, or milliseconds, from 100 ms to 1 min',
    ],
    [TEXT, ['', 'abcd', true, {}], 'a text of 1 to 3 characters'],
    [FORM, ['v', 'v12', '1'], 'a version: v1'],
    [CHOICE, ['Both', 2, ''], 'one of both, 1'],
    [BOOLEAN, ['yes', 1, 'True', ''], 'true or false'],
    [RANKS, ['', '1,1', '1,x', '-1', [1.5], [1, 1], [], {}], 'ranks of engines, each once: 1,0'],
  ])('of %o is refused in words', (parameter, values, allowed) => {
    for (const value of values)
      expect(read(parameter, value)).toMatch(
        new RegExp(`^test\\.fault: it is .*, not ${allowed.replace(/[()]/g, '\\$&')}$`, 's'),
      );
  });
});

describe('the parameters of a fault', () => {
  const spec = specOf({
    needed: INTEGER,
    two_words: { ...NUMBER, default: 0.5 },
    maybe: { ...TEXT, default: null },
  });

  it('have their defaults, and null where there is none', () => {
    expect(readFaultParameters(spec, { needed: 2 })).toEqual({
      isOk: true,
      values: { needed: 2, two_words: 0.5, maybe: null },
    });
  });

  it('are left out by null as well', () => {
    expect(readFaultParameters(spec, { needed: 2, two_words: null, maybe: null })).toMatchObject({
      values: { two_words: 0.5, maybe: null },
    });
  });

  it('may have hyphens in their names', () => {
    expect(readFaultParameters(spec, { needed: '2', 'two-words': '1' })).toMatchObject({
      values: { two_words: 1 },
    });
  });

  it('are one of their choices as a text or a number, and nothing that turns into one', () => {
    const wire = findFault('wire.drop') as FaultSpec;
    for (const direction of [['both'], { toString: 1 }, null, true, deeplyNested(20_000)])
      expect(readFaultParameters(wire, { direction }).isOk).toBe(direction === null);
    expect(readFaultParameters(wire, { direction: 'both' }).isOk).toBe(true);
  });

  it('must be given where they have no default', () => {
    expect(readFaultParameters(spec, {})).toEqual({
      isOk: false,
      param: 'needed',
      allowed: 'a whole number from 1 to 10 (tokens)',
      message: 'test.fault needs needed: a whole number from 1 to 10 (tokens)',
    });
  });

  it('are refused where nobody knows them, whatever their names', () => {
    for (const name of ['other', 'toString', '__proto__', 'constructor'])
      expect(readFaultParameters(spec, { needed: 1, [name]: 1 })).toMatchObject({
        isOk: false,
        param: name,
        message: `test.fault has no parameter ${name}; it takes one of needed, two_words, maybe`,
      });
    expect(readFaultParameters(specOf({}), { a: 1 })).toMatchObject({
      message: 'test.fault has no parameter a; it takes no parameters',
    });
  });

  it('are refused where the fault itself finds them wrong', () => {
    const problem = { param: 'needed', allowed: 'not 2', message: 'test.fault: not 2' };
    const picky = { ...spec, check: () => problem };
    expect(readFaultParameters(picky, { needed: 2 })).toEqual({ isOk: false, ...problem });
  });
});

describe('the catalogue', () => {
  it('has each fault once, by an id of its place', () => {
    const ids = FAULT_SPECS.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const id of ids) expect(id).toMatch(/^[a-z]+(-[a-z]+)*\.[a-z]+(-[a-z]+)*$/);
  });

  it.each(FAULT_SPECS.map((spec) => [spec.id, spec] as const))(
    '%s has an example that its own rules take, as texts of a shell too',
    (_, spec) => {
      expect(readFaultParameters(spec, spec.example)).toMatchObject({ isOk: true });
      const texts = Object.entries(spec.example).map(([name, value]) => [name, String(value)]);
      expect(readFaultParameters(spec, Object.fromEntries(texts))).toEqual(
        readFaultParameters(spec, spec.example),
      );
      expect(exampleOf(spec)).toContain(`inject ${spec.id}`);
    },
  );

  it.each(FAULT_SPECS.map((spec) => [spec.id, spec] as const))(
    '%s tells in JSON Schema what it must be given',
    (_, spec) => {
      const schema = parametersSchema(spec.parameters);
      const needed = Object.entries(spec.parameters).filter(([, one]) => one.default === undefined);
      expect(schema['required'] ?? []).toEqual(needed.map(([name]) => name));
      expect(Object.keys(schema['properties'] as object)).toEqual(Object.keys(spec.parameters));
    },
  );

  it('names the fields of the ready response that a start-up fault can change', () => {
    const field = FAULT_SPECS.find(({ id }) => id === 'handshake.field');
    if (field === undefined) throw new Error('no handshake.field');
    expect(readFaultParameters(field, { field: 'num_gpu_blocks', drop: true })).toMatchObject({
      values: { field: 'num_gpu_blocks', value: null, drop: true },
    });
    const unknown = readFaultParameters(field, { field: 'num_blocks', value: 1 });
    expect(unknown).toMatchObject({ isOk: false, param: 'field' });
    expect(!unknown.isOk && unknown.allowed).toMatch(/^one of max_model_len, num_gpu_blocks, /);
    expect(readFaultParameters(field, { field: 'dtype', value: 1, drop: true })).toMatchObject({
      isOk: false,
      param: 'value',
    });
  });
});

function deeplyNested(depth: number): unknown {
  return JSON.parse(`${'['.repeat(depth)}${']'.repeat(depth)}`);
}
