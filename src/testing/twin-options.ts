/** What `startTwin` takes, and the words of a command line that say the same. */

import { checkEngineOverrides } from '../shared/config/engine-overrides.ts';
import { flagName } from '../shared/config/field.ts';
import { type EngineArgs, FIELDS, type FieldKey, fieldOf } from '../shared/config/registry.ts';
import { resolveArgs, settingsFromRecord } from '../shared/config/resolve-args.ts';
import { closestName } from '../shared/config/suggestion.ts';
import { DURATION_FORM, describeDuration, readDuration } from '../shared/duration.ts';
import { ConfigError } from '../shared/errors.ts';
import { isJsonObject } from '../shared/json-object.ts';

/** Decided by `startTwin`, each with what it is instead. */
const DECIDED = {
  headless:
    'there is always a server; headless engines are started by `vllm-twin serve --headless`',
  exitWithStdin: 'a twin never outlives the process that started it',
  logFormat: 'the log is read by the twin: see its `log`',
  handshakeStep: 'nobody could let a frame go before the twin is ready',
  dataParallelMultiPortExternalLb: 'a twin has one address; start several twins instead',
} as const satisfies Partial<Record<FieldKey, string>>;

type DecidedKey = keyof typeof DECIDED;

/** Numbers are taken as texts too, in the forms that the command line knows: `'32k'`, `'80GB'`, `'auto'`. */
type FlagValue<V> = V | (number extends V ? string : never);

/**
 * The flags of `vllm-twin serve` by vLLM's names in camelCase: `maxModelLen: 4096` is `--max-model-len 4096`. What is left
 * out has the default of docs/reference/flags.md, but `port`, which is any free one.
 */
export type ServeFlags = {
  readonly [K in Exclude<FieldKey, DecidedKey | 'engineOverrides'>]?:
    | FlagValue<EngineArgs[K]>
    | undefined;
};

/** What both modes take. */
interface CommonOptions extends ServeFlags {
  /** Flags of single engines, by rank: `{ 1: { gpu: 'L4', numGpuBlocksOverride: 2049 } }`. */
  readonly engineOverrides?: Readonly<Record<number, ServeFlags>> | undefined;
  /** Ends the start, or the twin, when it is aborted. */
  readonly signal?: AbortSignal | undefined;
}

/** All of the twin in this process, on a clock that only `advance` moves: a day takes seconds, and comes out the same. */
export interface InProcessOptions extends CommonOptions {
  readonly mode: 'in-process';
}

export interface ProcessOptions extends CommonOptions {
  /** Further words of the command line, for flags of vLLM that are none of the above. */
  readonly flags?: readonly string[] | undefined;
  /** `processes` (the default) is the real thing: a process an engine, over sockets, in real time. */
  readonly mode?: 'processes' | undefined;
  /**
   * Environment variables beside those of this process. Its own VLLM_… variables are not passed on: a test does not change
   * with the shell that it is run in.
   */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** How long the start may take: `'60s'` (the default), or milliseconds. */
  readonly startTimeout?: string | number | undefined;
  /** How long the end may take before everything is killed: `'15s'` (the default), or milliseconds. */
  readonly stopTimeout?: string | number | undefined;
}

export type TwinOptions = ProcessOptions | InProcessOptions;

const OWN_OPTIONS = {
  engineOverrides: true,
  flags: true,
  mode: true,
  env: true,
  startTimeout: true,
  stopTimeout: true,
  signal: true,
} as const satisfies Record<Exclude<keyof ProcessOptions, keyof ServeFlags>, true>;

const OPTION_NAMES: readonly string[] = [
  ...Object.keys(OWN_OPTIONS),
  ...Object.keys(FIELDS).filter((key) => !Object.hasOwn(DECIDED, key)),
];

/** The words behind `serve`. Throws E_UNKNOWN_FLAG or E_BAD_FLAG, naming the option. */
export function wordsOf(options: ProcessOptions): readonly string[] {
  checkNames(options);
  if (Number(options.apiServerCount ?? 1) === 0)
    throw new ConfigError('E_BAD_FLAG', `startTwin: apiServerCount 0: ${DECIDED.headless}`);
  const given: Record<string, unknown> = { port: 0, ...options };
  const words = Object.entries(given).flatMap(([name, value]) =>
    isFieldKey(name) && name !== 'engineOverrides' ? flagWords(name, value) : [],
  );
  const { engineOverrides } = options;
  if (engineOverrides !== undefined)
    words.push('--engine-overrides', JSON.stringify(overridesRecord(engineOverrides)));
  return [...words, ...(options.flags ?? [])];
}

