/** Our own calls that wait for their answer: faults on the wire leave both alone, or nobody could end them. */
import type { UtilityCall } from '../../shared/protocol/request.ts';
import { OWN_METHOD_PREFIX } from '../../shared/tap/own-calls.ts';

/** A frontend that never reads its answers costs no more. */
const MAX_AWAITED_ANSWERS = 1_024;

export class AwaitedOwnCalls {
  readonly #keys = new Set<string>();

  /** Whether the call is one of them. */
  take({ clientIndex, callId, method }: UtilityCall): boolean {
    if (!method.startsWith(OWN_METHOD_PREFIX)) return false;
    const [oldest] = this.#keys;
    if (this.#keys.size >= MAX_AWAITED_ANSWERS && oldest !== undefined) this.#keys.delete(oldest);
    this.#keys.add(`${clientIndex}/${callId}`);
    return true;
  }

  /** Whether the answer is to one of them; it has only one. */
  settle(clientIndex: number, callId: number | bigint): boolean {
    return this.#keys.delete(`${clientIndex}/${callId}`);
  }
}
