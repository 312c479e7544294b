/**
 * The arguments of `serve` from all their sources: flag > environment > config file > default. Each source says where a
 * value came from, so that an error names what the user wrote.
 */
import { ConfigError } from '../errors.ts';
import { coerce } from './coerce.ts';
import { envName, flagName } from './field.ts';
import { defaultEngineArgs, type EngineArgs, FIELDS, type FieldKey, fieldOf } from './registry.ts';

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
    const names = [envName(key), ...(field.env === undefined ? [] : [field.env])];
    const name = names.find((candidate) => env[candidate] !== undefined && env[candidate] !== '');
    if (name === undefined) continue;
    const text = env[name] ?? '';
    settings.set(key, { words: field.kind === 'strings' ? text.split(',') : [text], origin: name });
  }
  return settings;
}

/** The settings of a parsed config file; keys in kebab or snake case. Throws E_UNKNOWN_FLAG for others. */
export function settingsFromRecord(
  record: Readonly<Record<string, unknown>>,
  where: string,
): Settings {
  const settings = new Map<FieldKey, { words: readonly string[]; origin: string }>();
  for (const [name, value] of Object.entries(record)) {
    const key = keyOfFlag(name.replaceAll('_', '-'));
    if (key === null)
      throw new ConfigError(
        'E_UNKNOWN_FLAG',
        `${where}: unknown setting ${name}${suggestion(name)}`,
      );
    if (value === null || value === undefined) continue;
    settings.set(key, { words: wordsOf(value), origin: `${where}: ${name}` });
  }
  return settings;
}

function wordsOf(value: unknown): readonly string[] {
  if (Array.isArray(value)) {
    return value.every((item) => typeof item !== 'object')
      ? value.map(String)
      : [JSON.stringify(value)];
  }
  return [typeof value === 'object' ? JSON.stringify(value) : String(value)];
}

/** Later sources win. The result is frozen. */
export function resolveArgs(sources: readonly Settings[], base = defaultEngineArgs()): EngineArgs {
  const values: Record<string, unknown> = { ...base };
  for (const source of sources) {
    for (const [key, { words, origin }] of source)
      values[key] = coerce(fieldOf(key), words, origin);
  }
  return Object.freeze(values) as EngineArgs;
}

/**
 * The arguments of one rank: the common ones, changed by --engine-overrides. Throws E_UNKNOWN_FLAG or E_BAD_FLAG with the
 * rank in the message.
 */
export function argsOfRank(args: EngineArgs, rank: number): EngineArgs {
  const overrides = args.engineOverrides?.[String(rank)];
  if (overrides === undefined) return args;
  return resolveArgs(
    [settingsFromRecord(asRecord(overrides, rank), `--engine-overrides[${rank}]`)],
    args,
  );
}

/** Every rank that --engine-overrides names must be one of this command's. */
export function checkEngineOverrides(args: EngineArgs, dataParallelSize: number): void {
  for (const rank of Object.keys(args.engineOverrides ?? {})) {
    if (!/^\d+$/.test(rank) || Number(rank) >= dataParallelSize) {
      throw new ConfigError(
        'E_BAD_FLAG',
        `--engine-overrides: rank ${rank} is out of range [0, ${dataParallelSize}); name a rank of --data-parallel-size`,
      );
    }
    argsOfRank(args, Number(rank));
  }
}

function asRecord(value: unknown, rank: number): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Readonly<Record<string, unknown>>;
  throw new ConfigError(
    'E_BAD_FLAG',
    `--engine-overrides[${rank}]: must be an object of flags, e.g. {"${rank}": {"gpu": "L4"}}`,
  );
}

/** The setting of a flag in kebab case, by its name or alias; null where there is none. */
export function keyOfFlag(name: string): FieldKey | null {
  for (const [key, field] of Object.entries(FIELDS) as [FieldKey, { alias?: string }][])
    if (flagName(key) === name || field.alias === name) return key;
  return null;
}

/** ` (did you mean --x?)` for a name close to a known one, else an empty text. */
export function suggestion(name: string, others: readonly string[] = []): string {
  const wanted = name.replaceAll('_', '-').toLowerCase();
  let best: { name: string; distance: number } | null = null;
  for (const candidate of [...Object.keys(FIELDS).map(flagName), ...others]) {
    const distance = editDistance(wanted, candidate);
    if (distance <= Math.max(2, wanted.length / 4) && (best === null || distance < best.distance))
      best = { name: candidate, distance };
  }
  return best === null ? '' : ` (did you mean --${best.name}?)`;
}

/** Levenshtein's distance. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const substituted = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substituted, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
