import { FinishReason } from '../../shared/protocol/outputs.ts';

/**
 * Where a request stands. The order matters: everything after PREEMPTED is a finished status.
 * Source: vllm/v1/request.py RequestStatus (0.33.0). Leaves out: streaming-input waits.
 */
export const RequestStatus = {
  WAITING: 1,
  WAITING_FOR_STRUCTURED_OUTPUT_GRAMMAR: 2,
  WAITING_FOR_REMOTE_KVS: 3,
  RUNNING: 5,
  PREEMPTED: 6,
  FINISHED_STOPPED: 7,
  FINISHED_LENGTH_CAPPED: 8,
  FINISHED_ABORTED: 9,
  FINISHED_IGNORED: 10,
  FINISHED_ERROR: 11,
  FINISHED_REPETITION: 12,
} as const;
export type RequestStatus = (typeof RequestStatus)[keyof typeof RequestStatus];

/** vLLM's name of a status: `RUNNING`. */
export function statusNameOf(status: RequestStatus): string {
  const found = Object.entries(RequestStatus).find(([, value]) => value === status);
  return found?.[0] ?? String(status);
}

export function isFinishedStatus(status: RequestStatus): boolean {
  return status > RequestStatus.PREEMPTED;
}

/** The reason that goes on the wire with a finished status; null while the request lives. */
export function finishReasonOf(status: RequestStatus): FinishReason | null {
  switch (status) {
    case RequestStatus.FINISHED_STOPPED:
      return FinishReason.STOP;
    case RequestStatus.FINISHED_LENGTH_CAPPED:
    case RequestStatus.FINISHED_IGNORED:
      return FinishReason.LENGTH;
    case RequestStatus.FINISHED_ABORTED:
      return FinishReason.ABORT;
    case RequestStatus.FINISHED_ERROR:
      return FinishReason.ERROR;
    case RequestStatus.FINISHED_REPETITION:
      return FinishReason.REPETITION;
    default:
      return null;
  }
}
