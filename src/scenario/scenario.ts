/** A scenario: faults, loads and expectations at their times. Read from plain data, checked. Pure. */
import type { ParameterProblem } from '../shared/faults/fault-spec.ts';
import { type Injection, readInjection } from '../shared/faults/injection.ts';
import { isJsonObject } from '../shared/json-object.ts';
import { shown } from '../shared/schema.ts';
import { type Expectation, expectationOf } from './expectation.ts';
import { leadMsOf } from './judge.ts';
import { type Load, loadOf } from './load.ts';
import { type Attempt, attempt, durationIn, ProblemError, refuse } from './problem.ts';

export type StepAction =
  | { readonly kind: 'inject'; readonly injection: Injection }
  | { readonly kind: 'load'; readonly load: Load }
  | { readonly kind: 'expect'; readonly expectation: Expectation }
  | { readonly kind: 'restart' };

export interface ScenarioStep {
  /** As the file counts them: 1 is the first. */
  readonly number: number;
  /** Since the server was healthy; null is before the engines' HELLO. */
  readonly atMs: number | null;
  readonly action: StepAction;
}

export interface Scenario {
  readonly name: string;
  readonly description: string;
  /** Of serve, before those of the command line. */
  readonly flags: readonly string[];
  /** As the file has them. */
  readonly steps: readonly ScenarioStep[];
}

export const MAX_SCENARIO_STEPS = 10_000;
const MAX_NAME_CHARACTERS = 200;
const MAX_AT_MS = 366 * 24 * 3_600_000;
const ACTIONS = ['inject', 'load', 'restart', 'expect'] as const;

/** What is refused names the step and the field: `step 3: share is 2, not a number from 0 to 1`. */
export function readScenario(given: unknown): Attempt<Scenario> {
  return attempt(() => scenarioOf(given));
}

function scenarioOf(given: unknown): Scenario {
  const form = 'an object of name, description, flags, steps';
  if (!isJsonObject(given)) return refuse('scenario', given, form);
  for (const key of Object.keys(given)) {
    if (!['name', 'description', 'flags', 'steps'].includes(key))
      throw new ProblemError({
        param: key,
        allowed: form,
        message: `${key} is not known: ${form}`,
      });
  }
  const { name, description = '', flags = [], steps } = given;
  if (typeof name !== 'string' || name === '' || name.length > MAX_NAME_CHARACTERS)
    return refuse('name', name, `a text of 1 to ${MAX_NAME_CHARACTERS} characters`);
  if (typeof description !== 'string') return refuse('description', description, 'a text');
  if (!Array.isArray(steps) || steps.length === 0 || steps.length > MAX_SCENARIO_STEPS)
    return refuse('steps', steps, `a list of 1 to ${MAX_SCENARIO_STEPS} steps`);
  return {
    name,
    description,
    flags: flagsOf(flags),
    steps: steps.map((step: unknown, index) =>
      within(`step ${index + 1}`, () => stepOf(step, index + 1)),
    ),
  };
}

/** Numbers and switches too, as YAML reads them. */
function flagsOf(given: unknown): readonly string[] {
  const form = 'a list of words: [--model, Qwen/Qwen3-0.6B, --data-parallel-size, 2]';
  if (!Array.isArray(given)) return refuse('flags', given, form);
  return given.map((word: unknown, index) => {
    if (typeof word === 'string' || typeof word === 'number' || typeof word === 'boolean')
      return String(word);
    return refuse(`flags[${index}]`, word, 'a word');
  });
}

/** Puts the place before what a problem says. */
function within<T>(place: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    const { param, allowed, message } = error;
    throw new ProblemError({ param, allowed, message: `${place}: ${message}` });
  }
}

