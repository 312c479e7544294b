/** Files of a model's folder, read as transformers reads them: most were written by it. */
import { readFileSync } from 'node:fs';
import { ConfigError, reasonOf } from '../../shared/errors.ts';
import { isJsonObject, type JsonObject } from '../../shared/json-object.ts';
import { readPythonJson } from '../../shared/python/read-json.ts';
import { anyObject, inFile, parse } from '../../shared/schema.ts';

/** Source: transformers 5 PreTrainedConfig._decode_special_floats. */
const FLOAT_TAG = '__float__';
const TAGGED_FLOATS: ReadonlyMap<unknown, number> = new Map([
  ['Infinity', Number.POSITIVE_INFINITY],
  ['-Infinity', Number.NEGATIVE_INFINITY],
  ['NaN', Number.NaN],
]);

/** A file that holds JSON. Throws E_BAD_FILE. */
export function readJson(file: string): unknown {
  try {
    const text = readFileSync(file, 'utf8');
    const json = readPythonJson(text);
    return text.includes(FLOAT_TAG) ? withTaggedFloats(json) : json;
  } catch (cause) {
    const reason = reasonOf(cause);
    throw new ConfigError('E_BAD_FILE', `${file}: cannot be read as JSON (${reason})`, { cause });
  }
}

/** A file that holds a JSON object. Throws E_BAD_FILE. */
export function readJsonObject(file: string): JsonObject {
  return parse(anyObject, readJson(file), inFile(file));
}

/** Newer files say `{"__float__": "Infinity"}` for what is no number in JSON. */
function withTaggedFloats(json: unknown): unknown {
  if (Array.isArray(json)) return json.map(withTaggedFloats);
  if (!isJsonObject(json)) return json;
  const entries = Object.entries(json);
  const [only] = entries;
  const tagged =
    entries.length === 1 && only?.[0] === FLOAT_TAG ? TAGGED_FLOATS.get(only[1]) : undefined;
  if (tagged !== undefined) return tagged;
  return Object.fromEntries(entries.map(([key, item]) => [key, withTaggedFloats(item)]));
}
