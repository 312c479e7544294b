/**
 * Whether a value is what a schema allows. The writer builds values to fit; here is judged what it cannot see coming:
 * branches that exclude each other, `not`, conditions, what depends on other properties.
 */
import { isQuickRegex } from '../quick-regex.ts';
import { isSameJson, jsonTypeOf } from './json-values.ts';
import { type Fields, isFields, type SchemaTree } from './schema-tree.ts';

/** Values in values that are looked into. */
const MAX_DEPTH = 200;
const STEPS_PER_VALUE = 10;

export class SchemaCheck {
  readonly #tree: SchemaTree;

  constructor(tree: SchemaTree) {
    this.#tree = tree;
  }

  allows(schema: unknown, value: unknown, depth = 0): boolean {
    if (depth > MAX_DEPTH) return false;
    this.#tree.effort.spend(STEPS_PER_VALUE);
    if (typeof schema === 'boolean') return schema;
    if (!isFields(schema)) return true;
    return (
      this.#allowsType(schema, value) &&
      this.#allowsCombination(schema, value, depth) &&
      (typeof value !== 'number' || allowsNumber(schema, value)) &&
      (typeof value !== 'string' || allowsString(schema, value)) &&
      (!Array.isArray(value) || this.#allowsArray(schema, value, depth)) &&
      (!isFields(value) || this.#allowsObject(schema, value, depth))
    );
  }

  #allowsType(schema: Fields, value: unknown): boolean {
    const { type, enum: allowed } = schema;
    const actual = jsonTypeOf(value);
    const types: readonly unknown[] = Array.isArray(type) ? type : type === undefined ? [] : [type];
    if (types.length > 0 && !types.includes(actual)) {
      if (actual !== 'integer' || !types.includes('number')) return false;
    }
    if (Array.isArray(allowed) && !allowed.some((item) => isSameJson(item, value))) return false;
    return !Object.hasOwn(schema, 'const') || isSameJson(schema['const'], value);
  }

  #allowsCombination(schema: Fields, value: unknown, depth: number): boolean {
    const { $ref, allOf, anyOf, oneOf, not } = schema;
    const test = (part: unknown): boolean => this.allows(part, value, depth + 1);
    if (typeof $ref === 'string' && !test(this.#tree.resolve($ref))) return false;
    if (Array.isArray(allOf) && !allOf.every(test)) return false;
    if (Array.isArray(anyOf) && !anyOf.some(test)) return false;
    if (Array.isArray(oneOf) && oneOf.filter(test).length !== 1) return false;
    if (not !== undefined && test(not)) return false;
    if (schema['if'] === undefined) return true;
    const branch = test(schema['if']) ? schema['then'] : schema['else'];
    return branch === undefined || test(branch);
  }

  #allowsArray(schema: Fields, value: readonly unknown[], depth: number): boolean {
    const { minItems, maxItems, uniqueItems, contains } = schema;
    if (typeof minItems === 'number' && value.length < minItems) return false;
    if (typeof maxItems === 'number' && value.length > maxItems) return false;
    const { prefix, rest } = itemSchemas(schema);
    const fits = value.every((item, index) =>
      this.allows(index < prefix.length ? prefix[index] : rest, item, depth + 1),
    );
    if (!fits) return false;
    if (uniqueItems === true && this.#hasTwins(value)) return false;
    if (contains === undefined) return true;
    const count = value.filter((item) => this.allows(contains, item, depth + 1)).length;
    const { minContains = 1, maxContains = Infinity } = schema;
    return count >= Number(minContains) && count <= Number(maxContains);
  }

  #hasTwins(values: readonly unknown[]): boolean {
    return values.some((value, index) => {
      this.#tree.effort.spend(index);
      return values.slice(0, index).some((other) => isSameJson(value, other));
    });
  }

  #allowsObject(schema: Fields, value: Fields, depth: number): boolean {
    const names = Object.keys(value);
    const { required, minProperties, maxProperties, propertyNames } = schema;
    if (Array.isArray(required) && !required.every((name) => Object.hasOwn(value, String(name))))
      return false;
    if (typeof minProperties === 'number' && names.length < minProperties) return false;
    if (typeof maxProperties === 'number' && names.length > maxProperties) return false;
    if (
      propertyNames !== undefined &&
      !names.every((name) => this.allows(propertyNames, name, depth + 1))
    )
      return false;
    return (
      names.every((name) => this.#allowsMember(schema, name, value[name], depth)) &&
      this.#allowsDependencies(schema, value, depth)
    );
  }

  #allowsMember(schema: Fields, name: string, value: unknown, depth: number): boolean {
    return memberSchemas(schema, name).every((part) => this.allows(part, value, depth + 1));
  }

