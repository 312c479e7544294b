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

/**
 * Writes a file, all of it or nothing: beside it, and then put in its place. A link goes on to name its file, which keeps
 * its mode. Throws E_BAD_FILE.
 */
export function replaceFile(name: string, text: string): void {
  try {
    const isThere = existsSync(name);
    const file = isThere ? realpathSync(name) : name;
    // What is no file is written as it is: /dev/stdout, a pipe.
    if (isThere && !statSync(file).isFile()) writeFileSync(file, text);
    else putInPlace(file, text, isThere ? statSync(file).mode : null);
  } catch (cause) {
    const reason = reasonOf(cause);
    throw new ConfigError('E_BAD_FILE', `${name}: cannot be written (${reason})`, { cause });
  }
}

function putInPlace(file: string, text: string, mode: number | null): void {
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
