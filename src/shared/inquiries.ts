/**
 * Questions to another process over a channel that only carries messages: each has a number that its answer carries too, and
 * a deadline.
 */

/** How long another process may take. */
export const ANSWER_TIMEOUT_MS = 5_000;
/** Questions under way; a process that hangs gets no more. */
export const MAX_QUESTIONS_UNDER_WAY = 256;

export class Inquiries<Q, A> {
  readonly #send: (id: number, question: Q) => void;
  readonly #waiting = new Map<number, (answer: A | null) => void>();
  #nextId = 1;

  constructor(send: (id: number, question: Q) => void) {
    this.#send = send;
  }

  /** Null where no answer came in time. */
  ask(question: Q): Promise<A | null> {
    if (this.#waiting.size >= MAX_QUESTIONS_UNDER_WAY) return Promise.resolve(null);
    const id = this.#nextId;
    this.#nextId += 1;
    return new Promise((resolve) => {
      const end = (answer: A | null): void => {
        clearTimeout(timer);
        this.#waiting.delete(id);
        resolve(answer);
      };
      const timer = setTimeout(() => end(null), ANSWER_TIMEOUT_MS);
      timer.unref();
      this.#waiting.set(id, end);
      this.#send(id, question);
    });
  }

  /** An answer came; one that came too late is left alone. */
  take(id: number, answer: A): void {
    this.#waiting.get(id)?.(answer);
  }
}
