/**
 * Typed dicts, models and dataclasses, as pydantic fills them. Pure.
 * Source: pydantic-core src/validators (typed_dict.rs, model_fields.rs, dataclass.rs).
 */
import { pyRepr } from '../../shared/python/str.ts';
import { isDict, type PyDict, type PyValue } from '../../shared/python/values.ts';
import { type FieldPlan, fieldsToCheck } from './field-plan.ts';
import type { DataclassNode, ModelNode, SchemaFields, TypedDictNode } from './schema-node.ts';
import { Exactness, FAILED, type Result, type ValidationWalk } from './validation-walk.ts';

interface Filled {
  readonly out: Record<string, PyValue>;
  readonly count: number;
}

export function validateTypedDict(
  walk: ValidationWalk,
  node: TypedDictNode,
  input: PyValue,
): Result {
  if (!isDict(input)) {
    return walk.fail('dict_type', 'Input should be a valid dictionary', input);
  }
  const filled = fillFields(walk, node.f, input);
  if (filled === null) return FAILED;
  const { out, count } = filled;
  if (node.extra === 'allow') copyExtras(node.f, input, out);
  walk.countFieldsSet(count);
  return out;
}

export function validateModel(walk: ValidationWalk, node: ModelNode, input: PyValue): Result {
  for (const fn of node.before ?? []) {
    const words = walk.hooks.refusal(fn, input, input);
    if (words !== null) return walk.failValue(words, input);
  }
  if (!isDict(input)) {
    return walk.fail(
      'model_attributes_type',
      'Input should be a valid dictionary or object to extract fields from',
      input,
    );
  }
  const filled = fillFields(walk, node.f, input);
  const hasUnknown = node.extra === 'forbid' && refuseExtras(walk, node.f, input);
  if (filled === null || hasUnknown) return FAILED;
  const { out, count } = filled;
  if (node.extra === 'allow') copyExtras(node.f, input, out);
  for (const key of walk.hooks.keptExtras) {
    if (Object.hasOwn(input, key) && !Object.hasOwn(node.f, key)) out[key] = input[key] as PyValue;
  }
  walk.floor(Exactness.LAX);
  walk.countFieldsSet(count);
  return out;
}

export function validateDataclass(
  walk: ValidationWalk,
  node: DataclassNode,
  input: PyValue,
): Result {
  if (!isDict(input)) {
    return walk.fail(
      'dataclass_type',
      `Input should be a dictionary or an instance of ${node.name}`,
      input,
      [['class_name', pyRepr(node.name)]],
    );
  }
  const filled = fillFields(walk, node.f, input);
  if (filled === null) return FAILED;
  if (node.post === 1) walk.hooks.dataclass(node.name, filled.out);
  return filled.out;
}

/** The fields in field order, under their aliases, and how many the input set; null after a fault. */
function fillFields(walk: ValidationWalk, fields: SchemaFields, input: PyDict): Filled | null {
  const plan = walk.planOf(fields);
  const { defaults } = plan;
  const out: Record<string, PyValue> = { ...defaults };
  const toCheck = defaults === null ? plan.fields.keys() : fieldsToCheck(plan, input);
  let count = 0;
  let failed = false;
  for (const index of toCheck) {
    const [key, field] = plan.fields[index] as FieldPlan['fields'][number];
    const item = Object.hasOwn(input, key) ? input[key] : undefined;
    if (item === undefined) {
      if (field.r === 1) {
        walk.loc.push(key);
        walk.fail('missing', 'Field required', input);
        walk.loc.pop();
        failed = true;
      } else if (field.d !== undefined) {
        out[key] = field.d as PyValue;
      }
      continue;
    }
    const value = walk.at(key, field.s, item);
    if (value === FAILED) failed = true;
    else {
      out[key] = value as PyValue;
      count += 1;
    }
  }
  return failed ? null : { out, count };
}

/** True where the input has fields that the model does not know. */
function refuseExtras(walk: ValidationWalk, fields: SchemaFields, input: PyDict): boolean {
  const known = new Set(Object.entries(fields).map(([name, field]) => field.alias ?? name));
  const unknown = Object.keys(input).filter((key) => !known.has(key));
  for (const key of unknown) {
    walk.loc.push(key);
    walk.fail('extra_forbidden', 'Extra inputs are not permitted', input[key] as PyValue);
    walk.loc.pop();
  }
  return unknown.length > 0;
}

function copyExtras(fields: SchemaFields, input: PyDict, out: Record<string, PyValue>): void {
  for (const key of Object.keys(input)) {
    if (!Object.hasOwn(fields, key) && !Object.hasOwn(out, key)) out[key] = input[key] as PyValue;
  }
}
