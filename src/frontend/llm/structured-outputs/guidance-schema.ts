/**
 * What llguidance says of a JSON schema that it refuses: something that it has not built, something that is no schema, or
 * one that no document fulfils. Source: llguidance parser/src/json/schema.rs (1.7.6).
 */
import { parseRegex } from '../../../shared/structured-output/regex-parser.ts';
import { rustRegexWords } from '../../../shared/structured-output/regex-problem.ts';

type Fields = Readonly<Record<string, unknown>>;

const UNIMPLEMENTED = new Set([
  'not',
  'if',
  'then',
  'else',
  'uniqueItems',
  'contains',
  'minContains',
  'maxContains',
  'dependentRequired',
  'dependentSchemas',
  'dependencies',
  'propertyNames',
  'unevaluatedProperties',
  'unevaluatedItems',
  'contentSchema',
  '$dynamicRef',
  '$recursiveRef',
]);
const TYPES = ['null', 'boolean', 'number', 'integer', 'string', 'array', 'object'];
const FORMATS = new Set([
  'date-time',
  'time',
  'date',
  'duration',
  'email',
  'hostname',
  'ipv4',
  'ipv6',
  'uuid',
  'uri',
  'unknown',
]);
const FLOATS = ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf'];
const COUNTS = ['minLength', 'maxLength', 'minItems', 'maxItems', 'minProperties', 'maxProperties'];

interface Problem {
  readonly text: string;
  /** Nothing is wrong with the schema but that nothing fulfils it: where it may be left out, it is. */
  readonly isUnsatisfiable: boolean;
}

const wrong = (text: string): Problem => ({ text, isUnsatisfiable: false });
const unsatisfiable = (text: string): Problem => ({
  text: `Unsatisfiable schema: ${text}`,
  isUnsatisfiable: true,
});

export function guidanceSchemaProblem(schema: unknown): string | null {
  return new SchemaReader(schema).problemOf(schema)?.text ?? null;
}

class SchemaReader {
  readonly #root: unknown;
  readonly #seen = new Set<unknown>();

  constructor(root: unknown) {
    this.#root = root;
  }

  problemOf(schema: unknown): Problem | null {
    if (schema === true) return null;
    if (schema === false) return unsatisfiable('schema is false');
    if (typeof schema !== 'object' || schema === null || Array.isArray(schema))
      return wrong('schema must be an object or boolean');
    if (this.#seen.has(schema)) return null;
    this.#seen.add(schema);
    const fields = schema as Fields;
    const unknown = Object.keys(fields).filter((key) => UNIMPLEMENTED.has(key));
    if (unknown.length > 0) return wrong(`Unimplemented keys: ${listText(unknown)}`);
    return (
      this.#referenceProblem(fields['$ref']) ??
      enumProblem(fields['enum']) ??
      this.#branchProblem(fields) ??
      typeProblem(fields['type']) ??
      numberProblem(fields) ??
      stringProblem(fields) ??
      this.#arrayProblem(fields) ??
      this.#objectProblem(fields)
    );
  }

  #referenceProblem(reference: unknown): Problem | null {
    if (typeof reference !== 'string' || reference === '#') return null;
    if (!reference.startsWith('#/'))
      return wrong(
        `Resource '${reference}' is not present in a registry and retrieving it failed: ` +
          'Default retriever does not fetch resources',
      );
    let value: unknown = this.#root;
    for (const part of reference.slice(2).split('/')) {
      const key = part.replace(/~1/g, '/').replace(/~0/g, '~');
      if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key))
        return wrong(`Pointer '${reference.slice(1)}' does not exist`);
      value = (value as Fields)[key];
    }
    return this.problemOf(value);
  }

  #branchProblem({ anyOf, oneOf, allOf }: Fields): Problem | null {
    for (const [name, branches] of [
      ['anyOf', anyOf],
      ['oneOf', oneOf],
    ] as const) {
      if (branches === undefined) continue;
      if (!Array.isArray(branches)) return wrong(`${name} must be an array`);
      if (branches.length === 0) return unsatisfiable(`${name} is empty`);
      const problems = branches.map((branch) => this.problemOf(branch));
      const first = problems.find((problem) => problem?.isUnsatisfiable === false);
      if (first !== undefined) return first;
      if (problems.every((problem) => problem !== null)) return problems[0] ?? null;
    }
    if (allOf === undefined) return null;
    if (!Array.isArray(allOf)) return wrong('allOf must be an array');
    for (const part of allOf) {
      const problem = this.problemOf(part);
      if (problem !== null) return problem;
    }
    return haveCommonType(allOf) ? null : unsatisfiable('incompatible types');
  }

  #arrayProblem({
    minItems,
    maxItems,
    items,
    prefixItems,
    additionalItems,
  }: Fields): Problem | null {
    if (typeof minItems === 'number' && typeof maxItems === 'number' && minItems > maxItems)
      return unsatisfiable(`minItems (${minItems}) is greater than maxItems (${maxItems})`);
    const schemas = [items, additionalItems]
      .flatMap((part) => (Array.isArray(part) ? part : [part]))
      .concat(Array.isArray(prefixItems) ? prefixItems : [])
      .filter((part) => part !== undefined);
    for (const schema of schemas) {
      const problem = this.problemOf(schema);
      if (problem?.isUnsatisfiable === false) return problem;
    }
    return null;
  }

  #objectProblem(fields: Fields): Problem | null {
    const { properties, required, additionalProperties, minProperties, maxProperties } = fields;
    if (properties !== undefined && (typeof properties !== 'object' || Array.isArray(properties)))
      return wrong('properties must be an object');
    if (required !== undefined && !Array.isArray(required))
      return wrong(`Expected array for 'required', got ${JSON.stringify(required)}`);
    if (
      typeof minProperties === 'number' &&
      typeof maxProperties === 'number' &&
      minProperties > maxProperties
    )
      return unsatisfiable('minProperties > maxProperties');
    const declared = (properties ?? {}) as Fields;
    const needed = new Set(Array.isArray(required) ? required.map(String) : []);
    for (const [name, schema] of Object.entries(declared)) {
      const problem = this.problemOf(schema);
      if (problem === null || (problem.isUnsatisfiable && !needed.has(name))) continue;
      return problem.isUnsatisfiable
        ? unsatisfiable(`required property '${name}' is unsatisfiable`)
        : problem;
    }
    const other = additionalProperties === undefined ? null : this.problemOf(additionalProperties);
    if (other?.isUnsatisfiable === false) return other;
    const missing = [...needed].find((name) => !Object.hasOwn(declared, name));
    return other !== null && missing !== undefined
      ? unsatisfiable(`required property '${missing}' is unsatisfiable`)
      : null;
  }
}

