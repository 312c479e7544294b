/**
 * Turns what a token source would say into the token that a request's sampling parameters allow. A pure function of the
 * request and what came before the position, so that a token sampled again is the same token.
 * Source: vllm/v1/sample/sampler.py Sampler, vllm/v1/sample/logits_processor/builtin.py (0.33.0).
 */
import type { Request } from '../scheduler/request.ts';
import { plannedToken } from '../structured-output/planned-token.ts';
import { ProcessedOdds } from './processed-odds.ts';
import { type RequestContext, RequestContexts } from './request-contexts.ts';
import { isGreedy } from './sampling-rules.ts';
import { mixToken } from './token-hash.ts';
import { type ContextOdds, TokenOdds } from './token-odds.ts';
import type { TokenSource } from './token-source.ts';

const NONE: readonly number[] = Object.freeze([]);

export class Sampler {
  readonly tokenSource: TokenSource;
  readonly #odds: TokenOdds;
  readonly #contexts: RequestContexts;

  constructor(tokenSource: TokenSource, vocabSize: number) {
    this.tokenSource = tokenSource;
    this.#odds = new TokenOdds(vocabSize);
    this.#contexts = new RequestContexts(tokenSource, vocabSize);
  }

  /** Called once, before the first step of a request. */
  prepare(request: Request): void {
    this.tokenSource.prepare(request);
  }

  /**
   * The output token at `position` (0-based). The request holds the tokens before it, but for the last ones, which are
   * `pending`.
   */
  tokenAt(request: Request, position: number, pending: readonly number[] = NONE): number {
    const said = this.tokenSource.tokenAt(request, position);
    const sampled = request.isConstrained ? this.#choose(request, position, said, pending) : said;
    const plan = request.structuredOutput?.plan ?? null;
    const tokenId = plan === null ? sampled : plannedToken(request, plan, { position, sampled });
    return position < request.minTokens ? unmaskedToken(request, tokenId) : tokenId;
  }

  #choose(request: Request, position: number, said: number, pending: readonly number[]): number {
    const soFar = this.#contexts.before(request, position, pending);
    return soFar.rules.choose({
      odds: this.#oddsOf(soFar, said),
      soFar,
      said,
      isBeforeMinTokens: position < request.minTokens,
      chance: mixToken(mixToken(soFar.reader.hash, request.tokenSeed), position),
    });
  }

  /** How likely each token was at `position`, before any parameter changed it. */
  oddsAt(request: Request, position: number): ContextOdds {
    const soFar = this.#contexts.before(request, position, NONE);
    // Without chance the source says what is likeliest; a sampled token is one of many.
    return isGreedy(request.samplingParams)
      ? this.#oddsOf(soFar, this.tokenSource.tokenAt(request, position))
      : this.#odds.after(soFar.reader.hash, soFar.reader.likely());
  }

  /**
   * What the request's parameters leave of them. The token that was sampled is among those that could be: where it is not by
   * the odds, which know nothing of the source's choice, it is the likeliest one.
   */
  processedOddsAt(request: Request, tokenId: number, position: number): ProcessedOdds {
    const { samplingParams } = request;
    const processed = new ProcessedOdds(this.oddsAt(request, position), samplingParams);
    if (processed.rankOf(tokenId) <= processed.numKept) return processed;
    const soFar = this.#contexts.before(request, position, NONE);
    return new ProcessedOdds(this.#oddsOf(soFar, tokenId), samplingParams);
  }

  #oddsOf({ reader }: RequestContext, said: number): ContextOdds {
    return this.#odds.after(reader.hash, [said, ...reader.likely()]);
  }

  /** Of each prompt token but the first, given those before it. In order. */
  *promptOdds(request: Request): Iterable<ContextOdds> {
    const reader = this.tokenSource.createReader(request);
    for (let i = 0; i + 1 < request.numPromptTokens; i += 1) {
      reader.push(request.allTokenIds[i] ?? 0);
      yield this.#odds.after(reader.hash, reader.likely());
    }
  }
}

/** The next larger id that is no stop token: min_tokens masks those. Source: vllm/v1/sample MinTokens. */
function unmaskedToken(request: Request, tokenId: number): number {
  const masked = request.samplingParams.allStopTokenIds;
  if (masked === null) return tokenId;
  let candidate = tokenId;
  while (masked.includes(candidate)) candidate += 1;
  return candidate;
}
