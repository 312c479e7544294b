/**
 * One setting of the registry: vLLM's name, what values it takes, its default, and one sentence. The same table parses
 * flags, environment variables and the config file, and makes the reference page.
 */

export type FieldKind =
  | 'string'
  | 'strings'
  | 'ints'
  | 'int'
  /** `32k` is 32,000, `32K` is 32,768, as vLLM reads them. */
  | 'human_int'
  /** human_int, or `auto` for -1. */
  | 'human_int_or_auto'
  | 'float'
  | 'bool'
  | 'choice'
  /** Milliseconds, or one of the choices. */
  | 'choice_or_ms'
  | 'json'
  /** Bytes with a unit: `80GB` (10^9), `80GiB` (2^30). */
  | 'size'
  /** An integer, or `None`. */
  | 'int_or_none';

export interface Field<T> {
  readonly kind: FieldKind;
  readonly defaultValue: T;
  readonly doc: string;
  readonly min?: number;
  readonly max?: number;
  readonly choices?: readonly string[];
  /** Other words for choices, in lower case; the choices are then taken in any case. */
  readonly synonyms?: Readonly<Record<string, string>>;
  /** `-tp`. */
  readonly short?: string;
  /** Another spelling with two dashes. */
  readonly alias?: string;
  /** vLLM's own environment variable for it, read besides VLLM_TWIN_<NAME>. */
  readonly env?: string;
  readonly unit?: string;
  /** Why the flag changes nothing here, where vLLM's does something: it is taken, checked and not read. */
  readonly noEffect?: string;
  /** Not in vLLM. */
  readonly isOurs?: boolean;
}

type Extras = Partial<Omit<Field<unknown>, 'kind' | 'defaultValue' | 'doc'>>;

export const field = {
  string: (doc: string, extras: Extras = {}): Field<string | null> => ({
    kind: 'string',
    defaultValue: null,
    doc,
    ...extras,
  }),
  stringOr: (defaultValue: string, doc: string, extras: Extras = {}): Field<string> => ({
    kind: 'string',
    defaultValue,
    doc,
    ...extras,
  }),
  strings: (doc: string, extras: Extras = {}): Field<readonly string[]> => ({
    kind: 'strings',
    defaultValue: [],
    doc,
    ...extras,
  }),
  ints: (doc: string, extras: Extras = {}): Field<readonly number[] | null> => ({
    kind: 'ints',
    defaultValue: null,
    doc,
    ...extras,
  }),
  int: (defaultValue: number, doc: string, extras: Extras = {}): Field<number> => ({
    kind: 'int',
    defaultValue,
    doc,
    ...extras,
  }),
  optionalInt: (doc: string, extras: Extras = {}): Field<number | null> => ({
    kind: 'int',
    defaultValue: null,
    doc,
    ...extras,
  }),
  intOrNone: (
    defaultValue: number | null,
    doc: string,
    extras: Extras = {},
  ): Field<number | null> => ({
    kind: 'int_or_none',
    defaultValue,
    doc,
    ...extras,
  }),
  humanInt: (doc: string, extras: Extras = {}): Field<number | null> => ({
    kind: 'human_int',
    defaultValue: null,
    doc,
    ...extras,
  }),
  humanIntOrAuto: (doc: string, extras: Extras = {}): Field<number | null> => ({
    kind: 'human_int_or_auto',
    defaultValue: null,
    doc,
    ...extras,
  }),
  float: (defaultValue: number, doc: string, extras: Extras = {}): Field<number> => ({
    kind: 'float',
    defaultValue,
    doc,
    ...extras,
  }),
  optionalFloat: (doc: string, extras: Extras = {}): Field<number | null> => ({
    kind: 'float',
    defaultValue: null,
    doc,
    ...extras,
  }),
  bool: (defaultValue: boolean, doc: string, extras: Extras = {}): Field<boolean> => ({
    kind: 'bool',
    defaultValue,
    doc,
    ...extras,
  }),
  optionalBool: (doc: string, extras: Extras = {}): Field<boolean | null> => ({
    kind: 'bool',
    defaultValue: null,
    doc,
    ...extras,
  }),
  choice: <const C extends string>(
    choices: readonly C[],
    defaultValue: NoInfer<C>,
    doc: string,
    extras: Extras = {},
  ): Field<C> => ({ kind: 'choice', defaultValue, doc, choices, ...extras }),
  choiceOrMs: (
    choices: readonly string[],
    defaultValue: string,
    doc: string,
    extras: Extras = {},
  ): Field<string> => ({ kind: 'choice_or_ms', defaultValue, doc, choices, min: 0, ...extras }),
  json: (doc: string, extras: Extras = {}): Field<Readonly<Record<string, unknown>> | null> => ({
    kind: 'json',
    defaultValue: null,
    doc,
    ...extras,
  }),
  jsonList: (
    defaultValue: readonly string[],
    doc: string,
    extras: Extras = {},
  ): Field<readonly string[]> => ({ kind: 'json', defaultValue, doc, ...extras }),
  size: (doc: string, extras: Extras = {}): Field<number | null> => ({
    kind: 'size',
    defaultValue: null,
    doc,
    unit: 'bytes',
    ...extras,
  }),
};

/** `maxModelLen` → `max-model-len`. */
export function flagName(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

export const ENV_PREFIX = 'VLLM_TWIN_';

/** `maxModelLen` → `VLLM_TWIN_MAX_MODEL_LEN`. */
export function envName(key: string): string {
  return `${ENV_PREFIX}${flagName(key).replaceAll('-', '_').toUpperCase()}`;
}
