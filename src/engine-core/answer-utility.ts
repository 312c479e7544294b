import { reasonOf } from '../shared/errors.ts';
import type { UtilityOutput } from '../shared/protocol/outputs.ts';
import type { UtilityCall } from '../shared/protocol/request.ts';
import { PendingResult } from './pending-result.ts';
import { callUtility, type UtilityHost } from './utilities.ts';

/** Calls a utility and hands its answer, at once or later, or vLLM's words for why there is none, to `send`. */
export function answerUtility(
  host: UtilityHost,
  call: UtilityCall,
  { isRunning, send }: { isRunning: boolean; send: (output: UtilityOutput) => void },
): void {
  const answer = (output: Omit<UtilityOutput, 'callId'>): void =>
    send({ callId: call.callId, ...output });
  const fail = (message: string): void => answer({ failureMessage: message, result: undefined });
  if (!isRunning) {
    fail('Server shutting down');
    return;
  }
  const failed = (error: unknown): void =>
    fail(`Call to ${call.method} method failed: ${reasonOf(error)}`);
  try {
    const result = callUtility(host, call.method, call.args);
    if (result instanceof PendingResult) {
      result.listen((value) => answer({ failureMessage: null, result: value }), failed);
    } else {
      answer({ failureMessage: null, result });
    }
  } catch (error) {
    failed(error);
  }
}
