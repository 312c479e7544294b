/**
 * What a request's sampling parameters leave of the odds of one position: the tokens that could have been sampled, and how
 * likely each was among them. Pure.
 * Source: vllm/v1/worker/gpu/sample/sampler.py Sampler.apply_sampling_params, vllm/v1/worker/gpu/sample/min_p.py,
 * vllm/v1/sample/ops/topk_topp_sampler.py apply_top_k_top_p (0.33.0). Leaves out: what a grammar forbids, and the rules that
 * change single tokens (penalties, biases).
 */
import type { SamplingParams } from '../../shared/protocol/request.ts';
import type { Odds } from './token-odds.ts';

export class ProcessedOdds implements Odds {
  readonly #odds: Odds;
  readonly #temperature: number;
  readonly #logTotal: number;
  /** The likeliest tokens that can be sampled, no others. */
  readonly numKept: number;

  constructor(odds: Odds, params: SamplingParams) {
    const { temperature } = params;
    this.#odds = odds;
    this.#temperature = temperature > 0 ? temperature : 1;
    const weights = this.#weights(temperature > 0 ? params.topK : 1);
    const bound = (weights[0] ?? 0) * params.minP;
    const likely = weights.filter((weight) => weight >= bound);
    this.numKept = numOfTopP(likely, params.topP);
    this.#logTotal = Math.log(sum(likely.slice(0, this.numKept)));
  }

  get vocabSize(): number {
    return this.#odds.vocabSize;
  }

  /** By rank, those that can be sampled. */
  keptIds(): Int32Array {
    const ids = new Int32Array(this.numKept);
    this.#odds.writeLikeliest(ids, new Float32Array(this.numKept), 0, this.numKept);
    return ids;
  }

  rankOf(tokenId: number): number {
    return this.#odds.rankOf(tokenId);
  }

  /** -Infinity of a token that could not be sampled. */
  logprobAt(rank: number): number {
    if (rank > this.numKept) return Number.NEGATIVE_INFINITY;
    return this.#odds.logprobAt(rank) / this.#temperature - this.#logTotal;
  }

  logprobOf(tokenId: number): number {
    return this.logprobAt(this.rankOf(tokenId));
  }

  writeLikeliest(ids: Int32Array, logprobs: Float32Array, at: number, count: number): void {
    this.#odds.writeLikeliest(ids, logprobs, at, count);
    for (let i = 0; i < count; i += 1) logprobs[at + i] = this.logprobAt(i + 1);
  }

  /** By rank, not summing to one. A `topK` of 0 or -1 keeps all. */
  #weights(topK: number): readonly number[] {
    const { vocabSize } = this.#odds;
    const length = topK > 0 ? Math.min(topK, vocabSize) : vocabSize;
    const weightAt = (index: number) =>
      Math.exp(this.#odds.logprobAt(index + 1) / this.#temperature);
    return Array.from({ length }, (_, index) => weightAt(index));
  }
}

/** The shortest head whose sum is at least `topP` of all; one at least. */
function numOfTopP(weights: readonly number[], topP: number): number {
  if (topP >= 1) return weights.length;
  const wanted = sum(weights) * topP;
  let total = 0;
  for (const [index, weight] of weights.entries()) {
    total += weight;
    if (total >= wanted) return index + 1;
  }
  return weights.length;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
