/**
 * Splits a command line into settings: yargs-parser tells values from flags, the registry knows the names. Spellings that
 * vLLM's parser takes are taken here: underscores, `--flag=value`, short names, `--no-`, `--disable-`, dotted JSON keys.
 * Source: vllm/utils/argparse_utils.py FlexibleArgumentParser (0.33.0).
 */
import yargsParser from 'yargs-parser';
import { flagName } from '../shared/config/field.ts';
import { IGNORED_LISTS, IGNORED_SWITCHES, IGNORED_VALUES } from '../shared/config/ignored-flags.ts';
import { FIELDS, type FieldKey, fieldOf } from '../shared/config/registry.ts';
import { keyOfFlag, type Settings, suggestion } from '../shared/config/resolve-args.ts';
import { ConfigError } from '../shared/errors.ts';

/** Flags that a command has beyond the registry's, in kebab case. */
export interface CommandFlags {
  readonly switches: readonly string[];
  readonly values: readonly string[];
  readonly lists: readonly string[];
}

export interface SplitWords {
  readonly positionals: readonly string[];
  readonly settings: Settings;
  /** The command's own flags: true, or the words given. */
  readonly own: ReadonlyMap<string, readonly string[]>;
  /** vLLM flags that have no meaning here, as written. */
  readonly ignored: readonly string[];
}

export const NO_COMMAND_FLAGS: CommandFlags = { switches: [], values: [], lists: [] };

/** Throws E_UNKNOWN_FLAG with a suggestion, or E_BAD_FLAG for a flag without its value. */
export function splitWords(words: readonly string[], command: CommandFlags): SplitWords {
  const dotted = new Map<string, Record<string, unknown>>();
  const normalized = normalizeWords(words, command, dotted);
  const known = knownFlags(command);
  const parsed = yargsParser([...normalized], {
    boolean: [...known.switches],
    string: [...known.values],
    array: [...known.lists],
    configuration: {
      'boolean-negation': false,
      'camel-case-expansion': false,
      'dot-notation': false,
      'duplicate-arguments-array': true,
      'greedy-arrays': true,
      'parse-numbers': false,
      'parse-positional-numbers': false,
      'short-option-groups': false,
    },
  });
  const settings = new Map<FieldKey, { words: readonly string[]; origin: string }>();
  const own = new Map<string, readonly string[]>();
  const ignored: string[] = [];
  for (const [name, value] of Object.entries(parsed)) {
    if (name === '_' || value === undefined) continue;
    const given = wordsOf(value);
    if ([...command.switches, ...command.values, ...command.lists].includes(name))
      own.set(name, given);
    else if (isIgnored(name)) ignored.push(`--${name}`);
    else {
      const key = keyOfFlag(name);
      if (key === null) throw unknownFlag(`--${name}`, command);
      settings.set(key, { words: given, origin: `--${name}` });
    }
  }
  for (const [name, value] of dotted) {
    const key = keyOfFlag(name);
    if (key !== null) settings.set(key, { words: [JSON.stringify(value)], origin: `--${name}` });
  }
  return { positionals: parsed._.map(String), settings, own, ignored };
}

function wordsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map(String) : [String(value)];
}

function knownFlags(command: CommandFlags): CommandFlags {
  const switches = [...IGNORED_SWITCHES, ...command.switches];
  const values = [...IGNORED_VALUES, ...command.values];
  const lists = [...IGNORED_LISTS, ...command.lists];
  for (const key of Object.keys(FIELDS) as FieldKey[]) {
    const { kind, alias } = fieldOf(key);
    const target = kind === 'bool' ? switches : kind === 'strings' ? lists : values;
    target.push(flagName(key));
    if (alias !== undefined) target.push(alias);
  }
  return { switches, values, lists };
}

function isIgnored(name: string): boolean {
  return [...IGNORED_SWITCHES, ...IGNORED_VALUES, ...IGNORED_LISTS].includes(name);
}

