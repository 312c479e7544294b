/** Splits the words of a command that has only flags of its own. */
import { suggestion } from '../../shared/config/suggestion.ts';
import { ConfigError } from '../../shared/errors.ts';
import { takeFlags } from './flag-words.ts';
import type { OwnFlag } from './split-words.ts';

export interface OwnFlags {
  readonly positionals: readonly string[];
  /** ['true'] for a switch, or all words given. */
  readonly flags: ReadonlyMap<string, readonly string[]>;
}

/** Throws E_UNKNOWN_FLAG for a flag that the command does not have, E_BAD_FLAG for one without its value. */
export function parseOwnFlags(
  words: readonly string[],
  own: readonly OwnFlag[],
  command: string,
): OwnFlags {
  const find = (written: string): OwnFlag => {
    const name = written.replace(/^--?/, '');
    const flag = own.find((known) => known.name === name);
    if (flag !== undefined && written.startsWith('--')) return flag;
    const names = own.map((known) => known.name);
    const list = names.length === 0 ? 'none' : names.map((known) => `--${known}`).join(', ');
    const hint = suggestion(name, names) || `; it takes ${list}`;
    throw new ConfigError('E_UNKNOWN_FLAG', `${command}: unknown flag ${written}${hint}`);
  };
  const taken = takeFlags(words, find);
  const flags = new Map<string, readonly string[]>();
  for (const { flag, words: given, written, path } of taken.flags) {
    if (path.length > 0)
      throw new ConfigError('E_BAD_FLAG', `${command}: ${written} takes no keys, it is not JSON`);
    if (flag.takes === 'switch') flags.set(flag.name, [given[0] ?? 'true']);
    else flags.set(flag.name, [...(flags.get(flag.name) ?? []), ...given]);
  }
  return { positionals: taken.positionals, flags };
}
