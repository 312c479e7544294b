/** What every word behind `ctl` is given, and what they do alike. */
import { ConfigError } from '../../shared/errors.ts';
import type { ServerAnswer, TwinServer } from './twin-server.ts';

export interface CtlCall {
  readonly server: TwinServer;
  /** Behind the first one. */
  readonly words: readonly string[];
  /** --engine; null without. */
  readonly engine: number | null;
  /** --for, as it was written; null without. */
  readonly duration: string | null;
  readonly isJson: boolean;
}

/** The server's own words; exit code 1. */
export function refused({ status, body }: ServerAnswer): number {
  const message = (body as { readonly error?: { readonly message?: unknown } } | null)?.error
    ?.message;
  process.stderr.write(
    `vllm-twin: ${typeof message === 'string' ? message : `status ${status}`}\n`,
  );
  return 1;
}

export function writeJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

export function writeLines(lines: readonly string[]): void {
  process.stdout.write(lines.map((line) => `${line}\n`).join(''));
}

/** `key=value` words. Throws E_BAD_FLAG. */
export function settingsOf(what: string, words: readonly string[]): Record<string, string> {
  const settings = new Map<string, string>();
  for (const word of words) {
    const at = word.indexOf('=');
    const key = word.slice(0, at).replaceAll('-', '_');
    if (at < 1) throw bad(`${what}: '${word}' is no setting; write key=value`);
    if (settings.has(key)) throw bad(`${what}: ${key} is given twice; give it once`);
    settings.set(key, word.slice(at + 1));
  }
  return Object.fromEntries(settings);
}

/** Throws E_BAD_FLAG where a word takes no --engine or no --for. */
export function refuseFlags(what: string, { engine, duration }: CtlCall): void {
  if (engine !== null) throw bad(`${what} takes no --engine`);
  if (duration !== null) throw bad(`${what} takes no --for`);
}

export function bad(message: string): ConfigError {
  return new ConfigError('E_BAD_FLAG', `ctl ${message}`);
}
