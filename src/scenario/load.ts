/** A load as all ways of asking for one have it: read, checked, with its defaults. Pure. */
import {
  type Attempt,
  attempt,
  booleanOf,
  durationIn,
  numberIn,
  onlyFields,
  refuse,
} from './problem.ts';

/** Requests a second that come: `from` first, `to` after `overMs`, in a straight line between. */
export interface LoadRate {
  readonly from: number;
  readonly to: number;
  /** 0 where it is the same all the time. */
  readonly overMs: number;
}

/** Tokens of a prompt or an answer. */
export type TokenLength =
  | { readonly kind: 'constant'; readonly tokens: number }
  | { readonly kind: 'uniform'; readonly min: number; readonly max: number }
  | {
      readonly kind: 'normal';
      readonly mean: number;
      readonly stddev: number;
      readonly min: number;
      readonly max: number;
    };

export interface Load {
  readonly rate: LoadRate;
  readonly arrival: 'constant' | 'poisson';
  readonly promptTokens: TokenLength;
  readonly outputTokens: TokenLength;
  /** Of each prompt, 0 to 1: what all prompts begin with. */
  readonly sharedPrefix: number;
  /** Requests at once; those that are due beyond it wait. */
  readonly concurrency: number;
  /** Of the requests, 0 to 1: cut off midway by their client. */
  readonly abort: number;
  readonly isStream: boolean;
  /** Null until it is ended. */
  readonly forMs: number | null;
  readonly seed: number;
  /** The rank that all of it goes to; null leaves that to the server. */
  readonly engine: number | null;
}

export const MAX_RATE = 100_000;
/** Requests of one load at once; a load that names no bound has this. */
export const MAX_CONCURRENCY = 4_096;
const MAX_TOKENS = 1_000_000;
export const MAX_LOAD_MS = 7 * 24 * 3_600_000;
const DEFAULT_TOKENS = 128;

export const LOAD_FIELDS = [
  'rate',
  'arrival',
  'prompt_tokens',
  'output_tokens',
  'shared_prefix',
  'concurrency',
  'abort',
  'stream',
  'for',
  'seed',
  'engine',
] as const;

/** The fields flat, as JSON has them; texts for any value, as from a shell. */
export function readLoad(given: unknown): Attempt<Load> {
  return attempt(() => loadOf(given));
}

/** Throws ProblemError. */
export function loadOf(given: unknown): Load {
  const fields = onlyFields('load', given, LOAD_FIELDS);
  const { arrival = 'poisson' } = fields;
  if (arrival !== 'constant' && arrival !== 'poisson')
    return refuse('arrival', arrival, 'constant or poisson');
  const optional = <T>(name: string, read: (param: string, value: unknown) => T, fallback: T): T =>
    fields[name] === undefined || fields[name] === null ? fallback : read(name, fields[name]);
  const share = (param: string, value: unknown): number =>
    numberIn(param, value, { min: 0, max: 1 });
  const whole = (min: number, max: number) => (param: string, value: unknown) =>
    numberIn(param, value, { min, max, isWhole: true });
  const fallback: TokenLength = { kind: 'constant', tokens: DEFAULT_TOKENS };
  return {
    rate: rateOf('rate', fields['rate']),
    arrival,
    promptTokens: optional('prompt_tokens', lengthOf, fallback),
    outputTokens: optional('output_tokens', lengthOf, fallback),
    sharedPrefix: optional('shared_prefix', share, 0),
    concurrency: optional('concurrency', whole(1, MAX_CONCURRENCY), MAX_CONCURRENCY),
    abort: optional('abort', share, 0),
    isStream: optional('stream', booleanOf, true),
    forMs: optional<number | null>(
      'for',
      (param, value) => durationIn(param, value, { minMs: 1, maxMs: MAX_LOAD_MS }),
      null,
    ),
    seed: optional('seed', whole(0, 4_294_967_295), 0),
    engine: optional<number | null>('engine', whole(0, 99_999), null),
  };
}

const RATE_FORM = '20/s, 90/m, a number a second, {from, to, over}, or in a shell 1/s..20/s:30s';
/** Of parts that are short: a long text is refused as fast as a short one. */
const RAMP = /^(.{1,30})\.\.(.{1,30}):(.{1,30})$/;
const PER_SECOND: Readonly<Record<string, number>> = { s: 1, m: 1 / 60, h: 1 / 3_600 };

