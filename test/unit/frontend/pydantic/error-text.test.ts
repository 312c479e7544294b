import { expect, it } from 'vitest';
import { pydanticErrorText } from '../../../../src/frontend/pydantic/error-text.ts';
import type { LineError } from '../../../../src/frontend/pydantic/validation-walk.ts';
import { PyFloat, type PyValue } from '../../../../src/shared/python/values.ts';

const fault = (input: PyValue, loc: readonly (string | number)[] = []): LineError => ({
  type: 'int_type',
  loc,
  msg: 'Input should be a valid integer',
  input,
  ctx: [],
});
const HELP = '    For further information visit https://errors.pydantic.dev/2.14/v/int_type';

it('names the validator, the place, the input and its type', () => {
  expect(pydanticErrorText('ValidatorIterator', [fault(null, [0, 'text'])])).toBe(
    '1 validation error for ValidatorIterator\n0.text\n' +
      `  Input should be a valid integer [type=int_type, input_value=None, input_type=NoneType]\n${HELP}`,
  );
});

it('counts several, and has no line for an empty place', () => {
  expect(pydanticErrorText('T', [fault([]), fault(new PyFloat(1))])).toBe(
    `2 validation errors for T\n  Input should be a valid integer [type=int_type, input_value=[], input_type=list]\n${HELP}\n` +
      `  Input should be a valid integer [type=int_type, input_value=1.0, input_type=float]\n${HELP}`,
  );
});

it.each([
  ['x'.repeat(48), `'${'x'.repeat(48)}'`],
  ['x'.repeat(49), `'${'x'.repeat(24)}...${'x'.repeat(23)}'`],
])('shortens a repr of more than 50 characters in the middle', (input, shown) => {
  expect(pydanticErrorText('T', [fault(input)])).toContain(`input_value=${shown}, input_type=str`);
});
