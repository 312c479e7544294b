/**
 * What a request's sampling parameters make of the next token, over the odds that the simulated model gives it: the token of
 * the source stays unless it is forbidden, loses to another, or another is preferred. Pure.
 * Source: vllm/v1/sample/sampler.py Sampler.apply_logits_processors, vllm/v1/sample/ops/penalties.py,
 * vllm/v1/sample/ops/bad_words.py, vllm/v1/sample/logits_processor/builtin.py (0.33.0).
 */
import type { SamplingParams } from '../../shared/protocol/request.ts';
import { mixToken, shareOf } from './token-hash.ts';
import type { ContextOdds } from './token-odds.ts';

/** Source: vllm/sampling_params.py _SAMPLING_EPS. */
const SAMPLING_EPSILON = 1e-5;
/** Below what the likeliest token has at least, as token-odds.ts makes them: nothing else is left to sample from. */
const SINGLE_TOKEN_TOP_P = 0.3;
/** Log probabilities are logits less a constant, and penalties multiply logits: a likely token's is about this much. */
export const LOGIT_OF_CERTAINTY = 20;
/** Lists of allowed tokens up to this length are gone through; of longer ones the likeliest are looked for. */
const MAX_LISTED = 1024;
/** Likely tokens that no rule touches, among which chance may choose. */
const MAX_UNTOUCHED = 8;

/** Whether nothing is left to chance. */
export function isGreedy(params: SamplingParams): boolean {
  return (
    params.temperature < SAMPLING_EPSILON || params.topK === 1 || params.topP < SINGLE_TOKEN_TOP_P
  );
}

/** The tokens before the one that is sampled. */
export interface TokensSoFar {
  readonly promptTokenIds: ReadonlySet<number>;
  /** How often each was said. */
  readonly outputCounts: ReadonlyMap<number, number>;
  /** The last `count` output tokens; fewer where there are fewer. */
  lastOutputs(count: number): readonly number[];
}

export interface Draw {
  readonly odds: ContextOdds;
  readonly soFar: TokensSoFar;
  /** What the token source says. */
  readonly said: number;
  /** Stop tokens must not come yet. */
  readonly isBeforeMinTokens: boolean;
  /** Differs by request and position. */
  readonly chance: number;
}

export class SamplingRules {
  readonly #params: SamplingParams;
  readonly #allowed: ReadonlySet<number> | null;
  readonly #bias: ReadonlyMap<number, number>;
  readonly #stops: ReadonlySet<number>;
  readonly #isGreedy: boolean;
  readonly #rewardsRepeating: boolean;
  readonly #hasBonus: boolean;

  constructor(params: SamplingParams, vocabSize: number) {
    this.#params = params;
    this.#isGreedy = isGreedy(params);
    const allowed = (params.allowedTokenIds ?? []).filter((id) => id >= 0 && id < vocabSize);
    this.#allowed = allowed.length === 0 ? null : new Set(allowed);
    this.#bias = new Map(
      Object.entries(params.logitBias ?? {}).map(([id, bias]) => [Number(id), bias]),
    );
    this.#stops = new Set(params.allStopTokenIds);
    this.#rewardsRepeating =
      params.presencePenalty < 0 || params.frequencyPenalty < 0 || params.repetitionPenalty < 1;
    this.#hasBonus = [...this.#bias.values()].some((bias) => bias > 0);
  }

  /** The token that is taken. */
  choose(draw: Draw): number {
    const banned = this.#bannedOf(draw);
    const saidLogit = this.#logitOf(draw.said, draw, banned);
    const isTouched = saidLogit < LOGIT_OF_CERTAINTY + draw.odds.logprobOf(draw.said);
    if (!isTouched && !this.#hasBonus && !this.#rewardsRepeating) return draw.said;
    let best = draw.said;
    let bestLogit = saidLogit;
    for (const tokenId of this.#candidates(draw, banned)) {
      if (tokenId === draw.said) continue;
      const logit = this.#logitOf(tokenId, draw, banned) + this.#chanceOf(tokenId, draw);
      if (logit > bestLogit) [best, bestLogit] = [tokenId, logit];
    }
    return best;
  }

  /** Those that end a bad word here, and stop tokens before min_tokens. */
  #bannedOf({ soFar, isBeforeMinTokens }: Draw): ReadonlySet<number> {
    const banned = new Set(isBeforeMinTokens ? this.#stops : []);
    for (const word of this.#params.badWordsTokenIds ?? []) {
      const last = word.at(-1);
      if (last === undefined) continue;
      const before = soFar.lastOutputs(word.length - 1);
      if (before.length === word.length - 1 && before.every((id, i) => id === word[i]))
        banned.add(last);
    }
    return banned;
  }

  /** In the order of vLLM's processors. */
  #logitOf(tokenId: number, { odds, soFar }: Draw, banned: ReadonlySet<number>): number {
    if (this.#allowed !== null && !this.#allowed.has(tokenId)) return -Infinity;
    if (banned.has(tokenId)) return -Infinity;
    const { repetitionPenalty, frequencyPenalty, presencePenalty } = this.#params;
    let logit = LOGIT_OF_CERTAINTY + odds.logprobOf(tokenId) + (this.#bias.get(tokenId) ?? 0);
    const count = soFar.outputCounts.get(tokenId) ?? 0;
    if (count > 0 || soFar.promptTokenIds.has(tokenId))
      logit = logit > 0 ? logit / repetitionPenalty : logit * repetitionPenalty;
    return count === 0 ? logit : logit - frequencyPenalty * count - presencePenalty;
  }

  /** Gumbel noise: the largest sum is a draw by the odds. */
  #chanceOf(tokenId: number, { chance }: Draw): number {
    if (this.#isGreedy) return 0;
    const share = Math.max(shareOf(mixToken(chance, tokenId)), Number.EPSILON);
    return -Math.log(-Math.log(share)) * this.#params.temperature;
  }

  /** All that could win. */
  *#candidates(draw: Draw, banned: ReadonlySet<number>): Iterable<number> {
    const allowed = this.#allowed;
    if (allowed !== null && allowed.size <= MAX_LISTED) {
      yield* allowed;
      return;
    }
    for (const [tokenId, bias] of this.#bias) if (bias > 0) yield tokenId;
    if (this.#rewardsRepeating) {
      yield* draw.soFar.outputCounts.keys();
      if (this.#params.repetitionPenalty < 1) yield* draw.soFar.promptTokenIds;
    }
    yield* this.#likely(draw, banned);
  }

  /** By rank, until enough are found that nothing makes less likely: what follows cannot win. */
  *#likely(draw: Draw, banned: ReadonlySet<number>): Iterable<number> {
    const { odds } = draw;
    let untouched = 0;
    for (let rank = 1; rank <= odds.vocabSize && untouched < MAX_UNTOUCHED; rank += 1) {
      const tokenId = odds.tokenAt(rank);
      // Nothing ends because another token was not allowed, unless it may only end.
      if (this.#stops.has(tokenId) && this.#allowed === null) continue;
      const logit = this.#logitOf(tokenId, draw, banned);
      if (logit === -Infinity) continue;
      yield tokenId;
      if (logit >= LOGIT_OF_CERTAINTY + odds.logprobAt(rank)) untouched += 1;
    }
  }
}
