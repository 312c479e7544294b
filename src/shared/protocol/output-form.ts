/**
 * How our own frontend makes an engine say something on purpose: a call of a tool that nothing constrains, a thought
 * before the answer. It travels in extra_args, which an engine of vLLM does not look into.
 */

/** Key of extra_args; the value is an OutputForm. */
export const OUTPUT_FORM_KEY = 'vllm_twin_output_form';

/** A constraint as it stands in `structured_outputs` on the wire: one of the kinds is set. */
export interface StructuredForm {
  /** A JSON schema, or its text. */
  readonly json?: unknown;
  readonly regex?: string | null;
  readonly choice?: readonly string[] | null;
  /** EBNF or Lark. */
  readonly grammar?: string | null;
  readonly json_object?: boolean | null;
  /** The text of a structural tag. */
  readonly structural_tag?: string | null;
}

/**
 * One stretch of an output: a text, whose special tokens become their ids; so many tokens of the token source, without
 * eos among them, or with null all that it says up to its own end, which only the last may be; a constrained stretch,
 * up to where the constraint is complete.
 */
export type OutputSegment =
  | { readonly text: string }
  | { readonly free: number | null }
  | { readonly structured: StructuredForm };

/** The stretches in their order. After the last comes eos, unless it is free to the end. */
export type OutputForm = readonly OutputSegment[];
