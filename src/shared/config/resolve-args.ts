/**
 * The arguments of `serve` from all their sources: flag > environment > config file > default. Each source says where a
 * value came from, so that an error names what the user wrote.
 */
import { ConfigError } from '../errors.ts';
import { coerce } from './coerce.ts';
import { ENV_PREFIX, envName, flagName } from './field.ts';
import { findFlag, flagNames, type KnownFlag } from './flag-names.ts';
import { type IgnoredGiven, takeIgnored } from './ignored-values.ts';
import { defaultEngineArgs, type EngineArgs, FIELDS, type FieldKey, fieldOf } from './registry.ts';
import { suggestion } from './suggestion.ts';

/** What one source says: words by setting. */
export type Settings = ReadonlyMap<
  FieldKey,
  { readonly words: readonly string[]; readonly origin: string }
>;

/** The settings that the environment has: VLLM_TWIN_<NAME>, or vLLM's own variable. */
export function settingsFromEnv(env: Readonly<Record<string, string | undefined>>): Settings {
  const settings = new Map<FieldKey, { words: readonly string[]; origin: string }>();
  for (const key of Object.keys(FIELDS) as FieldKey[]) {
    const field = fieldOf(key);
    const ours = env[envName(key)] ?? '';
    const vllms = field.env === undefined ? '' : (env[field.env] ?? '');
    if (ours !== '') {
      const words = ['strings', 'ints'].includes(field.kind) ? ours.split(',') : [ours];
      settings.set(key, { words, origin: envName(key) });
    } else if (field.env !== undefined && vllms !== '')
      settings.set(key, { words: [vllms], origin: field.env });
  }
  return settings;
}

/** Variables that are called like settings and are none: a misspelt one would otherwise go unnoticed. */
export function unknownEnvNames(
  env: Readonly<Record<string, string | undefined>>,
): readonly string[] {
  const known = new Set((Object.keys(FIELDS) as FieldKey[]).map(envName));
  return Object.keys(env).filter((name) => name.startsWith(ENV_PREFIX) && !known.has(name));
}

export interface RecordSettings {
  readonly settings: Settings;
  /** vLLM's flags that are no setting of ours. */
  readonly ignored: readonly IgnoredGiven[];
}

/** The settings of a config file or an override; keys in kebab or snake case. Throws E_UNKNOWN_FLAG for others. */
export function settingsFromRecord(
  record: Readonly<Record<string, unknown>>,
  where: string,
): RecordSettings {
  const settings = new Map<FieldKey, { words: readonly string[]; origin: string }>();
  const ignored: IgnoredGiven[] = [];
  for (const [name, value] of Object.entries(record)) {
    const flag = findFlag(name.replaceAll('_', '-'));
    if (flag === null)
      throw new ConfigError(
        'E_UNKNOWN_FLAG',
        `${where}: unknown setting ${name}${suggestion(name, flagNames())}`,
      );
    if (value === null || value === undefined) continue;
    const origin = `${where}: ${name}`;
    if (flag.key === null) {
      const given = takeIgnored(flag, wordsOf(flag, value, origin), origin);
      ignored.push({ ...given, written: name });
    } else {
      settings.set(flag.key, { words: wordsOf(flag, value, origin), origin });
    }
  }
  return { settings, ignored };
}

function wordsOf(flag: KnownFlag, value: unknown, origin: string): readonly string[] {
  if (flag.isNegative && typeof value === 'boolean') return [String(!value)];
  const isText = flag.key !== null && ['string', 'strings'].includes(fieldOf(flag.key).kind);
  const word = isText ? (item: unknown) => textWordOf(item, origin) : wordOf;
  return flag.takes === 'list' && Array.isArray(value) ? value.map(word) : [word(value)];
}

function wordOf(value: unknown): string {
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/** Any word is a text, so that a list or a map has to be refused here. */
function textWordOf(value: unknown, origin: string): string {
  if (typeof value !== 'object') return String(value);
  throw new ConfigError(
    'E_BAD_FLAG',
    `${origin}: expected one value, got ${JSON.stringify(value)}`,
  );
}

/** Later sources win. The result is frozen. */
export function resolveArgs(sources: readonly Settings[], base = defaultEngineArgs()): EngineArgs {
  const values: Record<string, unknown> = { ...base };
  for (const source of sources) {
    for (const [key, { words, origin }] of source)
      values[key] = coerce(fieldOf(key), words, origin);
  }
  return Object.freeze(withSpeculation(values as EngineArgs));
}

/**
 * --spec-method, --spec-model and --spec-tokens are keys of --speculative-config, one flag each.
 * Source: vllm/engine/arg_utils.py EngineArgs.create_speculative_config (0.33.0).
 */
function withSpeculation(args: EngineArgs): EngineArgs {
  const shorthands = [
    ['specMethod', 'method'],
    ['specModel', 'model'],
    ['specTokens', 'num_speculative_tokens'],
  ] as const;
  const isGiven = shorthands.some(([field]) => args[field] !== null);
  if (args.speculativeConfig === null && !isGiven) return args;
  const given = Object.entries(args.speculativeConfig ?? {});
  const config = Object.fromEntries(given.map(([key, value]) => [key.replaceAll('-', '_'), value]));
  for (const [field, key] of shorthands) {
    if (args[field] === null) continue;
    if (Object.hasOwn(config, key))
      throw new ConfigError(
        'E_BAD_FLAG',
        `--${flagName(field)} and --speculative-config['${key}'] are mutually exclusive`,
      );
    config[key] = args[field];
  }
  return {
    ...args,
    speculativeConfig: config,
    specMethod: null,
    specModel: null,
    specTokens: null,
  };
}
