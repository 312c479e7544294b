/** What a grammar makes of sampled tokens. Source: vllm/v1/core/sched/scheduler.py Scheduler.update_from_output (0.33.0). */
import type { Request } from './request.ts';
import { RequestStatus } from './request-status.ts';

/** Hands the request's last token to its grammar; one that it does not take ends the request as an error. True if so. */
export function endRejected(request: Request): boolean {
  const { structuredOutput, allTokenIds, numOutputTokens } = request;
  const tokenId = allTokenIds[allTokenIds.length - 1] as number;
  if (structuredOutput === null || structuredOutput.accept(numOutputTokens - 1, tokenId))
    return false;
  request.status = RequestStatus.FINISHED_ERROR;
  return true;
}
