import { GrammarError } from './grammar.ts';

/** Steps that the text of one request may cost: about a second. What takes more would keep all other requests waiting. */
const MAX_STEPS = 20_000_000;

/** What is left to spend on writing one request's text. A hostile schema is small, and what follows from it is not. */
export class Effort {
  #left = MAX_STEPS;

  /** Throws GrammarError where nothing is left. */
  spend(steps = 1): void {
    this.#left -= steps;
    if (this.#left < 0) throw new GrammarError('a text that fulfils it takes too long to find');
  }
}
