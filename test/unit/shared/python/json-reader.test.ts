import { describe, expect, it } from 'vitest';
import { PyJsonError, parsePythonJson } from '../../../../src/shared/python/json-reader.ts';
import { PyFloat } from '../../../../src/shared/python/values.ts';

describe('parsePythonJson', () => {
  it.each([
    ['1', 1],
    ['-0', 0],
    ['1.5', 1.5],
    ['1.0', new PyFloat(1)],
    ['1e2', new PyFloat(100)],
    ['1E-1', 0.1],
    ['12345678901234567890', 12345678901234567890n],
    ['NaN', new PyFloat(Number.NaN)],
    ['Infinity', new PyFloat(Number.POSITIVE_INFINITY)],
    ['-Infinity', new PyFloat(Number.NEGATIVE_INFINITY)],
    [' \t\n\r[1, true , false,null] ', [1, true, false, null]],
    ['{"a" : {"b":[]}, "c":{}}', { a: { b: [] }, c: {} }],
    ['"a\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9"', 'a"\\/\b\f\n\r\té'],
    ['{"a":1,"a":2}', { a: 2 }],
  ] as const)('reads %s', (text, value) => {
    expect(parsePythonJson(text)).toEqual(value);
  });

  it('keeps __proto__ as a key', () => {
    const value = parsePythonJson('{"__proto__": 1}') as Record<string, unknown>;
    expect(Object.keys(value)).toEqual(['__proto__']);
  });

  it.each([
    ['', 'Expecting value', 0],
    ['[1,]', 'Expecting value', 3],
    ['nul', 'Expecting value', 0],
    ['{a', 'Expecting property name enclosed in double quotes', 1],
    ['{"a":1,}', 'Expecting property name enclosed in double quotes', 7],
    ['{"a" 1}', "Expecting ':' delimiter", 5],
    ['{"a":1 "b"', "Expecting ',' delimiter", 7],
    ['[1 2]', "Expecting ',' delimiter", 3],
    ['1 2', 'Extra data', 2],
    ['"abc', 'Unterminated string starting at', 0],
    ['["a\\', 'Unterminated string starting at', 1],
    ['"a\nb"', 'Invalid control character at', 2],
    ['"\\x"', 'Invalid \\escape', 1],
    ['"\\u12g4"', 'Invalid \\uXXXX escape', 2],
    ['["😀" x', "Expecting ',' delimiter", 5],
  ])('says of %j what Python says, and where', (text, message, position) => {
    let error: unknown = null;
    try {
      parsePythonJson(text);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(PyJsonError);
    expect((error as PyJsonError).message).toBe(message);
    expect((error as PyJsonError).position).toBe(position);
  });

  it('ends at a depth that would end Python too', () => {
    expect(() => parsePythonJson('['.repeat(2000))).toThrow(RangeError);
    expect(parsePythonJson(`${'['.repeat(900)}${']'.repeat(900)}`)).toHaveLength(1);
    expect(parsePythonJson(`[${'[],'.repeat(1000)}[]]`)).toHaveLength(1001);
  });
});
