/** The command line of `serve` and `explain` into settings: the flag table knows the names. */
import {
  type FlagArity,
  findFlag,
  findShortFlag,
  flagNames,
  type KnownFlag,
} from '../../shared/config/flag-names.ts';
import { type FieldKey, fieldOf } from '../../shared/config/registry.ts';
import type { Settings } from '../../shared/config/resolve-args.ts';
import { suggestion } from '../../shared/config/suggestion.ts';
import { ConfigError } from '../../shared/errors.ts';
import { DottedKeys } from './dotted-keys.ts';
import { type TakenFlag, takeFlags } from './flag-words.ts';

/** Flags that a command has beyond the registry's, in kebab case. */
export interface CommandFlags {
  readonly switches: readonly string[];
  readonly values: readonly string[];
  readonly lists: readonly string[];
}

export interface SplitWords {
  readonly positionals: readonly string[];
  readonly settings: Settings;
  /** The command's own flags: ['true'] for a switch, or the words given. */
  readonly own: ReadonlyMap<string, readonly string[]>;
  /** vLLM flags that have no meaning here, as written. */
  readonly ignored: readonly string[];
  /** Flags of which only the last word counts, since they are given more than once. */
  readonly repeated: readonly string[];
}

export const NO_COMMAND_FLAGS: CommandFlags = { switches: [], values: [], lists: [] };

/** One of the command's own flags, or one of the table. */
type ServeFlag = KnownFlag | { readonly takes: FlagArity; readonly own: string };

/** Throws E_UNKNOWN_FLAG with a suggestion, or E_BAD_FLAG for a flag without its value. */
export function splitWords(words: readonly string[], command: CommandFlags): SplitWords {
  const { positionals, flags } = takeFlags(words, (written) => findServeFlag(written, command));
  const settings = new Map<FieldKey, { words: readonly string[]; origin: string }>();
  const own = new Map<string, readonly string[]>();
  const dotted = new DottedKeys();
  const ignored = new Set<string>();
  const repeated = new Set<string>();
  for (const taken of flags) {
    const { flag, written } = taken;
    if ('own' in flag) {
      const given = flag.takes === 'switch' ? ['true'] : taken.words;
      own.set(flag.own, [...(flag.takes === 'switch' ? [] : (own.get(flag.own) ?? [])), ...given]);
    } else if (flag.key === null) ignored.add(written);
    else if (taken.path.length > 0) {
      if (fieldOf(flag.key).kind !== 'json')
        throw new ConfigError('E_BAD_FLAG', `${written}: takes no keys, it is not JSON`);
      dotted.add(flag.key, taken);
    } else {
      if (settings.has(flag.key)) repeated.add(written);
      settings.set(flag.key, { words: wordsOf(taken, flag), origin: written });
    }
  }
  for (const [key, value] of dotted.values) settings.set(key, value);
  return { positionals, settings, own, ignored: [...ignored], repeated: [...repeated] };
}

function wordsOf(taken: TakenFlag<ServeFlag>, flag: KnownFlag): readonly string[] {
  if (flag.takes !== 'switch') return taken.words;
  if (!flag.isNegative) return taken.words.length > 0 ? taken.words : ['true'];
  if (taken.words.length > 0)
    throw new ConfigError('E_BAD_FLAG', `${taken.written}: takes no value`);
  return ['false'];
}

function findServeFlag(written: string, command: CommandFlags): ServeFlag {
  if (!written.startsWith('--')) {
    const flag = findShortFlag(written.slice(1));
    if (flag !== null) return flag;
    throw new ConfigError('E_UNKNOWN_FLAG', `unknown flag ${written}; see --help`);
  }
  const name = written.slice(2);
  const flag = findOwnFlag(name, command) ?? findFlag(name);
  if (flag !== null) return flag;
  const candidates = [...flagNames(), ...command.switches, ...command.values, ...command.lists];
  throw new ConfigError(
    'E_UNKNOWN_FLAG',
    `unknown flag ${written}${suggestion(name, candidates)}; see --help`,
  );
}

function findOwnFlag(name: string, command: CommandFlags): ServeFlag | null {
  if (command.switches.includes(name)) return { takes: 'switch', own: name };
  if (command.values.includes(name)) return { takes: 'value', own: name };
  return command.lists.includes(name) ? { takes: 'list', own: name } : null;
}
