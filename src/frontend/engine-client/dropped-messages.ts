/** Counts what peers sent and nobody can use: each costs that message and a warning, never the process. */
import { ServerError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/logger.ts';

export class DroppedMessages {
  readonly #logger: Logger;
  #count = 0;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  get count(): number {
    return this.#count;
  }

  /** Takes E_BAD_FRAME; anything else is a fault of our own and is thrown on. */
  add(socket: 'input' | 'output' | 'coordinator', error: unknown): void {
    if (!(error instanceof ServerError && error.code === 'E_BAD_FRAME')) throw error;
    this.#count += 1;
    this.#logger.warn({ socket, err: error.message }, 'dropped a message that cannot be used');
  }
}
