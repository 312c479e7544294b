/** The arguments that `serve` and `explain` share, from the command line, the environment and the config file. */
import { readFileSync } from 'node:fs';
import { envName, flagName } from '../shared/config/field.ts';
import {
  type EngineArgs,
  FIELD_GROUPS,
  type FieldKey,
  fieldOf,
} from '../shared/config/registry.ts';
import {
  checkEngineOverrides,
  resolveArgs,
  type Settings,
  settingsFromEnv,
  settingsFromRecord,
} from '../shared/config/resolve-args.ts';
import { ConfigError } from '../shared/errors.ts';
import type { FlagGroup } from './command.ts';
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
  const configFile = split.own.get('config')?.at(-1);
  const sources: Settings[] = [settingsFromEnv(env), flags];
  if (configFile !== undefined) sources.unshift(await readConfigFile(configFile));
  const args = resolveArgs(sources);
  checkEngineOverrides(args, args.dataParallelSize);
  const notes = split.ignored.map((flag) => `${flag} is vLLM's, and has no effect in a simulation`);
  return { args, split, notes };
}

async function readConfigFile(path: string): Promise<Settings> {
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
  if (parsed === null) return new Map();
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

/** How a setting is named in the environment, for the help page. */
export function envNameOf(key: FieldKey): string {
  return envName(key);
}
