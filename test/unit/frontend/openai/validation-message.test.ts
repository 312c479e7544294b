import { describe, expect, it } from 'vitest';
import {
  requestTextError,
  requestValidationError,
} from '../../../../src/frontend/openai/validation-message.ts';
import type { LineError } from '../../../../src/frontend/pydantic/validation-walk.ts';
import type { PyValue } from '../../../../src/shared/python/values.ts';

const fault = (input: PyValue, fields: Partial<LineError> = {}): LineError => ({
  type: 'int_type',
  loc: ['body', 'n'],
  msg: 'No',
  input,
  ctx: [],
  ...fields,
});
const inputOf = (input: PyValue) =>
  /'input': (.*)\}$/.exec(requestValidationError([fault(input)]).info.message)?.[1];

describe('requestValidationError', () => {
  it('is one line a fault, with the first one’s place as the parameter', () => {
    expect(
      requestValidationError([
        fault('x', {
          ctx: [
            ['ge', '0'],
            ['s', "'t'"],
          ],
        }),
      ]).info,
    ).toEqual({
      message:
        "1 validation error:\n  {'type': 'int_type', 'loc': 'body.n', 'msg': 'No', 'input': 'x', 'ctx': {'ge': 0, 's': 't'}}",
      type: 'Bad Request',
      param: 'body.n',
      code: 400,
    });
    expect(requestValidationError([fault(1), fault(2, { loc: ['body', 0] })]).info.message).toBe(
      "2 validation errors:\n  {'type': 'int_type', 'loc': 'body.n', 'msg': 'No', 'input': '1'}\n" +
        "  {'type': 'int_type', 'loc': 'body.0', 'msg': 'No', 'input': '2'}",
    );
  });

  it('shows ten faults and counts the rest', () => {
    const lines = (count: number) =>
      requestValidationError(Array.from({ length: count }, () => fault(1))).info.message.split(
        '\n',
      );
    expect(lines(10)).toHaveLength(11);
    expect(lines(12)).toHaveLength(12);
    expect(lines(12).at(-1)).toBe('  ...and 2 more errors');
  });

  it.each([
    [[1, 2], "'<list of 2 items>'"],
    [{ a: 1 }, "'<dict of 1 items>'"],
    [null, "'None'"],
    [10n ** 4299n, `'1${'0'.repeat(199)}...[truncated]'`],
    [-(10n ** 4300n), "'<int>'"],
    ['x'.repeat(200), `'${'x'.repeat(200)}'`],
    ['x'.repeat(201), `'${'x'.repeat(200)}...[truncated]'`],
  ])('sums an input up', (input, shown) => {
    expect(inputOf(input)).toBe(shown);
  });

  it('cuts a line after 1,000 characters', () => {
    const [, line = ''] = requestValidationError([
      fault(1, { msg: 'x'.repeat(2000) }),
    ]).info.message.split('\n');
    expect(line.length).toBe(2 + 1000 + '...[truncated]'.length);
    expect(line.endsWith('x...[truncated]')).toBe(true);
  });
});

it('has no place for a fault that is a bare text', () => {
  expect(requestTextError('No JSON').info).toEqual({
    message: '1 validation error:\n  No JSON',
    type: 'Bad Request',
    param: null,
    code: 400,
  });
});
