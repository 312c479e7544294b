import type { ParameterValues } from '../../shared/faults/parameter.ts';
import { ENGINE_CRASH_ON_REQUEST } from '../../shared/faults/specs/engine-crash-on-request.ts';
import type { Request } from '../scheduler/request.ts';
import { engineFault } from './engine-fault.ts';

/** The simulated model died under a request that asked for it: a fatal error of the engine. */
export class ModelCrashError extends Error {
  override readonly name = 'ModelCrashError';
}

type Values = ParameterValues<typeof ENGINE_CRASH_ON_REQUEST.parameters>;

export const CRASH_ON_REQUEST = engineFault(
  ENGINE_CRASH_ON_REQUEST,
  ({ nth, matching, after_tokens }, host) => {
    let numSeen = 0;
    return host.onRequest((request) => {
      if (matching !== null && !request.requestId.includes(matching)) return;
      numSeen += 1;
      if (numSeen === nth) host.beforeSampling(request, (running) => crash(running, after_tokens));
    });
  },
);

/** The request itself asks for it: it is the one, whatever its number. */
export function crashOf({ after_tokens }: Values): (request: Request) => void {
  return (request) => crash(request, after_tokens);
}

function crash({ requestId, numOutputTokens }: Request, afterTokens: number): void {
  if (numOutputTokens < afterTokens) return;
  throw new ModelCrashError(`engine.crash-on-request was asked for by request ${requestId}`);
}
