/**
 * What xgrammar would say of a specification that it refuses, without the time in front. Null where it takes it.
 * Source: vllm/v1/structured_output/backend_xgrammar.py validate_xgrammar_grammar (0.33.0), xgrammar cpp (0.2.8).
 */
import { reasonOf } from '../../../shared/errors.ts';
import { parseEbnf } from '../../../shared/structured-output/ebnf-parser.ts';
import { GrammarError } from '../../../shared/structured-output/grammar.ts';
import { parseLark } from '../../../shared/structured-output/lark-parser.ts';
import { parseRegex } from '../../../shared/structured-output/regex-parser.ts';
import { parseStructuralTag } from '../../../shared/structured-output/structural-tag.ts';
import { isLikelyLark } from '../../../shared/structured-output/structured-outputs.ts';

type Fields = Readonly<Record<string, unknown>>;

const TYPES = ['string', 'number', 'integer', 'boolean', 'null', 'array', 'object'];
const KEYS_OF_SCHEMAS = ['properties', 'patternProperties'] as const;
const SCHEMA_KEYS = [
  'items',
  'additionalProperties',
  'propertyNames',
  'unevaluatedProperties',
] as const;
const LISTS_OF_SCHEMAS = ['anyOf', 'oneOf', 'allOf', 'prefixItems'] as const;

export function xgrammarRegexProblem(pattern: string): string | null {
  const { xgrammar } = parseRegex(pattern);
  if (xgrammar === null) return null;
  const { position, text } = xgrammar;
  return `/project/cpp/regex_converter.cc:83: Regex parsing error at position ${position}: ${text}\n`;
}

export function xgrammarGrammarProblem(grammar: string): string | null {
  return problemOf(() => (isLikelyLark(grammar) ? parseLark(grammar) : parseEbnf(grammar)));
}

export function xgrammarTagProblem(tag: string): string | null {
  return (
    problemOf(() => parseStructuralTag(tag)) ?? tagSchemaProblem(JSON.parse(tag) as unknown, 0)
  );
}

/** Of the first schema in a tag that xgrammar refuses. */
function tagSchemaProblem(value: unknown, depth: number): string | null {
  if (typeof value !== 'object' || value === null || depth > 200) return null;
  for (const [key, inner] of Object.entries(value)) {
    const isSchema = key === 'json_schema' || key === 'schema';
    const problem = isSchema ? xgrammarSchemaProblem(inner) : tagSchemaProblem(inner, depth + 1);
    if (problem !== null) return problem;
  }
  return null;
}

function problemOf(parse: () => unknown): string | null {
  try {
    parse();
    return null;
  } catch (error) {
    if (error instanceof GrammarError || error instanceof SyntaxError) return reasonOf(error);
    throw error;
  }
}

export function xgrammarSchemaProblem(schema: unknown): string | null {
  const problem = new SchemaWalk(schema).problemOf(schema);
  return problem === null || problem.startsWith('/project') ? problem : `${CONVERTER}${problem}\n`;
}

const CONVERTER = '/project/cpp/json_schema_converter.cc:4944: ';

class SchemaWalk {
  readonly #root: unknown;
  readonly #seen = new Set<unknown>();

  constructor(root: unknown) {
    this.#root = root;
  }

