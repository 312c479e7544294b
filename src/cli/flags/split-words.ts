/** The command line of `serve` and `explain` into settings: the flag table knows the names. */
import type { FlagArity } from '../../shared/config/flag-arity.ts';
import {
  findFlag,
  findShortFlag,
  flagNames,
  type KnownFlag,
} from '../../shared/config/flag-names.ts';
import { type IgnoredGiven, takeIgnored } from '../../shared/config/ignored-values.ts';
import { type FieldKey, fieldOf } from '../../shared/config/registry.ts';
import type { Settings } from '../../shared/config/resolve-args.ts';
import { suggestion } from '../../shared/config/suggestion.ts';
import { ConfigError } from '../../shared/errors.ts';
import type { CommandFlag } from '../command.ts';
import { DottedKeys } from './dotted-keys.ts';
import { type TakenFlag, takeFlags } from './flag-words.ts';

export interface SplitWords {
  readonly positionals: readonly string[];
  readonly settings: Settings;
  /** The command's own flags: ['true'] for a switch, or the words given. */
  readonly own: ReadonlyMap<string, readonly string[]>;
  /** vLLM's flags that are no setting of ours, once each. */
  readonly ignored: readonly IgnoredGiven[];
  /** Flags of which only the last word counts, since they are given more than once. */
  readonly repeated: readonly string[];
}

/** One of the command's own flags, or one of the table. */
type ServeFlag = KnownFlag | { readonly takes: FlagArity; readonly own: string };

/** A flag that a command has beyond the registry's. */
export type OwnFlag = Pick<CommandFlag, 'name' | 'takes'>;

/** Throws E_UNKNOWN_FLAG with a suggestion, or E_BAD_FLAG for a flag without its value. */
export function splitWords(words: readonly string[], own: readonly OwnFlag[] = []): SplitWords {
  const { positionals, flags } = takeFlags(words, (written) => findServeFlag(written, own));
  const settings = new Map<FieldKey, { words: readonly string[]; origin: string }>();
  const ownWords = new Map<string, readonly string[]>();
  const dotted = new DottedKeys();
  const ignored = new Map<string, IgnoredGiven>();
  const repeated = new Set<string>();
  for (const taken of flags) {
    const { flag, written } = taken;
    if ('own' in flag) {
      const given = flag.takes === 'switch' ? ['true'] : taken.words;
      const before = flag.takes === 'switch' ? [] : (ownWords.get(flag.own) ?? []);
      ownWords.set(flag.own, [...before, ...given]);
    } else if (flag.key === null) ignored.set(written, ignoredOf(taken, flag));
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
  return {
    positionals,
    settings,
    own: ownWords,
    ignored: [...ignored.values()],
    repeated: [...repeated],
  };
}

/** Keys of JSON may hold anything, so that only whole values are checked. */
function ignoredOf(taken: TakenFlag<ServeFlag>, flag: KnownFlag): IgnoredGiven {
  const words = taken.path.length > 0 ? ['{}'] : taken.words;
  return takeIgnored(flag, words, taken.written);
}

function wordsOf(taken: TakenFlag<ServeFlag>, flag: KnownFlag): readonly string[] {
  if (flag.takes !== 'switch') return taken.words;
  if (!flag.isNegative) return taken.words.length > 0 ? taken.words : ['true'];
  if (taken.words.length > 0)
    throw new ConfigError('E_BAD_FLAG', `${taken.written}: takes no value`);
  return ['false'];
}

function findServeFlag(written: string, own: readonly OwnFlag[]): ServeFlag {
  if (!written.startsWith('--')) {
    const flag = findShortFlag(written.slice(1));
    if (flag !== null) return flag;
    throw new ConfigError('E_UNKNOWN_FLAG', `unknown flag ${written}; see --help`);
  }
  const name = written.slice(2);
  const ownFlag = own.find((flag) => flag.name === name);
  if (ownFlag !== undefined) return { takes: ownFlag.takes, own: name };
  const flag = findFlag(name);
  if (flag !== null) return flag;
  const candidates = [...flagNames(), ...own.map((known) => known.name)];
  throw new ConfigError(
    'E_UNKNOWN_FLAG',
    `unknown flag ${written}${suggestion(name, candidates)}; see --help`,
  );
}
