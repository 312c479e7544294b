import { describe, expect, it } from 'vitest';
import { coerce } from '../../../../src/shared/config/coerce.ts';
import { type Field, field } from '../../../../src/shared/config/field.ts';

const int = field.int(1, '', { min: 1, max: 10 });
const level = field.choice(['info', 'warn'], 'info', '', { synonyms: { warning: 'warn' } });
const list = field.jsonList([], '');

describe('a word becomes a value', () => {
  it.each<[string, Field<unknown>, readonly string[], unknown]>([
    ['a text, even an empty one', field.string(''), [''], ''],
    ['texts', field.strings(''), ['a', 'b'], ['a', 'b']],
    ['a whole number', int, ['7'], 7],
    ['a number with a sign', field.int(0, ''), ['-1'], -1],
    ['a number as Python takes it', field.int(0, ''), [' 1_000 '], 1000],
    ['a number that may be None', field.intOrNone(null, ''), ['12'], 12],
    ['None', field.intOrNone(0, ''), ['None'], null],
    ['null for None', field.intOrNone(0, ''), ['null'], null],
    ['a plain number for a human one', field.humanInt(''), ['4096'], 4096],
    ['32k', field.humanInt(''), ['32k'], 32_000],
    ['32K', field.humanInt(''), ['32K'], 32_768],
    ['25.6k', field.humanInt(''), ['25.6k'], 25_600],
    ['1.1g', field.humanInt(''), ['1.1g'], 1_100_000_000],
    ['2T', field.humanInt(''), ['2T'], 2 * 2 ** 40],
    ['auto', field.humanIntOrAuto(''), ['AUTO'], -1],
    ['-1 for auto', field.humanIntOrAuto('', { min: -1 }), ['-1'], -1],
    ['8k where auto is possible', field.humanIntOrAuto(''), ['8k'], 8000],
    ['a fraction', field.float(0, ''), ['0.92'], 0.92],
    ['a number with an exponent', field.float(0, ''), ['1e-3'], 0.001],
    ['true', field.bool(false, ''), ['True'], true],
    ['off', field.bool(true, ''), ['off'], false],
    ['a choice', level, ['warn'], 'warn'],
    ['another word for a choice, in any case', level, ['WARNING'], 'warn'],
    ['a choice in another case where words have synonyms', level, ['INFO'], 'info'],
    ['a choice among numbers', field.int(16, '', { choices: ['8', '16'] }), ['8'], 8],
    ['a choice instead of milliseconds', field.choiceOrMs(['zero'], 'zero', ''), ['zero'], 'zero'],
    ['milliseconds instead of a choice', field.choiceOrMs(['zero'], 'zero', ''), ['2.5'], '2.5'],
    ['an object', field.json(''), ['{"a": [1]}'], { a: [1] }],
    ['a list', list, ['["x"]'], ['x']],
    ['bytes', field.size(''), ['1024'], 1024],
    ['a decimal size', field.size(''), ['80GB'], 80_000_000_000],
    ['a binary size', field.size(''), ['80 GiB'], 80 * 2 ** 30],
    ['a size with decimals', field.size(''), ['1.5KiB'], 1536],
    ['a size as vLLM writes it', field.size(''), ['2K'], 2048],
  ])('%s', (_, setting, words, value) => {
    expect(coerce(setting, words, '--x')).toEqual(value);
  });
});

describe('a word that is none is refused with the flag, the word and the rule', () => {
  it.each<[Field<unknown>, readonly string[], string]>([
    [int, [], '--x: expects a value'],
    [int, [''], '--x: expects a value'],
    [int, ['1', '2'], "--x '1 2': takes one value"],
    [int, ['two'], "--x 'two': must be a whole number"],
    [int, ['1.5'], "--x '1.5': must be a whole number"],
    [int, ['0'], "--x '0': must be at least 1 and at most 10"],
    [int, ['11'], "--x '11': must be at least 1 and at most 10"],
    [field.int(0, ''), ['9007199254740993'], 'must be below 9007199254740991'],
    [field.intOrNone(null, '', { min: 1 }), ['0'], "--x '0': must be at least 1"],
    [
      field.float(0, '', { min: Number.MIN_VALUE, max: 1 }),
      ['0'],
      'must be more than 0 and at most 1',
    ],
    [field.float(0, ''), ['NaN'], "--x 'NaN': must be a number"],
    [field.float(0, ''), [' '], "--x ' ': must be a number"],
    [
      field.humanInt(''),
      ['25.6K'],
      'decimals are not allowed with binary suffixes (K, M, G, T: 2^n); did you mean 25.6k (10^n)?',
    ],
    [field.humanInt(''), ['12q'], "--x '12q': must be a whole number"],
    [field.bool(false, ''), ['maybe'], "--x 'maybe': must be true or false"],
    [level, ['loud'], "--x 'loud': must be one of info, warn"],
    [field.choice(['fcfs'], 'fcfs', ''), ['FCFS'], "--x 'FCFS': must be one of fcfs"],
    [field.int(16, '', { choices: ['8', '16'] }), ['9'], "--x '9': must be one of 8, 16"],
    [
      field.choiceOrMs(['zero', 'roofline'], 'zero', ''),
      ['fast'],
      'must be zero, roofline or a number of milliseconds',
    ],
    [
      field.choiceOrMs(['zero'], 'zero', ''),
      ['-1'],
      "--x '-1': must be zero or a number of milliseconds",
    ],
    [field.json(''), ['{'], "--x '{': must be JSON ("],
    [field.json(''), ['[]'], 'must be a JSON object, e.g. \'{"key": "value"}\''],
    [list, ['[1]'], 'must be a JSON list of strings, e.g. \'["*"]\''],
    [field.strings(''), [], '--x: expects one value or more'],
    [field.ints(''), [], '--x: expects one value or more'],
    [field.ints('', { min: 1 }), ['1', '0'], "--x '0': must be at least 1"],
    [field.size(''), ['80 potatoes'], 'must be bytes, or a size like 80GB (10^9) or 80GiB (2^30)'],
    [field.size(''), ['-5'], 'must be bytes, or a size'],
  ])('%o %j', (setting, words, message) => {
    expect(() => coerce(setting, words, '--x')).toThrow(
      expect.objectContaining({ code: 'E_BAD_FLAG', message: expect.stringContaining(message) }),
    );
  });

  it('shows the beginning of a long word', () => {
    expect(() => coerce(int, ['9'.repeat(500)], '--x')).toThrow(`--x '${'9'.repeat(120)}…'`);
  });
});
