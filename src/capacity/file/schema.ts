/**
 * What the file formats of this room are checked with. Every schema carries in its message what is expected, in words, so
 * that an error names the field, what came, and what should have come.
 */
import * as v from 'valibot';
import { ConfigError } from '../../shared/errors.ts';
import { isJsonObject, type JsonObject } from '../models/hf-config.ts';

/** An integer that a double holds exactly, of at least `least`. */
export function integer(least = 0) {
  const expected = `an integer of at least ${least}`;
  return v.pipe(v.number(expected), v.safeInteger(expected), v.minValue(least, expected));
}

/** Any integer that a double holds exactly. */
export function anyInteger() {
  return v.pipe(v.number('an integer'), v.safeInteger('an integer'));
}

export function oneOf<const Names extends readonly string[]>(names: Names) {
  return v.picklist(names, `one of ${names.join(', ')}`);
}

export const boolean = v.boolean('true or false');
export const string = v.string('a string');
export const strings = v.array(string, 'a list of strings');
/** An object of any fields. */
export const anyObject = v.custom<JsonObject>(isJsonObject, 'an object');

/** An object with these fields; others are ignored. A missing field is told of like one of the wrong type. */
export function fields<const Entries extends v.ObjectEntries>(entries: Entries) {
  return v.object(entries, (issue) => {
    const name = issue.expected.startsWith('"') ? JSON.parse(issue.expected) : null;
    const expected = typeof name === 'string' ? messageOf(entries[name]) : null;
    return expected ?? 'an object';
  });
}

/** The words of a schema, where they are the same for every value; objects decide by what is missing in them. */
function messageOf(schema: unknown): string | null {
  const isSchema = typeof schema === 'object' && schema !== null && 'message' in schema;
  return isSchema && typeof schema.message === 'string' ? schema.message : null;
}

/** Where a value stands: the file, and the field that its own fields are in. */
export interface FilePlace {
  /** `FILE` or `FILE: case ID`. */
  readonly file: string;
  /** `input`; empty for the whole file. */
  readonly field: string;
}

/** The checked value. Throws E_BAD_FILE naming the field, what it is, and what it should be. */
export function parse<const Schema extends v.GenericSchema>(
  schema: Schema,
  value: unknown,
  place: FilePlace,
): v.InferOutput<Schema> {
  const result = v.safeParse(schema, value, { abortEarly: true });
  if (result.success) return result.output;
  const [issue] = result.issues;
  const keys = (issue.path ?? []).map(({ key }) => key);
  throw badField(place, keys, issue.input, issue.message);
}

export function badField(
  { file, field }: FilePlace,
  keys: readonly unknown[],
  value: unknown,
  expected: string,
): ConfigError {
  const path = keys.reduce<string>(
    (text, key) =>
      typeof key === 'number' ? `${text}[${key}]` : text === '' ? `${key}` : `${text}.${key}`,
    field,
  );
  return new ConfigError(
    'E_BAD_FILE',
    `${file}: ${path === '' ? 'the file' : path} is ${shown(value)}, not ${expected}`,
  );
}

const MAX_SHOWN = 80;

function shown(value: unknown): string {
  if (value === undefined) return 'missing';
  // JSON has no NaN and no infinity, but 1e999 is read as one.
  const text = typeof value === 'number' ? String(value) : JSON.stringify(value);
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
}
