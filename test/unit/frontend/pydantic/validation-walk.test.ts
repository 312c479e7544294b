import { expect, it } from 'vitest';
import { type FieldPlan, planFields } from '../../../../src/frontend/pydantic/field-plan.ts';
import type { SchemaFields, SchemaNode } from '../../../../src/frontend/pydantic/schema-node.ts';
import {
  Exactness,
  FAILED,
  type Result,
  ValidationWalk,
} from '../../../../src/frontend/pydantic/validation-walk.ts';
import type { PyValue } from '../../../../src/shared/python/values.ts';
import { NO_HOOKS } from '../../../support/validate.ts';

/** Fails at texts, floors at booleans, counts a field for everything else. */
class TestWalk extends ValidationWalk {
  override resolve(): SchemaNode {
    return 'any';
  }

  override planOf(fields: SchemaFields): FieldPlan {
    return planFields(fields);
  }

  override node(_node: SchemaNode, input: PyValue): Result {
    if (typeof input === 'string') return this.fail('t', 'm', input);
    if (typeof input === 'boolean') this.floor(input ? Exactness.STRICT : Exactness.LAX);
    else this.countFieldsSet(2);
    return input;
  }
}

it('knows the place of a fault, and is back where it was afterwards', () => {
  const walk = new TestWalk(NO_HOOKS, ['body']);
  expect(walk.at('a', 'any', 'x')).toBe(FAILED);
  walk.fail('t', 'm', null, [['k', '1']]);
  expect(walk.errors).toEqual([
    { type: 't', loc: ['body', 'a'], msg: 'm', input: 'x', ctx: [] },
    { type: 't', loc: ['body'], msg: 'm', input: null, ctx: [['k', '1']] },
  ]);
});

it('tells how an attempt fared and keeps no trace of it', () => {
  const walk = new TestWalk(NO_HOOKS, []);
  expect(walk.attempt('any', 'x')).toMatchObject({ value: FAILED, errors: [{ type: 't' }] });
  expect(walk.errors).toEqual([]);
  expect(walk.attempt('any', true)).toMatchObject({ exactness: Exactness.STRICT, fieldsSet: null });
  expect(walk.attempt('any', 1)).toMatchObject({ exactness: Exactness.EXACT, fieldsSet: 2 });
});

it('keeps the poorest fit and adds fields up, around attempts too', () => {
  class Nested extends TestWalk {
    override node(node: SchemaNode, input: PyValue): Result {
      if (!Array.isArray(input)) return super.node(node, input);
      for (const item of input as readonly PyValue[]) super.node(node, item);
      this.attempt(node, false);
      this.attempt(node, 1);
      return null;
    }
  }
  const walk = new Nested(NO_HOOKS, []);
  expect(walk.attempt('any', [true, 1, 1])).toMatchObject({
    exactness: Exactness.STRICT,
    fieldsSet: 4,
  });
  expect(walk.attempt('any', [false, true])).toMatchObject({ exactness: Exactness.LAX });
});
