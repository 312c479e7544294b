import { readFileSync } from 'node:fs';
import { ConfigError, reasonOf } from '../../shared/errors.ts';
import type { JsonObject } from '../../shared/json-object.ts';
import { anyObject, inFile, parse } from '../../shared/schema.ts';

/** A file that holds a JSON object. Throws E_BAD_FILE. */
export function readJsonObject(file: string): JsonObject {
  let parsed: unknown;
  try {
    parsed = JSON.parse(readFileSync(file, 'utf8'));
  } catch (cause) {
    const reason = reasonOf(cause);
    throw new ConfigError('E_BAD_FILE', `${file}: cannot be read as JSON (${reason})`, { cause });
  }
  return parse(anyObject, parsed, inFile(file));
}
