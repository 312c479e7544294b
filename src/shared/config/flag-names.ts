/**
 * Every flag that `serve` knows, by each of its spellings: the registry's settings and the flags of vLLM that have no
 * meaning here. Source: vllm/utils/argparse_utils.py EnableDisableAction (0.33.0).
 */
import { flagName } from './field.ts';
import type { FlagArity } from './flag-arity.ts';
import { IGNORED_FLAGS, IGNORED_SHORT_NAMES } from './ignored-flags.ts';
import { FIELDS, type FieldKey, fieldOf } from './registry.ts';

export interface KnownFlag {
  /** In kebab case without dashes. */
  readonly name: string;
  readonly takes: FlagArity;
  /** Null for a flag that is no setting of ours. */
  readonly key: FieldKey | null;
  /** Turns the switch off: `no-…`, or `disable-…` for `enable-…` and the other way round. */
  readonly isNegative: boolean;
}

/** By name in kebab case, without dashes. */
export function findFlag(name: string): KnownFlag | null {
  return LONG_FLAGS.get(name) ?? null;
}

/** By letters, without the dash: `tp`. */
export function findShortFlag(letters: string): KnownFlag | null {
  return SHORT_FLAGS.get(letters) ?? null;
}

/** The long names that a suggestion may name. */
export function flagNames(): readonly string[] {
  return [...LONG_FLAGS.values()].filter(({ isNegative }) => !isNegative).map(({ name }) => name);
}

function buildLongFlags(): ReadonlyMap<string, KnownFlag> {
  const flags = new Map<string, KnownFlag>();
  const add = (name: string, takes: FlagArity, key: FieldKey | null): void => {
    flags.set(name, { name, takes, key, isNegative: false });
  };
  for (const [name, { takes }] of Object.entries(IGNORED_FLAGS)) add(name, takes, null);
  for (const key of Object.keys(FIELDS) as FieldKey[]) {
    const { kind, alias } = fieldOf(key);
    const isList = kind === 'strings' || kind === 'ints';
    const takes = kind === 'bool' ? 'switch' : isList ? 'list' : 'value';
    add(flagName(key), takes, key);
    if (alias !== undefined) add(alias, takes, key);
  }
  for (const flag of [...flags.values()]) {
    if (flag.takes !== 'switch') continue;
    for (const name of negationsOf(flag.name))
      if (!flags.has(name)) flags.set(name, { ...flag, isNegative: true });
  }
  return flags;
}

function negationsOf(name: string): readonly string[] {
  const negations = [`no-${name}`];
  if (name.startsWith('enable-')) negations.push(name.replace('enable-', 'disable-'));
  if (name.startsWith('disable-')) negations.push(name.replace('disable-', 'enable-'));
  return negations;
}

function buildShortFlags(long: ReadonlyMap<string, KnownFlag>): ReadonlyMap<string, KnownFlag> {
  const flags = new Map<string, KnownFlag>();
  const add = (letters: string, name: string): void => {
    const flag = long.get(name);
    if (flag !== undefined) flags.set(letters, flag);
  };
  for (const [letters, name] of Object.entries(IGNORED_SHORT_NAMES)) add(letters, name);
  for (const key of Object.keys(FIELDS) as FieldKey[]) {
    const { short } = fieldOf(key);
    if (short !== undefined) add(short, flagName(key));
  }
  return flags;
}

const LONG_FLAGS = buildLongFlags();
const SHORT_FLAGS = buildShortFlags(LONG_FLAGS);
