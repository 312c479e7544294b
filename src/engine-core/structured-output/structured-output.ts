/**
 * The structured output of one request: first the work that waits to be done, then what came of it.
 * Source: vllm/v1/structured_output/request.py StructuredOutputRequest (0.33.0): a grammar, an exception, or neither yet.
 */
import type { CompileJob } from './compile-job.ts';
import { FREE_TOKEN, type OutputPlan } from './output-plan.ts';

/** Judges the tokens that a request has said. */
export interface TokenGrammar {
  /** Takes a sampled token in; false where the grammar has no such way on. */
  accept(tokenId: number): boolean;
  /** How many of the tokens could follow now. Changes nothing. */
  countAccepted(tokenIds: readonly number[]): number;
}

export class StructuredOutput {
  readonly job: CompileJob;
  /** The request has ended; its job need not be done. */
  isAbandoned = false;
  /** Set once the job is done. */
  plan: OutputPlan | null = null;
  /** Why it could not be done. */
  failure: string | null = null;
  /** In place of the plan where tokens come from elsewhere: a recording. */
  grammar: TokenGrammar | null = null;

  constructor(job: CompileJob) {
    this.job = job;
  }

  get isDone(): boolean {
    return this.plan !== null || this.failure !== null || this.grammar !== null;
  }

  /** Takes in the output token at `position`; false where nothing may go on like that. */
  accept(position: number, tokenId: number): boolean {
    if (this.grammar !== null) return this.grammar.accept(tokenId);
    return this.#allows(position, tokenId);
  }

  /**
   * How many of the drafts, from the left, may stand at `position` and after it; what comes behind them is no draft of this
   * request. Changes nothing. Source: StructuredOutputManager.validate_tokens.
   */
  countAcceptedDrafts(position: number, drafts: readonly number[]): number {
    if (this.grammar !== null) return this.grammar.countAccepted(drafts);
    const refused = drafts.findIndex((tokenId, index) => !this.#allows(position + index, tokenId));
    return refused < 0 ? drafts.length : refused;
  }

  #allows(position: number, tokenId: number): boolean {
    const { plan } = this;
    if (plan === null || position > plan.tokenIds.length) return true;
    const planned = plan.tokenIds[position];
    if (planned !== undefined) return planned === FREE_TOKEN || planned === tokenId;
    return (
      plan.end === 'free' || tokenId === plan.stopTokenId || this.job.stopTokenIds.includes(tokenId)
    );
  }
}
