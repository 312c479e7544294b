/**
 * Lists, lazily read lists and dicts, as pydantic checks them in lax mode. Pure.
 * Source: pydantic-core src/validators (list.rs, generator.rs, dict.rs).
 */
import { isDict, type PyValue } from '../../shared/python/values.ts';
import type { SchemaNode } from './schema-node.ts';
import { FAILED, LazyItems, type Result, type ValidationWalk } from './validation-walk.ts';

export interface ListNode {
  readonly of: SchemaNode;
  readonly min_length?: number;
  readonly max_length?: number;
  /** Of any sequence, what messages call it; left out for a list. */
  readonly noun?: string;
}

export function validateList(walk: ValidationWalk, node: ListNode, input: PyValue): Result {
  if (!Array.isArray(input)) return failType(walk, node, input);
  const items = input as readonly PyValue[];
  const { of, min_length: min, max_length: max, noun = 'List' } = node;
  if (max !== undefined && items.length > max) {
    return failLength(walk, items, {
      type: 'too_long',
      word: 'most',
      name: 'max_length',
      limit: max,
      noun,
    });
  }
  const out: PyValue[] = new Array(items.length);
  const lowest = lowestPlainInteger(of);
  let failed = false;
  for (let i = 0; i < items.length; i++) {
    const item = items[i] as PyValue;
    // Token ids: no need to leave the fast path for a plain integer.
    if (typeof item === 'number' && item >= lowest && Number.isInteger(item)) {
      out[i] = item;
      continue;
    }
    const value = walk.at(i, of, item);
    if (value !== FAILED) out[i] = value as PyValue;
    else if (walk.isProbe) return FAILED;
    else failed = true;
  }
  if (failed) return FAILED;
  if (min !== undefined && items.length < min) {
    return failLength(walk, items, {
      type: 'too_short',
      word: 'least',
      name: 'min_length',
      limit: min,
      noun,
    });
  }
  return out;
}

/** A field of any sequence has words of its own. */
function failType(walk: ValidationWalk, { noun }: ListNode, input: PyValue): Result {
  if (noun === undefined) return walk.fail('list_type', 'Input should be a valid list', input);
  if (typeof input === 'string')
    return walk.fail('sequence_str', "'str' instances are not allowed as a Sequence value", input, [
      ['type_name', "'str'"],
    ]);
  return walk.fail('is_instance_of', 'Input should be an instance of Sequence', input, [
    ['class', "'Sequence'"],
  ]);
}

export function validateTuple(
  walk: ValidationWalk,
  of: readonly SchemaNode[],
  input: PyValue,
): Result {
  if (!Array.isArray(input)) {
    return walk.fail('tuple_type', 'Input should be a valid tuple', input);
  }
  const items = input as readonly PyValue[];
  const out: PyValue[] = [];
  let failed = false;
  for (const [i, node] of of.entries()) {
    const item = items[i];
    if (item === undefined) {
      walk.loc.push(i);
      walk.fail('missing', 'Field required', input);
      walk.loc.pop();
      failed = true;
      continue;
    }
    const value = walk.at(i, node, item);
    if (value === FAILED) failed = true;
    else out.push(value as PyValue);
  }
  if (failed) return FAILED;
  if (items.length <= of.length) return out;
  return failLength(walk, items, {
    type: 'too_long',
    word: 'most',
    name: 'max_length',
    limit: of.length,
    noun: 'Tuple',
  });
}

/** Every plain integer from here on is taken as it is. */
function lowestPlainInteger(node: SchemaNode): number {
  if (node === 'int' || node === 'any') return Number.NEGATIVE_INFINITY;
  const isFromBelow = typeof node === 'object' && 't' in node && node.t === 'int';
  return isFromBelow && node.le === undefined
    ? (node.ge ?? Number.NEGATIVE_INFINITY)
    : Number.POSITIVE_INFINITY;
}

function failLength(
  walk: ValidationWalk,
  items: readonly PyValue[],
  {
    type,
    word,
    name,
    limit,
    noun,
  }: Record<'type' | 'word' | 'name' | 'noun', string> & { limit: number },
): Result {
  const what = limit === 1 ? 'item' : 'items';
  const msg = `${noun} should have at ${word} ${limit} ${what} after validation, not ${items.length}`;
  return walk.fail(type, msg, items, [
    ['field_type', `'${noun}'`],
    [name, String(limit)],
    ['actual_length', String(items.length)],
  ]);
}

/** What can be iterated is taken as it is; its items are checked when they are read. */
export function validateGenerator(walk: ValidationWalk, of: SchemaNode, input: PyValue): Result {
  if (Array.isArray(input)) return new LazyItems(input as readonly PyValue[], of);
  if (typeof input === 'string') return new LazyItems([...input], of);
  if (isDict(input)) return new LazyItems(Object.keys(input), of);
  return walk.fail('iterable_type', 'Input should be iterable', input);
}

export function validateDict(
  walk: ValidationWalk,
  { k: keyNode, v: valueNode }: { readonly k: SchemaNode; readonly v: SchemaNode },
  input: PyValue,
): Result {
  if (!isDict(input)) return walk.fail('dict_type', 'Input should be a valid dictionary', input);
  if (valueNode === 'any' && (keyNode === 'str' || keyNode === 'any')) return input;
  const out: Record<string, PyValue> = {};
  let failed = false;
  for (const [key, item] of Object.entries(input)) {
    const value = walk.at(key, valueNode, item);
    if (value === FAILED) failed = true;
    else out[key] = value as PyValue;
  }
  return failed ? FAILED : out;
}
