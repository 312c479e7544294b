import type { EngineCoreRequest } from '../shared/protocol/request.ts';
import { WorkerCallError } from './executor/worker-call-error.ts';
import { FaultError } from './faults/fault.ts';

/** Of what makes one request impossible; null for any other error. */
export function refusalCode(error: unknown): string | null {
  if (error instanceof FaultError) return 'bad_fault';
  return error instanceof WorkerCallError ? 'lora_load_failed' : null;
}

/** False for what vLLM's preprocessing refuses, and for prompts that its scheduler could never finish. */
export function isRunnable(request: EngineCoreRequest, maxModelLen: number): boolean {
  const { samplingParams, promptTokenIds } = request;
  if (samplingParams === null || samplingParams.maxTokens === null) return false;
  if (promptTokenIds === null || promptTokenIds.length === 0) return false;
  return promptTokenIds.length <= maxModelLen;
}
