/**
 * The words of a flag that is no setting of ours, checked as vLLM's parser checks them: a command line that vLLM refuses is
 * refused here. Source: vllm/engine/arg_utils.py optional_type, union_dict_and_str, get_kwargs (0.33.0).
 */
import { ConfigError } from '../errors.ts';
import { coerce } from './coerce.ts';
import type { Field, FieldKind } from './field.ts';
import { classOf } from './flag-classes.ts';
import type { KnownFlag } from './flag-names.ts';
import { IGNORED_FLAGS, type IgnoredFlag } from './ignored-flags.ts';

/** A flag that was given and changes no setting. */
export interface IgnoredGiven {
  /** As the user wrote it: with dashes, or a key of a file. */
  readonly written: string;
  /** What vLLM would do with it; null where it does nothing that a client could see. */
  readonly changes: string | null;
}

/** Throws E_BAD_FLAG for a value that vLLM's parser refuses. `origin` names the flag in the message. */
export function takeIgnored(
  flag: KnownFlag,
  words: readonly string[],
  origin: string,
): IgnoredGiven {
  const known = ignoredFlagOf(flag);
  if (known === null) return { written: origin, changes: null };
  const { name, ignored } = known;
  const isChanged =
    flag.takes === 'switch'
      ? isSwitchedFrom(flag, ignored, words)
      : words.map((word) => takeWord(ignored, word, origin)).includes(true);
  const found = classOf(name);
  const changes = isChanged && found?.kind === 'unsimulated' ? found.changes : null;
  return { written: origin, changes };
}

/** A switch may be written as its negation. */
function ignoredFlagOf({ name }: KnownFlag): { name: string; ignored: IgnoredFlag } | null {
  const positives = [
    name,
    name.replace(/^no-/, ''),
    name.replace(/^disable-/, 'enable-'),
    name.replace(/^enable-/, 'disable-'),
  ];
  const positive = positives.find((candidate) => Object.hasOwn(IGNORED_FLAGS, candidate));
  const ignored = positive === undefined ? undefined : IGNORED_FLAGS[positive];
  return positive === undefined || ignored === undefined ? null : { name: positive, ignored };
}

function isSwitchedFrom(
  { isNegative }: KnownFlag,
  { defaultValue }: IgnoredFlag,
  [word]: readonly string[],
): boolean {
  const isOn = (word === undefined || word.toLowerCase() === 'true') !== isNegative;
  return isOn !== (defaultValue === 'true');
}

const UNBOUNDED = { defaultValue: null, doc: '' } as const;

/** True where the value is not as if nothing were given. */
function takeWord(ignored: IgnoredFlag, given: string, origin: string): boolean {
  const { kind = 'string', choices, defaultValue, isFolded } = ignored;
  const word = isFolded === true ? given.toLowerCase().replaceAll('-', '_') : given;
  if (choices !== undefined && !choices.includes(word))
    throw new ConfigError(
      'E_BAD_FLAG',
      `${origin} '${given}': must be one of ${choices.join(', ')}`,
    );
  if (word === '' || word === 'None') return false;
  const shape = shapeOf(kind, word);
  if (shape !== null) coerce(shape, [word], origin);
  if (defaultValue === undefined) return true;
  return kind === 'int' || kind === 'float'
    ? Number(word) !== Number(defaultValue)
    : word !== defaultValue;
}

/** Null where any word will do. */
function shapeOf(kind: NonNullable<IgnoredFlag['kind']>, word: string): Field<unknown> | null {
  if (kind === 'string') return null;
  if (kind !== 'json_or_string') return { ...UNBOUNDED, kind: kind satisfies FieldKind };
  return /^\s*\{.*\}\s*$/s.test(word) ? { ...UNBOUNDED, kind: 'json' } : null;
}
