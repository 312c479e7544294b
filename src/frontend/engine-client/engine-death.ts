/** Whether an engine has died. One death is everybody's: no request is taken and no call answered after it. */
import { ServerError } from '../../shared/errors.ts';
import type { EngineIndex } from '../../shared/protocol/ids.ts';

export type EngineDeadHandler = (engineIndex: EngineIndex | null, reason: string) => void;

const ENGINE_DEAD_MESSAGE =
  'EngineCore encountered an issue. See stack trace (above) for the root cause.';

export function createEngineDeadError(): ServerError {
  return new ServerError('E_ENGINE_DEAD', ENGINE_DEAD_MESSAGE);
}

export class EngineDeath {
  #hasHappened = false;
  readonly #handlers: EngineDeadHandler[] = [];

  get hasHappened(): boolean {
    return this.#hasHappened;
  }

  /** Handlers are called in the order in which they were added. */
  onDeath(handler: EngineDeadHandler): void {
    this.#handlers.push(handler);
  }

  /** Only the first death is told. Null where it is not known which engine it was. */
  declare(engineIndex: EngineIndex | null, reason: string): void {
    if (this.#hasHappened) return;
    this.#hasHappened = true;
    for (const handler of this.#handlers) handler(engineIndex, reason);
  }

  /** Throws E_ENGINE_DEAD. */
  ensureAlive(): void {
    if (this.#hasHappened) throw createEngineDeadError();
  }
}
