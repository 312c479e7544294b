/** An error of a call, with the message that vLLM's worker has for it; the engine goes on. */
export class WorkerCallError extends Error {
  override readonly name = 'WorkerCallError';
}
