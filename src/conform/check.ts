/**
 * A check of `vllm-twin conform`: what a peer has to do, and how that is looked at. Checks are data in lists, in the order
 * in which they run; docs/reference/conform.md is made from them.
 */
export interface CheckSpec {
  /** `engine.ready.types`: side, subject, what. Stable: people name them in their CI. */
  readonly id: string;
  /** What vLLM does, in one sentence. */
  readonly does: string;
  /** vLLM's file and symbol. */
  readonly source: string;
}

export type CheckVerdict = 'passed' | 'failed' | 'not_applicable';

export interface CheckResult {
  readonly id: string;
  readonly verdict: CheckVerdict;
  /** In words or as JSON; of `not_applicable`, `got` is the reason. */
  readonly expected: string;
  readonly got: string;
}
