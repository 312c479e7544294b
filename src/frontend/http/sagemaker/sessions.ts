/**
 * Sessions of SageMaker's hosting: an id that requests may carry, for a while. They are kept in memory.
 * Source: model_hosting_container_standards sagemaker/sessions/manager.py. Leaves out: files of a session.
 */
import { randomUUID } from 'node:crypto';
import type { Clock } from '../../../shared/clock.ts';

/** Beyond these the oldest make room. */
const MAX_SESSIONS = 100_000;

export class Sessions {
  readonly #clock: Clock;
  readonly #lifetimeMs: number;
  /** When each ends, by id, in wall-clock milliseconds. */
  readonly #ends = new Map<string, number>();

  constructor(clock: Clock, lifetimeSeconds: number) {
    this.#clock = clock;
    this.#lifetimeMs = lifetimeSeconds * 1000;
  }

  create(): { readonly id: string; readonly expires: string } {
    const now = this.#clock.wallMs();
    for (const [id, end] of this.#ends) if (now > end) this.#ends.delete(id);
    if (this.#ends.size >= MAX_SESSIONS) this.#ends.delete([...this.#ends.keys()][0] ?? '');
    const id = randomUUID();
    const end = now + this.#lifetimeMs;
    this.#ends.set(id, end);
    return { id, expires: `${new Date(end).toISOString().slice(0, 19)}Z` };
  }

  /** What is wrong with an id that a request brings; null: nothing. One that is over is forgotten. */
  refusalOf(id: string | null): string | null {
    if (!id || id === 'NEW_SESSION') return null;
    const end = this.#ends.get(id);
    if (end === undefined) return `session not found: ${id}`;
    if (this.#clock.wallMs() > end) this.#ends.delete(id);
    return null;
  }

  /** What is wrong; null: it was there, and is closed. */
  close(id: string | null): string | null {
    if (!id) return `invalid session_id: ${id ?? 'None'}`;
    return this.#ends.delete(id) ? null : `session not found: ${id}`;
  }
}
