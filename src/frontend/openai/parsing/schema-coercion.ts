/**
 * Text that a model wrote as a value becomes what its schema says, as well as it can.
 * Source: vllm/tool_parsers/utils.py, vllm/parser/engine/parser_engine.py ParserEngine._coerce_value (0.33.0). Pure.
 */
import { pythonDumps } from '../../../shared/python/json-dumps.ts';
import { parsePythonJson } from '../../../shared/python/json-reader.ts';
import {
  isDict,
  isPyNumber,
  PyFloat,
  type PyValue,
  pyTypeName,
  toNumber,
} from '../../../shared/python/values.ts';
import { setOwn } from '../../../shared/set-own.ts';
import type { FunctionTool } from './types.ts';

const TYPE_ALIASES: Readonly<Record<string, string>> = {
  str: 'string',
  text: 'string',
  varchar: 'string',
  char: 'string',
  enum: 'string',
  int: 'integer',
  int32: 'integer',
  int64: 'integer',
  uint: 'integer',
  uint32: 'integer',
  uint64: 'integer',
  long: 'integer',
  short: 'integer',
  unsigned: 'integer',
  float: 'number',
  float32: 'number',
  float64: 'number',
  double: 'number',
  bool: 'boolean',
  dict: 'object',
  arr: 'array',
  list: 'array',
  sequence: 'array',
};
const ENUM_TYPES: Readonly<Record<string, string>> = {
  NoneType: 'null',
  bool: 'boolean',
  int: 'integer',
  float: 'number',
  str: 'string',
  list: 'array',
  dict: 'object',
};
const INTEGER = /^\s*[+-]?\d+(?:_\d+)*\s*$/;
const FLOAT =
  /^\s*[+-]?(?:\d+(?:_\d+)*\.?(?:\d+(?:_\d+)*)?|\.\d+(?:_\d+)*)(?:[eE][+-]?\d+(?:_\d+)*)?\s*$/;

/** The properties of a tool's parameters; empty for an unknown tool. */
export function toolProperties(
  tools: readonly FunctionTool[] | null,
  name: string,
): Readonly<Record<string, PyValue>> {
  const properties = tools?.find((tool) => tool.name === name)?.parameters?.['properties'];
  return isDict(properties) ? properties : {};
}

/** Every type that a schema allows; a text where it names none. */
export function schemaTypes(schema: unknown): ReadonlySet<string> {
  const types = new Set<string>();
  if (isDict(schema)) {
    const type = schema['type'];
    for (const name of Array.isArray(type) ? (type as readonly PyValue[]) : [type]) {
      if (typeof name === 'string') types.add(name);
    }
    const values = schema['enum'];
    if (Array.isArray(values)) {
      for (const value of values as readonly PyValue[])
        types.add(ENUM_TYPES[pyTypeName(value)] ?? 'string');
    }
    for (const key of ['anyOf', 'oneOf', 'allOf']) {
      const choices = schema[key];
      if (!Array.isArray(choices)) continue;
      for (const choice of choices as readonly PyValue[])
        for (const name of schemaTypes(choice)) types.add(name);
    }
  }
  return types.size === 0 ? new Set(['string']) : types;
}

/** Undefined: Python's int() refuses the text. */
export function pythonInt(text: string): number | bigint | undefined {
  if (!INTEGER.test(text)) return undefined;
  const digits = text.trim().replaceAll('_', '').replace(/^\+/, '');
  const value = Number(digits);
  return Number.isSafeInteger(value) ? value + 0 : BigInt(digits);
}

/** Undefined: Python's float() refuses the text, or it is no finite number. */
export function pythonFiniteFloat(text: string): number | undefined {
  if (!FLOAT.test(text)) return undefined;
  const value = Number(text.trim().replaceAll('_', ''));
  return Number.isFinite(value) ? value : undefined;
}

/** Undefined: no JSON. */
export function tryJson(text: string): PyValue | undefined {
  try {
    return parsePythonJson(text);
  } catch {
    return undefined;
  }
}

/** Undefined: no JSON, or with numbers that JSON cannot write. */
function tryFiniteJson(text: string): PyValue | undefined {
  const value = tryJson(text);
  return value !== undefined && isFiniteJson(value) ? value : undefined;
}

