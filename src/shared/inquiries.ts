/**
 * Questions to another process over a channel that only carries messages: each has a number that its answer carries too, and
 * a deadline.
 */

/** How long another process may take. */
export const ANSWER_TIMEOUT_MS = 5_000;
/** Questions under way; a process that hangs gets no more. */
export const MAX_QUESTIONS_UNDER_WAY = 256;

/** Questions in a row that got no answer in time: from then on nobody waits for a process that stands still. */
export const MAX_UNANSWERED = 2;

export class Inquiries<Q, A> {
  readonly #send: (id: number, question: Q) => void;
  readonly #waiting = new Map<number, (answer: A | null) => void>();
  #nextId = 1;
  #numUnanswered = 0;

  constructor(send: (id: number, question: Q) => void) {
    this.#send = send;
  }

  /**
   * Null where no answer came in time; at once while a process leaves all questions unanswered: then it is not asked, unless
   * the question `mustArrive`.
   */
  ask(question: Q, { mustArrive = false } = {}): Promise<A | null> {
    const isBusy = this.#waiting.size >= MAX_QUESTIONS_UNDER_WAY;
    if (!mustArrive && (isBusy || this.#numUnanswered >= MAX_UNANSWERED))
      return Promise.resolve(null);
    const id = this.#nextId;
    this.#nextId += 1;
    return new Promise((resolve) => {
      const end = (answer: A | null): void => {
        clearTimeout(timer);
        this.#waiting.delete(id);
        resolve(answer);
      };
      const timer = setTimeout(() => {
        this.#numUnanswered += 1;
        end(null);
      }, ANSWER_TIMEOUT_MS);
      timer.unref();
      this.#waiting.set(id, end);
      this.#send(id, question);
    });
  }

  /** An answer came; one that came too late only says that the process goes on. */
  take(id: number, answer: A): void {
    this.#numUnanswered = 0;
    this.#waiting.get(id)?.(answer);
  }
}
