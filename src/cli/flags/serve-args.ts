/** The arguments that `serve` and `explain` share, from the command line, the environment and the config file. */
import type { Scenario } from '../../scenario/scenario.ts';
import { checkArgs } from '../../shared/config/check-args.ts';
import { checkEngineOverrides } from '../../shared/config/engine-overrides.ts';
import { inspectEnvironment } from '../../shared/config/environment-classes.ts';
import { ENV_PREFIX, flagName } from '../../shared/config/field.ts';
import type { IgnoredGiven } from '../../shared/config/ignored-values.ts';
import { type EngineArgs, FIELDS, type FieldKey } from '../../shared/config/registry.ts';
import {
  type RecordSettings,
  resolveArgs,
  type Settings,
  settingsFromEnv,
  unknownEnvNames,
} from '../../shared/config/resolve-args.ts';
import { closestName } from '../../shared/config/suggestion.ts';
import { ConfigError } from '../../shared/errors.ts';
import { spokenVersionNote } from '../../shared/version.ts';
import type { CommandFlag } from '../command.ts';
import { CONFIG_FLAG } from './registry-flags.ts';
import { type SplitWords, splitWords } from './split-words.ts';

export interface ServeArgs {
  readonly args: EngineArgs;
  readonly split: SplitWords;
  /** Of --scenario. */
  readonly scenario: Scenario | null;
  /** Notes for the log: flags that change nothing here, and what another --vllm-version does not change. */
  readonly notes: readonly string[];
  /** What vLLM would do and the twin does not, for the log. */
  readonly warnings: readonly string[];
}

/**
 * Flag > flags of a scenario > environment > config file > default. The model may stand first, without a flag. `own` are
 * flags that the command has beyond the registry's.
 */
export async function readServeArgs(
  words: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  own: readonly CommandFlag[] = [],
): Promise<ServeArgs> {
  const split = splitWords(words, [...own, CONFIG_FLAG]);
  const flags = withModel(split, own);
  const config = await configOf(split.own.get('config')?.at(-1));
  const given: Settings[] = [config.settings, settingsFromEnv(env), flags];
  const file = given.reduce<string | null>(
    (last, one) => one.get('scenario')?.words[0] ?? last,
    null,
  );
  const scenario = file === null ? null : await scenarioOf(file);
  const args = resolveArgs([...given.slice(0, -1), ...(scenario?.settings ?? []), flags]);
  checkEngineOverrides(args, args.dataParallelSize);
  checkArgs(args);
  const { unknown, unsimulated } = inspectEnvironment(env);
  if (args.failOnEnvironValidation && unknown.length > 0)
    throw new ConfigError(
      'E_BAD_FLAG',
      `Unknown vLLM environment variable detected: ${unknown.join(', ')}; unset it, or leave out --fail-on-environ-validation`,
    );
  const ignored = [...split.ignored, ...config.ignored, ...(scenario?.ignored ?? [])];
  const spoken = spokenVersionNote(args.vllmVersion);
  const notes = [
    ...(spoken === null ? [] : [spoken]),
    ...noteOnInert(ignored),
    ...split.repeated.map((flag) => `Found duplicate keys ${flag}: the last one counts`),
    ...unknownEnvNames(env).map(noteOnEnvName),
  ];
  const warnings = [
    ...warnOfUnsimulated(ignored, unsimulated),
    ...unknown.map((name) => `Unknown vLLM environment variable detected: ${name}`),
  ];
  return { args, split, scenario: scenario?.scenario ?? null, notes, warnings };
}

/** The model, which may stand first, among the settings. Throws E_BAD_FLAG. */
function withModel({ positionals, settings }: SplitWords, own: readonly CommandFlag[]): Settings {
  const [model, extra] = positionals;
  if (extra !== undefined) {
    const hint = own.some(({ name }) => name === 'compare')
      ? '; more models go behind --compare'
      : '';
    throw new ConfigError(
      'E_BAD_FLAG',
      `unexpected word '${extra}': one model at a time, and flags start with --${hint}`,
    );
  }
  if (model === undefined) return settings;
  if (settings.has('model'))
    throw new ConfigError(
      'E_BAD_FLAG',
      `the model is given twice: '${model}' and --model; give it once`,
    );
  return new Map([...settings, ['model', { words: [model], origin: 'MODEL' }]]);
}

interface ScenarioSettings {
  readonly scenario: Scenario;
  readonly settings: readonly Settings[];
  readonly ignored: readonly IgnoredGiven[];
}

/** What reads YAML is loaded for those who have a file. Throws E_BAD_FILE. */
async function scenarioOf(file: string): Promise<ScenarioSettings> {
  const { readScenarioFile } = await import('../../scenario/scenario-file.ts');
  const scenario = readScenarioFile(file);
  const bad = (message: string): ConfigError =>
    new ConfigError('E_BAD_FILE', `${file}: flags: ${message}`);
  let split: SplitWords;
  let settings: Settings;
  try {
    split = splitWords(scenario.flags);
    settings = withModel(split, []);
  } catch (error) {
    throw error instanceof ConfigError ? bad(error.message) : error;
  }
  if (split.settings.has('scenario')) throw bad('--scenario: a scenario has no other in it');
  return { scenario, settings: [settings], ignored: split.ignored };
}

/** What reads YAML and checks it is loaded for those who have a file. */
async function configOf(file: string | undefined): Promise<RecordSettings> {
  if (file === undefined) return { settings: new Map(), ignored: [] };
  const { readConfigFile } = await import('./config-file.ts');
  return readConfigFile(file);
}

function noteOnInert(ignored: readonly IgnoredGiven[]): readonly string[] {
  const flags = ignored.filter(({ changes }) => changes === null).map(({ written }) => written);
  return flags.length === 0
    ? []
    : [`Flags that change nothing outside a GPU, or say what is so anyway: ${flags.join(', ')}`];
}

/** One line, however many they are; `variables` are described already. */
function warnOfUnsimulated(
  ignored: readonly IgnoredGiven[],
  variables: readonly string[],
): readonly string[] {
  const parts = ignored.flatMap(({ written, changes }) =>
    changes === null ? [] : [`${written} (${changes})`],
  );
  parts.push(...variables);
  return parts.length === 0
    ? []
    : [`Settings with which vLLM would do what is not simulated here: ${parts.join('; ')}`];
}

function noteOnEnvName(name: string): string {
  const setting = name.slice(ENV_PREFIX.length).toLowerCase();
  const best = closestName(setting, (Object.keys(FIELDS) as FieldKey[]).map(flagName));
  const hint =
    best === null ? '' : ` (did you mean ${ENV_PREFIX}${best.replaceAll('-', '_').toUpperCase()}?)`;
  return `${name} in the environment is no setting${hint}`;
}
