/**
 * A fault's parameter: its type with unit and bounds, said once as data. What reads a shell's words and a JSON body, the
 * JSON Schema, the help and the reference page are all made of it. One without a default must be given; a default of null
 * means that it may be left out.
 */
interface Common<T> {
  /** What it is, in a sentence without its name. */
  readonly doc: string;
  readonly default?: T | null;
}

export interface IntegerParameter extends Common<number> {
  readonly type: 'integer';
  readonly min: number;
  readonly max: number;
  readonly unit?: string;
}

export interface NumberParameter extends Common<number> {
  readonly type: 'number';
  readonly min: number;
  readonly max: number;
  readonly unit?: string;
}

/** Milliseconds, once read. */
export interface DurationParameter extends Common<number> {
  readonly type: 'duration';
  readonly minMs: number;
  readonly maxMs: number;
}

export interface TextParameter extends Common<string> {
  readonly type: 'text';
  /** Characters. */
  readonly maxLength: number;
  readonly pattern?: RegExp;
  /** What the pattern asks for, in words. */
  readonly form?: string;
}

export interface ChoiceParameter<C extends string = string> extends Common<C> {
  readonly type: 'choice';
  readonly choices: readonly C[];
}

export interface BooleanParameter extends Common<boolean> {
  readonly type: 'boolean';
}

/** Ranks of engines in an order, each once: `1,0` or a list. */
export interface RanksParameter extends Common<readonly number[]> {
  readonly type: 'ranks';
}

/** Any JSON value; in a shell as JSON, or as a bare text. */
export interface JsonParameter extends Common<unknown> {
  readonly type: 'json';
}

export type FaultParameter =
  | IntegerParameter
  | NumberParameter
  | DurationParameter
  | TextParameter
  | ChoiceParameter
  | BooleanParameter
  | RanksParameter
  | JsonParameter;

export type FaultParameters = Readonly<Record<string, FaultParameter>>;

type GivenValue<P> = P extends { type: 'integer' | 'number' | 'duration' }
  ? number
  : P extends { type: 'choice'; choices: readonly (infer C)[] }
    ? C
    : P extends { type: 'text' }
      ? string
      : P extends { type: 'boolean' }
        ? boolean
        : P extends { type: 'ranks' }
          ? readonly number[]
          : unknown;

/** What a fault gets: null where a parameter without a value was left out. */
export type ParameterValues<P extends FaultParameters> = {
  readonly [K in keyof P]: P[K] extends { default: null }
    ? GivenValue<P[K]> | null
    : GivenValue<P[K]>;
};
