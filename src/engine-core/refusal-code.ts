import { WorkerCallError } from './executor/worker-call-error.ts';
import { FaultError } from './faults/fault.ts';

/** Of what makes one request impossible; null for any other error. */
export function refusalCode(error: unknown): string | null {
  if (error instanceof FaultError) return 'bad_fault';
  return error instanceof WorkerCallError ? 'lora_load_failed' : null;
}
