/** What a grammar makes of sampled tokens. Source: vllm/v1/core/sched/scheduler.py Scheduler.update_from_output (0.33.0). */
import type { Request } from './request.ts';
import { RequestStatus } from './request-status.ts';

/** Hands a sampled token to the request's grammar; one that it does not take ends the request as an error. True if so. */
export function endRejected(request: Request, position: number, tokenId: number): boolean {
  const { structuredOutput } = request;
  if (structuredOutput === null || structuredOutput.accept(position, tokenId)) return false;
  request.status = RequestStatus.FINISHED_ERROR;
  return true;
}
