/**
 * Turns what a token source would say into the token that a request's sampling parameters allow. A pure function of the
 * request and what came before the position, so that a token sampled again is the same token.
 * Source: vllm/v1/sample/sampler.py Sampler, vllm/v1/sample/logits_processor/builtin.py (0.33.0).
 */
import type { Request } from '../scheduler/request.ts';
import { plannedToken } from '../structured-output/planned-token.ts';
import type { TokenSource } from './token-source.ts';

const NONE: readonly number[] = Object.freeze([]);

export class Sampler {
  readonly tokenSource: TokenSource;

  constructor(tokenSource: TokenSource) {
    this.tokenSource = tokenSource;
  }

  /** Called once, before the first step of a request. */
  prepare(request: Request): void {
    this.tokenSource.prepare(request);
  }

  /**
   * The output token at `position` (0-based). The request holds the tokens before it, but for the last ones, which are
   * `pending`.
   */
  tokenAt(request: Request, position: number, _pending: readonly number[] = NONE): number {
    const sampled = this.tokenSource.tokenAt(request, position);
    const plan = request.structuredOutput?.plan ?? null;
    const tokenId = plan === null ? sampled : plannedToken(request, plan, { position, sampled });
    return position < request.minTokens ? unmaskedToken(request, tokenId) : tokenId;
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
