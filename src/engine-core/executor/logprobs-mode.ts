/** What `--logprobs-mode` makes of the odds. Source: vllm/config/model.py LogprobsMode (0.33.0). */
import { LOGIT_OF_CERTAINTY } from './sampling-rules.ts';
import type { Odds } from './token-odds.ts';

export type LogprobsMode =
  | 'processed_logits'
  | 'processed_logprobs'
  | 'raw_logits'
  | 'raw_logprobs';

/** Log probabilities are logits less a constant. */
export class Logits implements Odds {
  readonly #odds: Odds;

  constructor(odds: Odds) {
    this.#odds = odds;
  }

  get vocabSize(): number {
    return this.#odds.vocabSize;
  }

  rankOf(tokenId: number): number {
    return this.#odds.rankOf(tokenId);
  }

  logprobAt(rank: number): number {
    return LOGIT_OF_CERTAINTY + this.#odds.logprobAt(rank);
  }

  logprobOf(tokenId: number): number {
    return this.logprobAt(this.rankOf(tokenId));
  }

  writeLikeliest(ids: Int32Array, logprobs: Float32Array, at: number, count: number): void {
    this.#odds.writeLikeliest(ids, logprobs, at, count);
    for (let i = 0; i < count; i += 1) logprobs[at + i] = this.logprobAt(i + 1);
  }
}
