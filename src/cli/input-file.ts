/** Files that a user names, read; what they hold is checked with shared/schema.ts. */
import { readFileSync } from 'node:fs';
import { ConfigError, reasonOf } from '../shared/errors.ts';

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
