/**
 * `error`: with the vLLM that was named, the query returns nothing, or its alert can never fire. `warning`: it returns
 * something that misleads, or will mislead with more engines or another version.
 */
export type Severity = 'error' | 'warning';

/** What a rule says of a query; places are offsets in the query's text. */
export interface RuleFinding {
  readonly rule: string;
  readonly severity: Severity;
  readonly message: string;
  /** What to write instead, or to set. */
  readonly remedy: string;
  readonly from: number;
  readonly to: number;
  /** Only where it is certain that the query then says what was meant. */
  readonly fix?: readonly Edit[];
}

/** In the query's text: this stretch is replaced. */
export interface Edit {
  readonly from: number;
  readonly to: number;
  readonly insert: string;
}

/** A finding as it is put out: `--json`, and the library call's answer. */
export interface Finding {
  readonly file: string;
  /** Of the place in the file, from 1. */
  readonly line: number;
  readonly title: string;
  readonly query: string;
  readonly rule: string;
  readonly severity: Severity;
  readonly message: string;
  readonly remedy: string;
}
