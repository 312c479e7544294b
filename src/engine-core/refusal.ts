import type { RequestError } from '../shared/protocol/outputs.ts';
import type { EngineCoreRequest } from '../shared/protocol/request.ts';
import { WorkerCallError } from './executor/worker-call-error.ts';
import { FaultError } from './faults/fault-error.ts';
import { StructuredOutputError } from './structured-output/structured-output-error.ts';

/** Why a paused engine takes nothing new in. */
export const ENGINE_PAUSED: RequestError = Object.freeze({
  code: 'engine_paused',
  message: 'Generation is paused. Please retry after it resumes.',
  retryable: true,
});

/** Of what makes one request impossible. Throws any other error on: it breaks the engine. */
export function refusalOf(error: unknown): RequestError {
  const code = codeOf(error);
  if (code === null || !(error instanceof Error)) throw error;
  return { code, message: error.message, retryable: false };
}

function codeOf(error: unknown): string | null {
  if (error instanceof FaultError) return 'bad_fault';
  if (error instanceof StructuredOutputError) return 'validation_error';
  return error instanceof WorkerCallError ? 'lora_load_failed' : null;
}

/**
 * False for what vLLM's preprocessing refuses, for tasks that the model has not, and for prompts that its scheduler could
 * never finish.
 */
export function isRunnable(
  request: EngineCoreRequest,
  { maxModelLen, supportedTasks }: { maxModelLen: number; supportedTasks: readonly string[] },
): boolean {
  const { samplingParams, poolingParams, promptTokenIds } = request;
  if (poolingParams === null) {
    if (samplingParams === null || samplingParams.maxTokens === null) return false;
    if (!supportedTasks.includes('generate')) return false;
  } else if (poolingParams.task === null || !supportedTasks.includes(poolingParams.task)) {
    return false;
  }
  if (promptTokenIds === null || promptTokenIds.length === 0) return false;
  return promptTokenIds.length <= maxModelLen;
}
