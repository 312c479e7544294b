/**
 * The token that a request's plan puts at a position; what the sampler has drawn where the plan leaves it free. The
 * grammar comes after the sampler's own rules, as vLLM masks logits with it, and before min_tokens.
 */
import { FREE_TOKEN, type OutputPlan } from './output-plan.ts';

/** Of a request, what ends it. */
interface Stops {
  readonly eosTokenId: number;
  readonly samplingParams: { readonly allStopTokenIds: readonly number[] };
}

/** `sampled`: the sampler's token, which may be a stop token. */
export function plannedToken(
  request: Stops,
  plan: OutputPlan,
  { position, sampled }: { position: number; sampled: number },
): number {
  const planned = plan.tokenIds[position];
  if (planned !== undefined) {
    return planned === FREE_TOKEN ? anyButStop(request, sampled) : planned;
  }
  if (plan.end === 'free' || position > plan.tokenIds.length) return sampled;
  return plan.stopTokenId;
}

function anyButStop(request: Stops, tokenId: number): number {
  const stops = request.samplingParams.allStopTokenIds;
  let candidate = tokenId;
  while (stops.includes(candidate) || candidate === request.eosTokenId) candidate += 1;
  return candidate;
}
