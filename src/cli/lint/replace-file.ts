import {
  chmodSync,
  existsSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { ConfigError, reasonOf } from '../../shared/errors.ts';

/** Writes a file as `tryToReplace` does. Throws E_BAD_FILE. */
export function replaceFile(name: string, text: string): void {
  const problem = tryToReplace(name, text);
  if (problem !== null) throw new ConfigError('E_BAD_FILE', `${name}: ${problem}`);
}

/**
 * Writes a file, all of it or nothing: beside it, and then put in its place. A link goes on to name its file, which keeps
 * its mode; one that nobody may write is left alone. Why it could not be written; null: it was.
 */
export function tryToReplace(name: string, text: string): string | null {
  try {
    const isThere = existsSync(name);
    const file = isThere ? realpathSync(name) : name;
    // What is no file is written as it is: /dev/stdout, a pipe.
    if (isThere && !statSync(file).isFile()) writeFileSync(file, text);
    else putInPlace(file, text, isThere ? statSync(file).mode : null);
    return null;
  } catch (cause) {
    return `cannot be written (${reasonOf(cause)})`;
  }
}

const WRITABLE = 0o222;

function putInPlace(file: string, text: string, mode: number | null): void {
  // What is put in its place would be written all the same: a folder's owner may.
  if (mode !== null && (mode & WRITABLE) === 0) throw new Error('it is read-only');
  const beside = `${file}.${process.pid}.tmp`;
  try {
    writeFileSync(beside, text, { flag: 'wx' });
    if (mode !== null) chmodSync(beside, mode);
    renameSync(beside, file);
  } catch (cause) {
    rmSync(beside, { force: true });
    throw cause;
  }
}
