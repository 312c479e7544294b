/**
 * What a command of the command line may touch: where its text goes, and whether colours are welcome there.
 */
import { readFileSync } from 'node:fs';
import { ConfigError } from '../shared/errors.ts';

export interface CliIo {
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  readonly colours: boolean;
}

/** The process's own streams; colours on a terminal only, and never against NO_COLOR. */
export function processIo(): CliIo {
  // `… | head` is no error: whoever reads has seen enough.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit(0);
  });
  return {
    stdout: (text) => process.stdout.write(text),
    stderr: (text) => process.stderr.write(text),
    colours: process.stdout.isTTY === true && process.env['NO_COLOR'] === undefined,
  };
}

/** The JSON of a file. Throws E_BAD_FILE naming the file. */
export function readJsonFile(file: string): unknown {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ConfigError('E_BAD_FILE', `${file}: cannot be read (${reason})`, { cause });
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ConfigError('E_BAD_FILE', `${file}: is not JSON (${reason})`, { cause });
  }
}
