import { describe, expect, it } from 'vitest';
import {
  jsonFloat,
  jsonIntegers,
  jsonNullable,
  jsonString,
  jsonValue,
  pythonJson,
} from '../../../../src/shared/python/json-text.ts';

describe('JSON as pydantic writes it', () => {
  it.each([
    [0, '0.0'],
    [-0.5, '-0.5'],
    [1e-5, '1e-05'],
    [Number.NaN, 'NaN'],
    [Number.POSITIVE_INFINITY, 'Infinity'],
    [Number.NEGATIVE_INFINITY, '-Infinity'],
  ])('writes the float %d as %s', (value, text) => {
    expect(jsonFloat(value)).toBe(text);
  });

  it('leaves texts unescaped where JSON allows it', () => {
    expect(jsonString('é"\n')).toBe('"é\\"\\n"');
    expect(jsonNullable(null)).toBe('null');
    expect(jsonNullable('')).toBe('""');
  });

  it('writes lists of integers and whatever else came from an engine', () => {
    expect(jsonIntegers([])).toBe('[]');
    expect(jsonIntegers([1, 2])).toBe('[1,2]');
    expect(jsonValue(undefined)).toBe('null');
    expect(jsonValue(null)).toBe('null');
    expect(jsonValue({ a: [1] })).toBe('{"a":[1]}');
    expect(jsonValue(0)).toBe('0');
  });
});

describe('pythonJson', () => {
  it('puts blanks after colons and commas and escapes what is not ASCII', () => {
    expect(pythonJson({ a: [1, null, true], b: 'é\u007f😀"' })).toBe(
      '{"a": [1, null, true], "b": "\\u00e9\\u007f\\ud83d\\ude00\\""}',
    );
    expect(pythonJson({})).toBe('{}');
  });
});
