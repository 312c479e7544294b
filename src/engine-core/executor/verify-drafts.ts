/** Source: vllm/v1/sample/rejection_sampler.py RejectionSampler (0.33.0), for a model that is sure of each token. */
import type { Request } from '../scheduler/request.ts';
import type { Sampler } from './sampler.ts';

/** The drafts from the left as long as the model would say them, and the token that it says after them. */
export function verifyDrafts(
  sampler: Sampler,
  request: Request,
  drafts: readonly number[],
): readonly number[] {
  const tokenIds: number[] = [];
  const start = request.numOutputTokens;
  for (const draft of drafts) {
    const tokenId = sampler.tokenAt(request, start + tokenIds.length, tokenIds);
    tokenIds.push(tokenId);
    if (tokenId !== draft) return tokenIds;
  }
  tokenIds.push(sampler.tokenAt(request, start + tokenIds.length, tokenIds));
  return tokenIds;
}
