/** Hands the engines' outputs to their one handler, in order; those that come before there is one wait for it. */
import type { Logger } from '../../shared/logger.ts';
import type { EngineCoreOutputs } from '../../shared/protocol/outputs.ts';

export type OutputsHandler = (outputs: EngineCoreOutputs) => void;

/** Messages that may wait for the handler; beyond it the oldest are dropped, counted, and warned of once. */
export const MAX_EARLY_OUTPUTS = 10_000;

export class OutputDelivery {
  readonly #logger: Logger;
  #early: EngineCoreOutputs[] = [];
  #handler: OutputsHandler | null = null;
  #droppedCount = 0;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  get droppedCount(): number {
    return this.#droppedCount;
  }

  setHandler(handler: OutputsHandler): void {
    this.#handler = handler;
    const early = this.#early;
    this.#early = [];
    for (const outputs of early) handler(outputs);
  }

  deliver(outputs: EngineCoreOutputs): void {
    if (this.#handler !== null) {
      this.#handler(outputs);
      return;
    }
    this.#early.push(outputs);
    if (this.#early.length <= MAX_EARLY_OUTPUTS) return;
    this.#early.shift();
    this.#droppedCount += 1;
    if (this.#droppedCount > 1) return;
    this.#logger.warn('nobody takes the outputs of the engines: the oldest is dropped');
  }
}