function isFiniteJson(value: PyValue): boolean {
  if (isPyNumber(value)) return Number.isFinite(toNumber(value)) || typeof value === 'bigint';
  if (Array.isArray(value)) return (value as readonly PyValue[]).every(isFiniteJson);
  return isDict(value) ? Object.values(value).every(isFiniteJson) : true;
}

function coerceNumber(text: string): PyValue | undefined {
  const whole = pythonInt(text);
  if (whole !== undefined) return whole;
  const value = pythonFiniteFloat(text);
  if (value === undefined || !Number.isInteger(value)) return value;
  return Number.isSafeInteger(value) ? value + 0 : BigInt(value);
}

function coerceBoolean(text: string): boolean | undefined {
  const word = text.toLowerCase().trim();
  if (word === 'true' || word === '1') return true;
  return word === 'false' || word === '0' ? false : undefined;
}

/** In the order in which types are tried. */
const COERCIONS: Readonly<Record<string, (text: string) => PyValue | undefined>> = {
  null: (text) => (text.toLowerCase() === 'null' ? null : undefined),
  integer: pythonInt,
  number: coerceNumber,
  boolean: coerceBoolean,
  object: tryFiniteJson,
  array: tryFiniteJson,
  string: (text) => text,
};

export function coerceToSchemaType(text: string, types: ReadonlySet<string>): PyValue {
  const wanted = new Set([...types].map((type) => normalType(type)));
  for (const [type, coerce] of Object.entries(COERCIONS)) {
    if (!wanted.has(type)) continue;
    const value = coerce(text);
    if (value !== undefined) return value;
  }
  return tryFiniteJson(text) ?? (tryJson(text) === null ? null : text);
}

function normalType(type: string): string {
  const key = type.trim().toLowerCase();
  return TYPE_ALIASES[key] ?? key;
}

/** The same object where nothing had to change. */
export function coerceValue(value: PyValue, schema: Readonly<Record<string, PyValue>>): PyValue {
  if (typeof value === 'string') return coerceToSchemaType(value, schemaTypes(schema));
  if (isDict(value)) {
    const nested = schema['properties'];
    return isDict(nested) ? coerceDict(value, nested) : value;
  }
  if (Array.isArray(value)) {
    const items = schema['items'];
    if (!isDict(items)) return value;
    const coerced = (value as readonly PyValue[]).map((item) => coerceValue(item, items));
    return coerced.some((item, i) => item !== value[i]) ? coerced : value;
  }
  const coerced = coerceToSchemaType(pythonDumps(value), schemaTypes(schema));
  return pyTypeName(coerced) === pyTypeName(value) && isSameScalar(coerced, value)
    ? value
    : coerced;
}

function isSameScalar(a: PyValue, b: PyValue): boolean {
  return a instanceof PyFloat || b instanceof PyFloat ? toNumber(a) === toNumber(b) : a === b;
}

/** The same object where nothing had to change. */
export function coerceDict(
  args: { readonly [key: string]: PyValue },
  properties: Readonly<Record<string, PyValue>>,
): { readonly [key: string]: PyValue } {
  let changed: Record<string, PyValue> | null = null;
  for (const [key, value] of Object.entries(args)) {
    const schema = Object.hasOwn(properties, key) ? properties[key] : undefined;
    if (!isDict(schema)) continue;
    const coerced = coerceValue(value, schema);
    if (coerced === value) continue;
    changed ??= { ...args };
    setOwn(changed, key, coerced);
  }
  return changed ?? args;
}

/** Arguments as JSON with the types that the tool's schema says; what is no object stays. */
export function fixArgumentTypes(
  json: string,
  tools: readonly FunctionTool[] | null,
  name: string,
): string {
  if (tools === null || tools.length === 0 || name === '') return json;
  const args = tryJson(json);
  if (!isDict(args)) return json;
  const properties = toolProperties(tools, name);
  if (Object.keys(properties).length === 0) return json;
  const coerced = coerceDict(args, properties);
  return coerced === args ? json : pythonDumps(coerced);
}
