/** A fault that cannot be understood, or not be had here; the message says what is wrong and what is known. */
export class FaultError extends Error {
  override readonly name = 'FaultError';
}
