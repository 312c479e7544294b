/** A JSON schema with its references followed and its `allOf` merged: what a value has to be in one place. */

import type { Effort } from '../effort.ts';
import { GrammarError } from '../grammar.ts';
import { isSameJson } from './json-values.ts';

export type Fields = Readonly<Record<string, unknown>>;

/** What a schema says itself, and the lists of which one branch each has to hold as well. */
export interface FlatSchema {
  readonly fields: Fields;
  readonly choices: readonly (readonly unknown[])[];
}

/** References and allOf within each other; more is a circle. */
const MAX_HOPS = 64;

const CIRCLE = 'the schema refers to itself without end';
const UNSATISFIABLE = 'the schema allows no value';

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export class SchemaTree {
  readonly root: unknown;
  /** For all that is done with the schema. */
  readonly effort: Effort;
  readonly #flat = new Map<Fields, FlatSchema>();

  constructor(root: unknown, effort: Effort) {
    this.root = root;
    this.effort = effort;
  }

  /** Throws GrammarError where a reference leads nowhere, or nothing can hold. */
  flatten(schema: unknown, hops = 0): FlatSchema {
    if (schema === false) throw new GrammarError(UNSATISFIABLE);
    if (!isFields(schema)) return { fields: {}, choices: [] };
    if (hops > MAX_HOPS) throw new GrammarError(CIRCLE);
    this.effort.spend();
    const known = this.#flat.get(schema);
    if (known !== undefined) return known;
    const { $ref, allOf, anyOf, oneOf, ...own } = schema;
    let flat: FlatSchema = { fields: own, choices: [] };
    if (Array.isArray(anyOf)) flat = { ...flat, choices: [...flat.choices, anyOf] };
    if (Array.isArray(oneOf)) flat = { ...flat, choices: [...flat.choices, oneOf] };
    const also: unknown[] = Array.isArray(allOf) ? [...allOf] : [];
    if (typeof $ref === 'string') also.unshift(this.resolve($ref));
    for (const part of also) flat = merge(flat, this.flatten(part, hops + 1));
    this.#flat.set(schema, flat);
    return flat;
  }

  /** What a reference points to. Throws GrammarError where it leads nowhere. */
  resolve(reference: string): unknown {
    if (!reference.startsWith('#')) throw new GrammarError(`Cannot resolve $ref: ${reference}`);
    const path = decodeURIComponent(reference.slice(1));
    if (path === '') return this.root;
    if (!path.startsWith('/')) return this.#findAnchor(path, this.root) ?? failTo(reference);
    let value: unknown = this.root;
    for (const part of path.slice(1).split('/')) {
      const key = part.replace(/~1/g, '/').replace(/~0/g, '~');
      const holder = value as Record<string, unknown> | null;
      if (typeof holder !== 'object' || holder === null || !Object.hasOwn(holder, key))
        return failTo(reference);
      value = holder[key];
    }
    return value;
  }

  #findAnchor(name: string, value: unknown): unknown {
    if (typeof value !== 'object' || value === null) return undefined;
    if ((value as Fields)['$anchor'] === name) return value;
    this.effort.spend();
    for (const child of Object.values(value)) {
      const found = this.#findAnchor(name, child);
      if (found !== undefined) return found;
    }
    return undefined;
  }
}

function failTo(reference: string): never {
  throw new GrammarError(`Cannot resolve $ref: ${reference}`);
}

/** What holds where both hold. */
export function merge(a: FlatSchema, b: FlatSchema): FlatSchema {
  const fields: Record<string, unknown> = { ...a.fields };
  for (const [key, value] of Object.entries(b.fields)) {
    if (!Object.hasOwn(fields, key)) fields[key] = value;
    else fields[key] = mergeField(key, fields[key], value);
  }
  return { fields, choices: [...a.choices, ...b.choices] };
}

const LARGER = new Set([
  'minimum',
  'exclusiveMinimum',
  'minLength',
  'minItems',
  'minProperties',
  'minContains',
]);
const SMALLER = new Set([
  'maximum',
  'exclusiveMaximum',
  'maxLength',
  'maxItems',
  'maxProperties',
  'maxContains',
]);

function mergeField(key: string, a: unknown, b: unknown): unknown {
  if (LARGER.has(key) && typeof a === 'number' && typeof b === 'number') return Math.max(a, b);
  if (SMALLER.has(key) && typeof a === 'number' && typeof b === 'number') return Math.min(a, b);
  switch (key) {
    case 'type':
      return commonTypes(listOf(a), listOf(b));
    case 'required':
      return [...new Set([...listOf(a), ...listOf(b)])];
    case 'enum':
      return listOf(a).filter((value) => listOf(b).some((other) => isSameJson(value, other)));
    case 'properties':
    case 'patternProperties':
      return mergeProperties(a as Fields, b as Fields);
    case 'items':
    case 'additionalProperties':
    case 'propertyNames':
    case 'contains':
      return both(a, b);
    case 'prefixItems':
      return mergeLists(listOf(a), listOf(b));
    case 'uniqueItems':
      return a === true || b === true;
    default:
      return a;
  }
}

function mergeProperties(a: Fields, b: Fields): Fields {
  const merged: Record<string, unknown> = { ...a };
  for (const [name, schema] of Object.entries(b)) {
    merged[name] = Object.hasOwn(merged, name) ? both(merged[name], schema) : schema;
  }
  return merged;
}

function mergeLists(a: readonly unknown[], b: readonly unknown[]): readonly unknown[] {
  return Array.from({ length: Math.max(a.length, b.length) }, (_, index) =>
    index in a && index in b ? both(a[index], b[index]) : (a[index] ?? b[index]),
  );
}

function both(a: unknown, b: unknown): unknown {
  if (a === true) return b;
  if (b === true || a === b) return a;
  if (a === false || b === false) return false;
  return { allOf: [a, b] };
}

function listOf(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  return value === undefined ? [] : [value];
}

/** An integer is a number as well. */
function commonTypes(a: readonly unknown[], b: readonly unknown[]): readonly unknown[] {
  const common = a.filter(
    (type) => b.includes(type) || (type === 'integer' && b.includes('number')),
  );
  if (a.includes('number') && !b.includes('number') && b.includes('integer'))
    common.push('integer');
  return common;
}
