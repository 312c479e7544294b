/** Splits the words of a command that has only flags of its own. */
import type { FlagArity } from '../../shared/config/flag-names.ts';
import { suggestion } from '../../shared/config/suggestion.ts';
import { ConfigError } from '../../shared/errors.ts';
import { takeFlags } from './flag-words.ts';
import type { CommandFlags } from './split-words.ts';

export interface OwnFlags {
  readonly positionals: readonly string[];
  /** ['true'] for a switch, or all words given. */
  readonly flags: ReadonlyMap<string, readonly string[]>;
}

/** Throws E_UNKNOWN_FLAG for a flag that the command does not have, E_BAD_FLAG for one without its value. */
export function parseOwnFlags(
  words: readonly string[],
  { switches, values, lists }: CommandFlags,
  command: string,
): OwnFlags {
  const arities = new Map<string, FlagArity>();
  for (const name of switches) arities.set(name, 'switch');
  for (const name of values) arities.set(name, 'value');
  for (const name of lists) arities.set(name, 'list');
  const find = (written: string): { name: string; takes: FlagArity } => {
    const name = written.replace(/^--?/, '');
    const takes = arities.get(name);
    if (takes !== undefined && written.startsWith('--')) return { name, takes };
    const names = [...arities.keys()];
    const hint = suggestion(name, names) || `; it takes ${names.map((n) => `--${n}`).join(', ')}`;
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
