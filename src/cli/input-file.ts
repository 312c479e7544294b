/**
 * The door for files that a user names: read, parsed and checked against a schema, or refused with one line that names
 * file, field, expectation and value.
 */
import { readFileSync } from 'node:fs';
import * as v from 'valibot';
import { ConfigError } from '../shared/errors.ts';
import { isJsonObject, type JsonObject } from '../shared/json-object.ts';

/** Throws E_BAD_FILE, in which the file is called `name`. */
export function readTextFile(file: string, name = file): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new ConfigError('E_BAD_FILE', `${name}: cannot be read (${reasonOf(cause)})`, { cause });
  }
}

/** The JSON of a file. Throws E_BAD_FILE naming the file. */
export function readJsonFile(file: string): unknown {
  const text = readTextFile(file);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ConfigError('E_BAD_FILE', `${file}: is not JSON (${reasonOf(cause)})`, { cause });
  }
}

export function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

/**
 * An object with these fields and any others; the message of a field's schema says what is expected there. Arrays are
 * objects to valibot, and none here.
 */
export function jsonObject<const T extends v.ObjectEntries>(entries: T) {
  return v.pipe(v.custom<JsonObject>(isJsonObject, 'an object'), v.object(entries));
}

export interface CheckPlace {
  /** The part of the document that is checked, e.g. `traces[3]`; '' is the whole. */
  readonly path: string;
  /** What the whole is called in a message. */
  readonly whole: string;
}

/**
 * The value itself, not a copy: a schema that transforms has no place here. Throws E_BAD_FILE with the first field that is
 * not as expected.
 */
export function checked<S extends v.GenericSchema>(
  schema: S,
  value: unknown,
  { path, whole }: CheckPlace,
): v.InferOutput<S> {
  const { issues } = v.safeParse(schema, value, { abortEarly: true });
  if (issues === undefined) return value as v.InferOutput<S>;
  const [issue] = issues;
  const place = (issue.path ?? []).reduce((text, { key }) => join(text, key), path);
  throw unexpected(place === '' ? whole : place, expectedBy(issue), issue.input);
}

/** `requests[0].id: expected a string, got 5`. */
export function unexpected(place: string, expected: string, value: unknown): ConfigError {
  return new ConfigError('E_BAD_FILE', `${place}: expected ${expected}, got ${shown(value)}`);
}

/** valibot reports a missing field as an issue of the object around it. */
function expectedBy({ type, message, input }: v.BaseIssue<unknown>): string {
  return type === 'object' && input === undefined ? 'a value' : message;
}

export function join(path: string, key: unknown): string {
  if (typeof key === 'number') return `${path}[${key}]`;
  return path === '' ? String(key) : `${path}.${String(key)}`;
}

const MAX_SHOWN_CHARACTERS = 60;

function shown(value: unknown): string {
  const text = jsonText(value);
  return text.length > MAX_SHOWN_CHARACTERS ? `${text.slice(0, MAX_SHOWN_CHARACTERS)}…` : text;
}

function jsonText(value: unknown): string {
  if (value === undefined) return 'nothing';
  try {
    return JSON.stringify(value);
  } catch {
    return 'what JSON cannot hold';
  }
}
