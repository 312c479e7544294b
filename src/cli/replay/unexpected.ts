import type { ConfigError } from '../../shared/errors.ts';
import { badField, inFile } from '../../shared/schema.ts';

/** The refusal of a field of a record; whoever knows file and record puts them in front. */
export function unexpected(field: string, expected: string, value: unknown): ConfigError {
  return badField(inFile('', field), [], value, expected);
}