  #allowsDependencies(schema: Fields, value: Fields, depth: number): boolean {
    for (const key of ['dependentRequired', 'dependentSchemas', 'dependencies']) {
      const dependencies = schema[key];
      if (!isFields(dependencies)) continue;
      for (const [name, needs] of Object.entries(dependencies)) {
        if (!Object.hasOwn(value, name)) continue;
        const holds = Array.isArray(needs)
          ? needs.every((needed) => Object.hasOwn(value, String(needed)))
          : this.allows(needs, value, depth + 1);
        if (!holds) return false;
      }
    }
    return true;
  }
}

/** All schemas that a property of an object has to hold. */
export function memberSchemas(schema: Fields, name: string): readonly unknown[] {
  const { properties, patternProperties, additionalProperties, unevaluatedProperties } = schema;
  const found: unknown[] = [];
  if (isFields(properties) && Object.hasOwn(properties, name)) found.push(properties[name]);
  if (isFields(patternProperties)) {
    for (const [pattern, part] of Object.entries(patternProperties)) {
      if (regexOf(pattern)?.test(name) !== false) found.push(part);
    }
  }
  if (found.length > 0) return found;
  if (additionalProperties !== undefined) return [additionalProperties];
  // What branches have evaluated is not known here; without branches it is the same.
  const hasBranches = ['allOf', 'anyOf', 'oneOf', '$ref', 'if'].some((key) => key in schema);
  return unevaluatedProperties === undefined || hasBranches ? [] : [unevaluatedProperties];
}

/** The schemas of an array's first items, and that of the rest, in the old way of writing and the new. */
export function itemSchemas(schema: Fields): { prefix: readonly unknown[]; rest: unknown } {
  const { prefixItems, items, additionalItems, unevaluatedItems } = schema;
  if (Array.isArray(prefixItems))
    return { prefix: prefixItems, rest: items ?? unevaluatedItems ?? true };
  if (Array.isArray(items)) return { prefix: items, rest: additionalItems ?? true };
  return { prefix: [], rest: items ?? unevaluatedItems ?? true };
}

/** The limits of a number, as JSON Schema's drafts write them. */
export function allowsNumber(schema: Fields, value: number): boolean {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf } = schema;
  if (typeof minimum === 'number' && value < minimum) return false;
  if (typeof maximum === 'number' && value > maximum) return false;
  if (exclusiveMinimum === true && value === minimum) return false;
  if (exclusiveMaximum === true && value === maximum) return false;
  if (typeof exclusiveMinimum === 'number' && value <= exclusiveMinimum) return false;
  if (typeof exclusiveMaximum === 'number' && value >= exclusiveMaximum) return false;
  if (typeof multipleOf !== 'number' || multipleOf <= 0) return true;
  return Number.isInteger(value / multipleOf);
}

/** What a string of a format looks like, as far as a given constant has to. */
const FORMATS: Readonly<Record<string, RegExp>> = {
  date: /^\d{4}-\d\d-\d\d$/,
  time: /^\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/i,
  'date-time': /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/i,
  duration: /^P(?!$)[\dYMWDTHS]+$/,
  email: /^[^\s@]+@[^\s@.]+(?:\.[^\s@.]+)+$/,
  hostname: /^(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/i,
  ipv4: /^(?:\d{1,3}\.){3}\d{1,3}$/,
  ipv6: /^[0-9a-f:.]*:[0-9a-f:.]*$/i,
  uri: /^[a-z][a-z0-9+.-]*:\S+$/i,
  'uri-reference': /^[^\s"<>\\^`{|}]*$/,
  'uri-template': /^[^\s"<>\\^`|]*$/,
  'json-pointer': /^(?:\/(?:[^~]|~0|~1)*)?$/,
  'relative-json-pointer': /^(?:0|[1-9]\d*)(?:#|(?:\/(?:[^~]|~0|~1)*)?)$/,
  uuid: /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i,
};

function allowsString(schema: Fields, value: string): boolean {
  const { minLength, maxLength, pattern, format } = schema;
  if (typeof format === 'string' && FORMATS[format]?.test(value) === false) return false;
  const length = [...value].length;
  if (typeof minLength === 'number' && length < minLength) return false;
  if (typeof maxLength === 'number' && length > maxLength) return false;
  return typeof pattern !== 'string' || regexOf(pattern)?.test(value) !== false;
}

/** Null for what JavaScript cannot read, or might take forever to search with. */
function regexOf(pattern: string): RegExp | null {
  if (!isQuickRegex(pattern)) return null;
  for (const flags of ['u', '']) {
    try {
      return new RegExp(pattern, flags);
    } catch {
      // Without the flag, JavaScript forgives more.
    }
  }
  return null;
}