function rateOf(param: string, value: unknown): LoadRate {
  if (typeof value === 'object' && value !== null) {
    const { from, to, over } = onlyFields(param, value, ['from', 'to', 'over']);
    return rampOf(param, from, to, over);
  }
  const ramp = typeof value === 'string' ? RAMP.exec(value) : null;
  if (ramp !== null) return rampOf(param, ramp[1], ramp[2], ramp[3]);
  const rate = perSecond(param, value);
  if (rate === 0) return refuse(param, value, `more than 0: ${RATE_FORM}`);
  return { from: rate, to: rate, overMs: 0 };
}

function rampOf(param: string, from: unknown, to: unknown, over: unknown): LoadRate {
  const rate = {
    from: perSecond(`${param}.from`, from),
    to: perSecond(`${param}.to`, to),
    overMs: durationIn(`${param}.over`, over, { minMs: 1, maxMs: MAX_LOAD_MS }),
  };
  if (rate.from === 0 && rate.to === 0) return refuse(`${param}.to`, to, 'more than 0');
  return rate;
}

function perSecond(param: string, value: unknown): number {
  const match =
    typeof value === 'number'
      ? [String(value), String(value), 's']
      : typeof value === 'string'
        ? /^(\d+(?:\.\d+)?)\s*(?:\/\s*(s|m|h))?$/.exec(value.trim())
        : null;
  const rate = Number(match?.[1] ?? Number.NaN) * (PER_SECOND[match?.[2] ?? 's'] ?? 1);
  if (rate >= 0 && rate <= MAX_RATE) return rate;
  return refuse(param, value, `at most ${MAX_RATE} a second: ${RATE_FORM}`);
}

const LENGTH_FORM =
  'tokens, {min, max}, {mean, stddev, min, max}, or in a shell 100..500 and 512~64';

function lengthOf(param: string, value: unknown): TokenLength {
  const bounds = { min: 1, max: MAX_TOKENS, isWhole: true };
  if (typeof value === 'string') {
    const uniform = /^(\d+)\.\.(\d+)$/.exec(value);
    if (uniform !== null) return lengthOf(param, { min: uniform[1], max: uniform[2] });
    const normal = /^(\d+(?:\.\d+)?)~(\d+(?:\.\d+)?)$/.exec(value);
    if (normal !== null) return lengthOf(param, { mean: normal[1], stddev: normal[2] });
  }
  if (typeof value === 'number' || typeof value === 'string')
    return { kind: 'constant', tokens: numberIn(param, value, bounds) };
  if (typeof value !== 'object' || value === null) return refuse(param, value, LENGTH_FORM);
  const given = onlyFields(param, value, ['min', 'max', 'mean', 'stddev']);
  const isNormal = given['mean'] !== undefined || given['stddev'] !== undefined;
  const min =
    isNormal && given['min'] === undefined ? 1 : numberIn(`${param}.min`, given['min'], bounds);
  const max =
    isNormal && given['max'] === undefined
      ? MAX_TOKENS
      : numberIn(`${param}.max`, given['max'], bounds);
  if (max < min) return refuse(`${param}.max`, max, `at least min (${min})`);
  if (!isNormal) return { kind: 'uniform', min, max };
  return {
    kind: 'normal',
    mean: numberIn(`${param}.mean`, given['mean'], { min: 1, max: MAX_TOKENS }),
    stddev: numberIn(`${param}.stddev`, given['stddev'], { min: 0, max: MAX_TOKENS }),
    min,
    max,
  };
}

/** As the API answers it: what was asked for, with its defaults. */
export function loadRecord(load: Load): Readonly<Record<string, unknown>> {
  const { from, to, overMs } = load.rate;
  return {
    rate: overMs === 0 ? from : { from, to, over: overMs },
    arrival: load.arrival,
    prompt_tokens: lengthRecord(load.promptTokens),
    output_tokens: lengthRecord(load.outputTokens),
    shared_prefix: load.sharedPrefix,
    concurrency: load.concurrency,
    abort: load.abort,
    stream: load.isStream,
    for: load.forMs,
    seed: load.seed,
    engine: load.engine,
  };
}

function lengthRecord(length: TokenLength): unknown {
  if (length.kind === 'constant') return length.tokens;
  const { kind: _kind, ...rest } = length;
  return rest;
}
