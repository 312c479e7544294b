/**
 * What every file and every child-process argument is checked with where it comes in. A schema carries in its messages what
 * is expected, in words, so that an error names the field, what came, and what should have come.
 */
import * as v from 'valibot';
import { ConfigError, type ErrorCode } from './errors.ts';
import { isJsonObject, type JsonObject } from './json-object.ts';

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

/** The value, or null. */
export function orNull<const Schema extends v.GenericSchema>(schema: Schema) {
  return v.nullable(schema);
}

/** The value, null, or no such field. */
export function maybe<const Schema extends v.GenericSchema>(schema: Schema) {
  return v.optional(v.nullable(schema));
}

export function listOf<const Schema extends v.GenericSchema>(schema: Schema) {
  return v.array(schema, 'a list');
}

export const boolean = v.boolean('true or false');
export const string = v.string('a string');
export const strings = v.array(string, 'a list of strings');
export const number = v.number('a number');
/** An object of any fields. Arrays are objects to valibot, and none here. */
export const anyObject = v.custom<JsonObject>(isJsonObject, 'an object');

/** An object with these fields; others are ignored. A missing field is told of like one of the wrong type. */
export function fields<const Entries extends v.ObjectEntries>(entries: Entries) {
  return v.pipe(anyObject, v.object(entries, missingField(entries)));
}

/** An object with these fields and no others. */
export function onlyFields<const Entries extends v.ObjectEntries>(entries: Entries) {
  return v.pipe(anyObject, v.strictObject(entries, missingField(entries)));
}

/** valibot reports a missing field as an issue of the object around it: say what the field's own schema says. */
function missingField(entries: v.ObjectEntries): (issue: v.BaseIssue<unknown>) => string {
  return (issue) => {
    const name: unknown = issue.expected?.startsWith('"') ? JSON.parse(issue.expected) : null;
    const expected = typeof name === 'string' ? messageOf(entries[name]) : null;
    return expected ?? 'a value';
  };
}

/** The words of a schema, where they are the same for every value. */
function messageOf(schema: unknown): string | null {
  if (typeof schema !== 'object' || schema === null) return null;
  if ('message' in schema && typeof schema.message === 'string') return schema.message;
  return 'wrapped' in schema ? messageOf(schema.wrapped) : null;
}

/** Where a value stands, for the words of an error. */
export interface Place {
  readonly code: Extract<ErrorCode, 'E_BAD_FILE' | 'E_BAD_FLAG'>;
  /** What the value is part of: `FILE`, `FILE: case ID`, `--flag`; empty where a caller puts that in front. */
  readonly whole: string;
  /** The field that the value's own fields are in: `input`, `traces[3]`; empty for the whole. */
  readonly field?: string;
  /** What the value itself is called where it is the whole. */
  readonly noun?: string;
  /** What to do about it, behind the sentence. */
  readonly remedy?: string;
}

/** A place in a file. */
export function inFile(file: string, field = ''): Place {
  return { code: 'E_BAD_FILE', whole: file, field };
}

/** What a schema makes of a value. Throws the place's code, naming the field, what it is, and what it should be. */
export function parse<const Schema extends v.GenericSchema>(
  schema: Schema,
  value: unknown,
  place: Place,
): v.InferOutput<Schema> {
  const result = v.safeParse(schema, value, { abortEarly: true });
  if (result.success) return result.output;
  throw badValue(result.issues[0], place);
}

/** The value itself, not a copy, for what is large: a schema that transforms has no place here. Throws as `parse` does. */
export function checked<const Schema extends v.GenericSchema>(
  schema: Schema,
  value: unknown,
  place: Place,
): v.InferOutput<Schema> {
  const { issues } = v.safeParse(schema, value, { abortEarly: true });
  if (issues === undefined) return value as v.InferOutput<Schema>;
  throw badValue(issues[0], place);
}

function badValue(issue: v.BaseIssue<unknown>, place: Place): ConfigError {
  const keys = (issue.path ?? []).map(({ key }) => key);
  const { code, whole, field = '', remedy = '' } = place;
  if (isUnknownField(issue))
    return new ConfigError(code, `${within(whole)}${fieldPath(field, keys)} is not known${remedy}`);
  return badField(place, keys, issue.input, issue.message);
}

/** A strict object holds a field that it does not know to be never. */
function isUnknownField({ expected }: v.BaseIssue<unknown>): boolean {
  return expected === 'never';
}

/** The error for a field that a schema alone cannot judge. */
export function badField(
  { code, whole, field = '', noun = 'the file', remedy = '' }: Place,
  keys: readonly unknown[],
  value: unknown,
  expected: string,
): ConfigError {
  const path = fieldPath(field, keys);
  return new ConfigError(
    code,
    `${within(whole)}${path === '' ? noun : path} is ${shown(value)}, not ${expected}${remedy}`,
  );
}

function within(whole: string): string {
  return whole === '' ? '' : `${whole}: `;
}

/** `requests[0].id` of the field that `keys` lead to from `field`. */
export function fieldPath(field: string, keys: readonly unknown[]): string {
  return keys.reduce<string>(
    (path, key) =>
      typeof key === 'number' ? `${path}[${key}]` : path === '' ? `${key}` : `${path}.${key}`,
    field,
  );
}

const MAX_SHOWN_CHARACTERS = 80;

/** A value in one line of an error; its beginning, if it is long. */
export function shown(value: unknown): string {
  if (value === undefined) return 'missing';
  // JSON has no NaN and no infinity, but 1e999 is read as one.
  const text = typeof value === 'number' ? String(value) : jsonText(value);
  return text.length > MAX_SHOWN_CHARACTERS ? `${text.slice(0, MAX_SHOWN_CHARACTERS)}…` : text;
}

/** YAML has values that JSON has not: references to a map from inside it, for one. */
function jsonText(value: unknown): string {
  try {
    return JSON.stringify(value);
  } catch {
    return 'what JSON cannot hold';
  }
}