function stepOf(given: unknown, number: number): ScenarioStep {
  if (!isJsonObject(given))
    return refuse('step', given, `an object of at and ${ACTIONS.join(', ')}`);
  const { at, ...rest } = given;
  const atMs = at === 'start' ? null : durationIn('at', at, { minMs: 0, maxMs: MAX_AT_MS });
  const kinds = ACTIONS.filter((action) => rest[action] !== undefined);
  const [kind, second] = kinds;
  const one = `one of ${ACTIONS.join(', ')}`;
  if (kind === undefined) {
    const message = `it has nothing to do: it needs ${one}, and has ${Object.keys(given).join(', ')}`;
    throw new ProblemError({ param: 'step', allowed: one, message });
  }
  if (second !== undefined) {
    const message = `it has ${kind} and ${second}: a step has ${one}`;
    throw new ProblemError({ param: second, allowed: one, message });
  }
  return { number, atMs, action: actionOf(kind, rest, atMs) };
}

function actionOf(
  kind: (typeof ACTIONS)[number],
  fields: Readonly<Record<string, unknown>>,
  atMs: number | null,
): StepAction {
  if (kind === 'inject') return { kind, injection: injectionOf(fields, atMs) };
  for (const name of Object.keys(fields)) {
    if (name === kind) continue;
    const message = `${name} is not known beside ${kind}: it goes into ${kind}`;
    throw new ProblemError({ param: name, allowed: 'nothing', message });
  }
  if (atMs === null) {
    const message = `at is start, at which only start-up faults are injected: ${kind} needs a time, as 10s`;
    throw new ProblemError({ param: 'at', allowed: 'a duration: 10s', message });
  }
  if (kind === 'load') return { kind, load: loadOf(fields['load']) };
  if (kind === 'expect') {
    const expectation = expectationOf(fields['expect']);
    const leadMs = leadMsOf(expectation);
    if (atMs < leadMs) {
      const allowed = `at least over (${leadMs} ms)`;
      const message = `at is ${atMs} ms, not ${allowed}: a rate looks back`;
      throw new ProblemError({ param: 'at', allowed, message });
    }
    return { kind, expectation };
  }
  if (fields['restart'] !== 'server') return refuse('restart', fields['restart'], 'server');
  return { kind };
}

function injectionOf(
  { inject: fault, ...fields }: Readonly<Record<string, unknown>>,
  atMs: number | null,
): Injection {
  const read = readInjection({ ...fields, fault });
  if (!read.isOk) throw new ProblemError(read);
  const { injection, spec } = read;
  const isOfStart = spec.place === 'start-up';
  if (isOfStart === (atMs === null)) return injection;
  throw new ProblemError({
    param: 'at',
    allowed: isOfStart ? 'start' : 'a duration: 10s',
    message: isOfStart
      ? `${spec.id} is a fault of a start-up: at is start, not ${shown(atMs)}`
      : `at is start, and ${spec.id} is no fault of a start-up: give a time, as 10s`,
  });
}

/** What is injected before the engines' HELLO. */
export function startFaultsOf({ steps }: Scenario): readonly Injection[] {
  return steps.flatMap(({ atMs, action }) =>
    atMs === null && action.kind === 'inject' ? [action.injection] : [],
  );
}

export function hasExpectations({ steps }: Scenario): boolean {
  return steps.some(({ action }) => action.kind === 'expect');
}

/** What a server that runs already cannot play; null where it can. */
export function startProblem({ flags, steps }: Scenario): ParameterProblem | null {
  const how = 'only serve --scenario FILE, which starts the server, can';
  if (flags.length > 0)
    return {
      param: 'flags',
      allowed: 'nothing',
      message: `flags cannot be given to a server that runs: ${how}`,
    };
  const step = steps.find(({ atMs, action }) => atMs === null || action.kind === 'restart');
  if (step === undefined) return null;
  const isStart = step.atMs === null;
  return {
    param: isStart ? 'at' : 'restart',
    allowed: isStart ? 'a duration: 10s' : 'nothing',
    message: `step ${step.number}: ${isStart ? 'at: start' : 'restart'} cannot be played on a server that runs: ${how}`,
  };
}
