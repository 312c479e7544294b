/** Splits the words of a command that has only flags of its own. */
import yargsParser from 'yargs-parser';
import { ConfigError } from '../shared/errors.ts';
import type { CommandFlags } from './split-words.ts';

export interface OwnFlags {
  readonly positionals: readonly string[];
  readonly flags: ReadonlyMap<string, readonly string[]>;
}

/** Throws E_UNKNOWN_FLAG for a flag that the command does not have, E_BAD_FLAG for one without its value. */
export function parseOwnFlags(
  words: readonly string[],
  { switches, values, lists }: CommandFlags,
  command: string,
): OwnFlags {
  const parsed = yargsParser([...words], {
    boolean: [...switches],
    string: [...values],
    array: [...lists],
    configuration: {
      'boolean-negation': false,
      'camel-case-expansion': false,
      'duplicate-arguments-array': true,
      'parse-numbers': false,
      'parse-positional-numbers': false,
    },
  });
  const flags = new Map<string, readonly string[]>();
  for (const [name, value] of Object.entries(parsed)) {
    if (name === '_' || value === undefined) continue;
    if (![...switches, ...values, ...lists].includes(name)) {
      throw new ConfigError(
        'E_UNKNOWN_FLAG',
        `${command}: unknown flag --${name}; it takes ${[...switches, ...values, ...lists].map((flag) => `--${flag}`).join(', ')}`,
      );
    }
    const given = Array.isArray(value) ? value.map(String) : [String(value)];
    if (given.some((word) => word === ''))
      throw new ConfigError('E_BAD_FLAG', `--${name}: expects a value`);
    flags.set(name, given);
  }
  return { positionals: parsed._.map(String), flags };
}
