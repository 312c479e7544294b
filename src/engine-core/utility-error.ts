/** An error whose message vLLM would send. */
export class UtilityError extends Error {
  override readonly name = 'UtilityError';
}