function listText(keys: readonly string[]): string {
  return `[${keys.map((key) => JSON.stringify(key)).join(', ')}]`;
}

function enumProblem(allowed: unknown): Problem | null {
  if (allowed === undefined) return null;
  if (!Array.isArray(allowed)) return wrong('enum must be an array');
  return allowed.length === 0 ? unsatisfiable('anyOf is empty') : null;
}

function typeProblem(type: unknown): Problem | null {
  if (type === undefined) return null;
  const names = Array.isArray(type) ? type : [type];
  if (names.some((name) => typeof name !== 'string'))
    return wrong('type must be a string or array of strings');
  const unknown = names.find((name) => !TYPES.includes(name));
  return unknown === undefined ? null : wrong(`Invalid type: ${unknown}`);
}

function numberProblem(fields: Fields): Problem | null {
  for (const key of FLOATS) {
    const value = fields[key];
    if (value !== undefined && typeof value !== 'number' && typeof value !== 'boolean')
      return wrong(`Expected f64 for '${key}', got ${JSON.stringify(value)}`);
  }
  for (const key of COUNTS) {
    const value = fields[key];
    if (value !== undefined && !(Number.isInteger(value) && Number(value) >= 0))
      return wrong(`Expected positive integer for '${key}', got ${JSON.stringify(value)}`);
  }
  const [low, high] = [
    boundOf(fields, 'minimum', 'exclusiveMinimum', Math.max),
    boundOf(fields, 'maximum', 'exclusiveMaximum', Math.min),
  ];
  if (low === null || high === null) return null;
  if (low.value > high.value)
    return unsatisfiable(`${low.key} (${low.value}) is greater than ${high.key} (${high.value})`);
  if (low.value === high.value && (low.key.startsWith('ex') || high.key.startsWith('ex')))
    return unsatisfiable(`${low.key} (${low.value}) is equal to ${high.key} (${high.value})`);
  return null;
}

function boundOf(
  fields: Fields,
  plain: string,
  exclusive: string,
  pick: (...values: number[]) => number,
): { key: string; value: number } | null {
  const bounds = [plain, exclusive].flatMap((key) => {
    const value = fields[key];
    return typeof value === 'number' ? [{ key, value }] : [];
  });
  const strictest = pick(...bounds.map(({ value }) => value));
  return bounds.find(({ value }) => value === strictest) ?? null;
}

function stringProblem({ minLength, maxLength, pattern, format }: Fields): Problem | null {
  if (typeof minLength === 'number' && typeof maxLength === 'number' && minLength > maxLength)
    return unsatisfiable(`minLength (${minLength}) is greater than maxLength (${maxLength})`);
  if (typeof pattern === 'string') {
    const { rust } = parseRegex(pattern);
    if (rust !== null) return wrong(rustRegexWords(pattern, rust));
  }
  if (typeof format === 'string' && !FORMATS.has(format)) return wrong(`Unknown format: ${format}`);
  return null;
}

/** An integer is a number; a part without a type has all of them. */
function haveCommonType(parts: readonly unknown[]): boolean {
  return TYPES.some((name) =>
    parts.every((part) => {
      const type = (part as Fields | null)?.['type'];
      if (type === undefined) return true;
      const types: readonly unknown[] = Array.isArray(type) ? type : [type];
      return types.includes(name) || (name === 'integer' && types.includes('number'));
    }),
  );
}
