/**
 * Words of a command line into flags and positionals, by argparse's rules: what a flag takes says how many of the words
 * behind it are its own. Spellings: underscores for dashes, `--flag=value`, `-q8`, dotted keys of JSON flags.
 * Source: vllm/utils/argparse_utils.py FlexibleArgumentParser.parse_args (0.33.0). Leaves out: abbreviated flags.
 */
import type { FlagArity } from '../../shared/config/flag-arity.ts';
import { ConfigError } from '../../shared/errors.ts';

export interface FlagShape {
  readonly takes: FlagArity;
}

/** A flag as it stands on the command line. */
export interface TakenFlag<F extends FlagShape> {
  readonly flag: F;
  /** Its name as written, with dashes: for messages. */
  readonly written: string;
  readonly words: readonly string[];
  /** `--json-flag.a.b value`: ['a', 'b']. */
  readonly path: readonly string[];
  /** `--json-flag.a+ x,y`: elements for a list. */
  readonly isAppended: boolean;
}

export interface TakenWords<F extends FlagShape> {
  readonly positionals: readonly string[];
  readonly flags: readonly TakenFlag<F>[];
}

/** `find` gets a name with its dashes and underscores made dashes, and throws for one that it does not know. */
export function takeFlags<F extends FlagShape>(
  words: readonly string[],
  find: (written: string) => F,
): TakenWords<F> {
  const positionals: string[] = [];
  const flags: TakenFlag<F>[] = [];
  for (let index = 0; index < words.length; index += 1) {
    const word = words[index] ?? '';
    if (word === '--') {
      positionals.push(...words.slice(index + 1));
      break;
    }
    if (!isFlagWord(word)) {
      positionals.push(word);
      continue;
    }
    const { name, inline } = splitInline(word);
    const [stem = '', ...path] = name.split('.');
    const written = stem.startsWith('--') ? `--${stem.slice(2).replaceAll('_', '-')}` : stem;
    const flag = find(written);
    const takes = path.length > 0 ? 'value' : flag.takes;
    const behind = inline === null ? wordsBehind(words, index + 1, takes) : [];
    index += behind.length;
    const own = inline === null ? behind : [inline];
    const dotted = path.length === 0 ? written : `${written}.${path.join('.')}`;
    if (own.length === 0 && (takes === 'value' || takes === 'list'))
      throw new ConfigError('E_BAD_FLAG', `${dotted}: expects a value`);
    flags.push({ flag, written, words: own, ...jsonPath(path) });
  }
  return { positionals, flags };
}

/** argparse's rule: negative numbers and texts with spaces are values, not flags. */
function isFlagWord(word: string): boolean {
  return /^-[^\s=]+(=|$)/.test(word) && !/^-(\d+|\d*\.\d+)$/.test(word);
}

function splitInline(word: string): { name: string; inline: string | null } {
  const at = word.indexOf('=');
  if (at >= 0) return { name: word.slice(0, at), inline: word.slice(at + 1) };
  // -q8, -O3: one letter with its value attached.
  const attached = /^-([qnrO])([^-].*)$/.exec(word);
  if (attached !== null) return { name: `-${attached[1]}`, inline: attached[2] ?? '' };
  return { name: word, inline: null };
}

function wordsBehind(words: readonly string[], start: number, takes: FlagArity): readonly string[] {
  if (takes === 'switch') return [];
  const max = takes === 'list' ? words.length : start + 1;
  let end = start;
  while (end < Math.min(max, words.length) && !isFlagWord(words[end] ?? '') && words[end] !== '--')
    end += 1;
  return words.slice(start, end);
}

function jsonPath(path: readonly string[]): { path: readonly string[]; isAppended: boolean } {
  const last = path.at(-1);
  if (last?.endsWith('+') !== true) return { path, isAppended: false };
  return { path: [...path.slice(0, -1), last.slice(0, -1)], isAppended: true };
}