/** What a server in another process has, and one in this process has not. */
const OF_PROCESSES = ['flags', 'scenario', 'env', 'startTimeout', 'stopTimeout'] as const;

/** The arguments of a server in this process. Throws E_UNKNOWN_FLAG or E_BAD_FLAG, naming the option. */
export function argsOf(options: InProcessOptions): EngineArgs {
  checkNames(options);
  const given: Readonly<Record<string, unknown>> = { ...options };
  const foreign = OF_PROCESSES.find((name) => given[name] !== undefined);
  if (foreign !== undefined)
    throw new ConfigError(
      'E_BAD_FLAG',
      `startTwin: ${foreign} is for mode 'processes': in-process there is no other process`,
    );
  const { engineOverrides } = options;
  const flags = Object.entries(given).filter(([name]) => isFieldKey(name));
  const { settings } = settingsFromRecord(
    {
      ...Object.fromEntries(flags.map(([name, value]) => [flagName(name), value])),
      ...(engineOverrides === undefined
        ? {}
        : { 'engine-overrides': overridesRecord(engineOverrides) }),
    },
    'startTwin',
  );
  const args = resolveArgs([settings]);
  checkEngineOverrides(args, args.dataParallelSize);
  return args;
}

/** Milliseconds. Throws E_BAD_FLAG. */
export function timeoutOf(
  options: ProcessOptions,
  name: 'startTimeout' | 'stopTimeout',
  fallbackMs: number,
): number {
  const given = options[name];
  if (given === undefined) return fallbackMs;
  return durationOf(given, `startTwin: ${name}`);
}

/** As long as a simulation may be: nobody waits for the end of more. */
const MAX_DURATION_MS = 366 * 24 * 3_600_000;

/** Milliseconds. Throws E_BAD_FLAG; `what` is what the value is for. */
export function durationOf(value: string | number, what: string): number {
  const ms = readDuration(value);
  if (ms !== null && ms <= MAX_DURATION_MS) return ms;
  const most = describeDuration(MAX_DURATION_MS);
  throw new ConfigError(
    'E_BAD_FLAG',
    `${what} '${value}': expected ${DURATION_FORM}, at most ${most}`,
  );
}

function checkNames(options: TwinOptions): void {
  for (const name of Object.keys(options)) {
    if (isDecided(name))
      throw new ConfigError('E_BAD_FLAG', `startTwin: ${name} cannot be set: ${DECIDED[name]}`);
    if (OPTION_NAMES.includes(name)) continue;
    const near = closestName(flagName(name), OPTION_NAMES.map(flagName));
    const meant = OPTION_NAMES.find((known) => flagName(known) === near);
    throw new ConfigError(
      'E_UNKNOWN_FLAG',
      `startTwin: unknown option ${name}${meant === undefined ? '' : ` (did you mean ${meant}?)`}; flags that are no setting of the twin go into \`flags\``,
    );
  }
}

function flagWords(key: FieldKey, value: unknown): readonly string[] {
  const { kind } = fieldOf(key);
  const flag = `--${flagName(key)}`;
  if (value === undefined) return [];
  if (value === null) return kind === 'int_or_none' ? [flag, 'None'] : [];
  if (typeof value === 'boolean' && kind === 'bool')
    return [value ? flag : `--no-${flagName(key)}`];
  if (kind === 'strings' && Array.isArray(value))
    return value.length === 0 ? [] : [flag, ...value.map(String)];
  if (typeof value === 'object') return [flag, JSON.stringify(value)];
  return [`${flag}=${String(value)}`];
}

/** By the names that --engine-overrides takes; one that is no setting is left for the server to refuse. */
function overridesRecord(overrides: Readonly<Record<number, ServeFlags>>): object {
  const entries = Object.entries(overrides).map(([rank, flags]) => [
    rank,
    isJsonObject(flags)
      ? Object.fromEntries(Object.entries(flags).map(([key, value]) => [flagName(key), value]))
      : flags,
  ]);
  return Object.fromEntries(entries);
}

function isFieldKey(name: string): name is FieldKey {
  return Object.hasOwn(FIELDS, name);
}

function isDecided(name: string): name is DecidedKey {
  return Object.hasOwn(DECIDED, name);
}
