import { describe, expect, it } from 'vitest';
import { fieldsToCheck, planFields } from '../../../../src/frontend/pydantic/field-plan.ts';

const FIELDS = {
  model: { s: 'str', d: null },
  prompt: { s: 'str', r: 1 },
  schema: { s: 'any', d: 3, alias: 'json_schema' },
} as const;

describe('the plan of a class', () => {
  it('looks at what the input sets and at what is required, in field order and once', () => {
    const plan = planFields(FIELDS);
    expect(fieldsToCheck(plan, { json_schema: 1, other: 2, model: 'x' })).toEqual([0, 1, 2]);
    expect(fieldsToCheck(plan, { prompt: 'x' })).toEqual([1]);
    expect(fieldsToCheck(plan, {})).toEqual([1]);
  });

  it('has the defaults in field order, under the aliases', () => {
    const { defaults } = planFields(FIELDS);
    expect(Object.entries(defaults ?? {})).toEqual([
      ['model', null],
      ['prompt', null],
      ['json_schema', 3],
    ]);
  });

  it('has none where a field may be left out of the outcome', () => {
    expect(planFields({ ...FIELDS, name: { s: 'str' } }).defaults).toBeNull();
  });
});