  problemOf(schema: unknown): string | null {
    if (schema === true) return null;
    if (schema === false)
      return schema === this.#root ? "Schema 'false' cannot accept any value" : null;
    if (typeof schema !== 'object' || schema === null || Array.isArray(schema))
      return `Schema should be an object or bool, but got ${JSON.stringify(schema)}`;
    if (this.#seen.has(schema)) return null;
    this.#seen.add(schema);
    const fields = schema as Fields;
    return (
      this.#referenceProblem(fields) ??
      typeProblem(fields) ??
      boundsProblem(fields) ??
      objectProblem(fields) ??
      patternProblem(fields) ??
      this.#innerProblem(fields)
    );
  }

  #referenceProblem({ $ref }: Fields): string | null {
    if (typeof $ref !== 'string' || !$ref.startsWith('#/')) return null;
    let value: unknown = this.#root;
    for (const part of $ref.slice(2).split('/')) {
      const key = part.replace(/~1/g, '/').replace(/~0/g, '~');
      if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) {
        return `/project/cpp/json_schema_converter.cc:4950: Cannot find field ${key} in ${$ref}\n`;
      }
      value = (value as Fields)[key];
    }
    return this.problemOf(value);
  }

  #innerProblem(fields: Fields): string | null {
    const inner: unknown[] = [];
    for (const key of KEYS_OF_SCHEMAS) {
      const map = fields[key];
      if (typeof map === 'object' && map !== null) inner.push(...Object.values(map));
    }
    for (const key of SCHEMA_KEYS) if (fields[key] !== undefined) inner.push(fields[key]);
    for (const key of LISTS_OF_SCHEMAS) {
      const list = fields[key];
      if (Array.isArray(list)) inner.push(...list);
    }
    for (const schema of inner) {
      const problem = this.problemOf(schema);
      if (problem !== null) return problem;
    }
    return null;
  }
}

function typeProblem({ type, enum: allowed, properties, required }: Fields): string | null {
  if (allowed !== undefined) {
    if (!Array.isArray(allowed)) return 'enum must be an array';
    if (allowed.length === 0) return 'enum array must not be empty';
  }
  for (const name of Array.isArray(type) ? type : type === undefined ? [] : [type]) {
    if (typeof name !== 'string') return 'Type should be a string';
    if (!TYPES.includes(name)) return `Unsupported type "${name}"`;
  }
  if (properties !== undefined && (typeof properties !== 'object' || Array.isArray(properties)))
    return 'properties must be an object';
  return required !== undefined && !Array.isArray(required) ? 'required must be an array' : null;
}

const BOUNDS = [
  ['minLength', 'maxLength'],
  ['minItems', 'maxItems'],
  ['minProperties', 'maxProperties'],
] as const;

function boundsProblem(fields: Fields): string | null {
  for (const [low, high] of BOUNDS) {
    const min = fields[low];
    const max = fields[high];
    if (min !== undefined && typeof min !== 'number') return `${low} must be an integer`;
    if (typeof min !== 'number' || typeof max !== 'number' || min <= max) continue;
    return low === 'minLength'
      ? `minLength ${min} is greater than maxLength ${max}`
      : `${low} is greater than ${high}: ${min} > ${max}`;
  }
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum } = fields;
  for (const value of [minimum, maximum]) {
    if (value !== undefined && typeof value !== 'number') return 'Value must be a number';
  }
  if (typeof minimum === 'number' && typeof maximum === 'number' && minimum > maximum)
    return 'Invalid range: minimum greater than maximum';
  return typeof exclusiveMinimum === 'number' &&
    typeof exclusiveMaximum === 'number' &&
    exclusiveMinimum >= exclusiveMaximum
    ? 'Invalid range: minimum greater than maximum'
    : null;
}

function objectProblem(fields: Fields): string | null {
  const { minProperties, properties, additionalProperties, patternProperties, propertyNames } =
    fields;
  const isOpen =
    (additionalProperties !== undefined && additionalProperties !== false) ||
    patternProperties !== undefined ||
    propertyNames !== undefined;
  const count = Object.keys((properties ?? {}) as object).length;
  if (typeof minProperties !== 'number' || isOpen || minProperties <= count) return null;
  return (
    'minProperties is greater than the number of properties, but additional properties ' +
    `aren't allowed: ${minProperties} > ${count}`
  );
}

/** Look-around in a pattern is passed over with a warning. */
function patternProblem({ pattern }: Fields): string | null {
  if (typeof pattern !== 'string') return null;
  return xgrammarRegexProblem(pattern.replace(/\(\?<?[=!]/g, '(?:'));
}
