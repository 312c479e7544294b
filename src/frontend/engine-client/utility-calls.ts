/**
 * Who waits for the answer to which utility call.
 * Source: vllm/v1/engine/core_client.py _process_utility_output (0.33.0).
 */
import { ServerError } from '../../shared/errors.ts';
import type { UtilityOutput } from '../../shared/protocol/outputs.ts';

interface PendingCall {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

export class UtilityCalls {
  #nextCallId = 1;
  readonly #pending = new Map<number | bigint, PendingCall>();
  #unclaimedAnswerCount = 0;

  get pendingCount(): number {
    return this.#pending.size;
  }

  get unclaimedAnswerCount(): number {
    return this.#unclaimedAnswerCount;
  }

  /** A call id of its own and the promise of its answer. */
  start(): { callId: number; result: Promise<unknown> } {
    const callId = this.#nextCallId;
    this.#nextCallId += 1;
    const result = new Promise<unknown>((resolve, reject) => {
      this.#pending.set(callId, { resolve, reject });
    });
    return { callId, result };
  }

  /** False where nobody waits for it, which is counted. */
  settle({ callId, failureMessage, result }: UtilityOutput): boolean {
    const pending = this.#pending.get(callId);
    if (pending === undefined) {
      this.#unclaimedAnswerCount += 1;
      return false;
    }
    this.#pending.delete(callId);
    if (failureMessage === null) pending.resolve(result);
    else pending.reject(new ServerError('E_UTILITY_FAILED', failureMessage));
    return true;
  }

  /** The call was never sent. */
  fail(callId: number, error: Error): void {
    this.#pending.get(callId)?.reject(error);
    this.#pending.delete(callId);
  }

  rejectAll(error: Error): void {
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    for (const { reject } of pending) reject(error);
  }
}