/** One spelling per flag; dotted JSON keys move into `dotted`. */
function normalizeWords(
  words: readonly string[],
  command: CommandFlags,
  dotted: Map<string, Record<string, unknown>>,
): readonly string[] {
  const normalized: string[] = [];
  for (let index = 0; index < words.length; index += 1) {
    const word = words[index] ?? '';
    if (word === '--')
      throw new ConfigError('E_BAD_FLAG', "'--' has no meaning here; leave it out");
    const match = /^--([A-Za-z][^=]*)(=([\s\S]*))?$/.exec(word) ?? shortFlag(word);
    if (match === null) {
      normalized.push(word);
      continue;
    }
    const name = (match[1] ?? '').replaceAll('_', '-');
    const inline = match[2] === undefined ? undefined : (match[3] ?? '');
    const [stem = '', ...path] = name.split('.');
    if (path.length > 0 && isJson(stem)) {
      index += inline === undefined ? 1 : 0;
      setDotted(dotted, stem, (match[1] ?? '').split('.').slice(1), inline ?? words[index]);
      continue;
    }
    normalized.push(...spell(name, inline, command));
  }
  return normalized;
}

function shortFlag(word: string): RegExpExecArray | null {
  const match = /^-([a-z]+)(=([\s\S]*))?$/i.exec(word);
  if (match === null) return null;
  const key = (Object.keys(FIELDS) as FieldKey[]).find((k) => fieldOf(k).short === match[1]);
  if (key === undefined)
    throw new ConfigError('E_UNKNOWN_FLAG', `unknown flag ${word}; see --help`);
  match[1] = flagName(key);
  return match;
}

function isJson(name: string): boolean {
  const key = keyOfFlag(name);
  return key !== null && fieldOf(key).kind === 'json';
}

function setDotted(
  dotted: Map<string, Record<string, unknown>>,
  stem: string,
  path: readonly string[],
  word: string | undefined,
): void {
  if (word === undefined)
    throw new ConfigError('E_BAD_FLAG', `--${stem}.${path.join('.')}: expects a value`);
  const root = dotted.get(stem) ?? {};
  dotted.set(stem, root);
  let node = root;
  for (const part of path.slice(0, -1)) {
    const next = node[part];
    const child =
      typeof next === 'object' && next !== null ? (next as Record<string, unknown>) : {};
    node[part] = child;
    node = child;
  }
  node[path.at(-1) ?? ''] = parseScalar(word);
}

function parseScalar(word: string): unknown {
  try {
    return JSON.parse(word);
  } catch {
    return word;
  }
}

/** The canonical words of one flag: negations become `--name=false`. */
function spell(name: string, inline: string | undefined, command: CommandFlags): readonly string[] {
  const known = knownFlags(command);
  if (known.switches.includes(name)) return [`--${name}=${inline ?? 'true'}`];
  const positive = positiveOf(name, known.switches);
  if (positive !== null) return [`--${positive}=false`];
  if (!known.values.includes(name) && !known.lists.includes(name))
    throw unknownFlag(`--${name}`, command);
  return inline === undefined ? [`--${name}`] : [`--${name}`, inline];
}

function positiveOf(name: string, switches: readonly string[]): string | null {
  const candidates: string[] = [];
  if (name.startsWith('no-')) candidates.push(name.slice(3));
  if (name.startsWith('disable-')) candidates.push(`enable-${name.slice(8)}`);
  if (name.startsWith('enable-')) candidates.push(`disable-${name.slice(7)}`);
  return candidates.find((candidate) => switches.includes(candidate)) ?? null;
}

function unknownFlag(flag: string, command: CommandFlags): ConfigError {
  const known = [...IGNORED_SWITCHES, ...IGNORED_VALUES, ...IGNORED_LISTS];
  const others = [...command.switches, ...command.values, ...command.lists, ...known];
  return new ConfigError(
    'E_UNKNOWN_FLAG',
    `unknown flag ${flag}${suggestion(flag.slice(2), others)}; see --help`,
  );
}
