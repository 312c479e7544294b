/** The arguments that `serve` and `explain` share, from the command line, the environment and the config file. */
import { readFileSync } from 'node:fs';
import { checkEngineOverrides } from '../../shared/config/engine-overrides.ts';
import { ENV_PREFIX, flagName } from '../../shared/config/field.ts';
import {
  type EngineArgs,
  FIELD_GROUPS,
  FIELDS,
  type FieldKey,
  fieldOf,
} from '../../shared/config/registry.ts';
import {
  type RecordSettings,
  resolveArgs,
  type Settings,
  settingsFromEnv,
  settingsFromRecord,
  unknownEnvNames,
} from '../../shared/config/resolve-args.ts';
import { closestName } from '../../shared/config/suggestion.ts';
import { ConfigError } from '../../shared/errors.ts';
import type { FlagGroup } from '../command.ts';
import { type CommandFlags, type SplitWords, splitWords } from './split-words.ts';

export interface ServeArgs {
  readonly args: EngineArgs;
  readonly split: SplitWords;
  /** Notes for the log: flags that have no meaning here. */
  readonly notes: readonly string[];
}

/** Flag > environment > config file > default. The model may stand first, without a flag. */
export async function readServeArgs(
  words: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  command: CommandFlags,
): Promise<ServeArgs> {
  const own = { ...command, values: [...command.values, 'config'] };
  const split = splitWords(words, own);
  const [model, extra] = split.positionals;
  if (extra !== undefined && !command.lists.includes('compare'))
    throw new ConfigError(
      'E_BAD_FLAG',
      `unexpected word '${extra}': one model at a time, and flags start with --`,
    );
  const flags = new Map(split.settings);
  if (model !== undefined) {
    if (flags.has('model'))
      throw new ConfigError(
        'E_BAD_FLAG',
        `the model is given twice: '${model}' and --model; give it once`,
      );
    flags.set('model', { words: [model], origin: 'MODEL' });
  }
  const config = await readConfigFile(split.own.get('config')?.at(-1));
  const sources: Settings[] = [config.settings, settingsFromEnv(env), flags];
  const args = resolveArgs(sources);
  checkEngineOverrides(args, args.dataParallelSize);
  const ignored = [...split.ignored, ...config.ignored];
  const notes = [
    ...ignored.map((flag) => `${flag} is vLLM's, and has no effect in a simulation`),
    ...split.repeated.map((flag) => `Found duplicate keys ${flag}: the last one counts`),
    ...unknownEnvNames(env).map(noteOnEnvName),
  ];
  return { args, split, notes };
}

function noteOnEnvName(name: string): string {
  const setting = name.slice(ENV_PREFIX.length).toLowerCase();
  const best = closestName(setting, (Object.keys(FIELDS) as FieldKey[]).map(flagName));
  const hint =
    best === null ? '' : ` (did you mean ${ENV_PREFIX}${best.replaceAll('-', '_').toUpperCase()}?)`;
  return `${name} in the environment is no setting${hint}`;
}

async function readConfigFile(path: string | undefined): Promise<RecordSettings> {
  if (path === undefined) return { settings: new Map(), ignored: [] };
  const { parse } = await import('yaml');
  let parsed: unknown;
  try {
    parsed = parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    const reason = cause instanceof Error ? (cause.message.split('\n')[0] ?? '') : String(cause);
    throw new ConfigError('E_BAD_FILE', `--config ${path}: cannot be read as YAML (${reason})`, {
      cause,
    });
  }
  if (parsed === null) return { settings: new Map(), ignored: [] };
  if (typeof parsed !== 'object' || Array.isArray(parsed))
    throw new ConfigError(
      'E_BAD_FILE',
      `--config ${path}: must be a map of flags, e.g. max-model-len: 8192`,
    );
  return settingsFromRecord(parsed as Record<string, unknown>, path);
}

/** The registry's flags for a help page, with bounds and defaults. */
export function registryFlagGroups(): readonly FlagGroup[] {
  return Object.entries(FIELD_GROUPS).map(([title, fields]) => ({
    title,
    flags: (Object.keys(fields) as FieldKey[]).map((key) => ({
      flag: `--${flagName(key)}`,
      doc: describeField(key),
    })),
  }));
}

function describeField(key: FieldKey): string {
  const { doc, choices, defaultValue, env } = fieldOf(key);
  const parts = [doc];
  if (choices !== undefined) parts.push(`One of ${choices.join(', ')}.`);
  const isEmpty =
    defaultValue === null || (Array.isArray(defaultValue) && defaultValue.length === 0);
  if (!isEmpty)
    parts.push(`[${Array.isArray(defaultValue) ? JSON.stringify(defaultValue) : defaultValue}]`);
  if (env !== undefined) parts.push(`(${env})`);
  return parts.join(' ');
}
