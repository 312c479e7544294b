/**
 * A bound on what is on its way at a time, in whatever unit: who comes beyond it waits its turn. One that is heavier than
 * the bound goes alone.
 */
export class SendingBound {
  readonly #limit: number;
  readonly #waiting: { readonly weight: number; readonly go: () => void }[] = [];
  #weight = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Gives what ends it, once; at once where the signal has ended the waiting, with nothing taken. */
  enter(weight: number, signal: AbortSignal): Promise<() => void> {
    return new Promise((resolve) => {
      const turn = {
        weight,
        go: () => {
          signal.removeEventListener('abort', leave);
          this.#weight += weight;
          resolve(once(() => this.#end(weight)));
        },
      };
      const leave = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(turn), 1);
        resolve(() => {});
      };
      if (signal.aborted) return resolve(() => {});
      signal.addEventListener('abort', leave, { once: true });
      this.#waiting.push(turn);
      this.#letGo();
    });
  }

  #end(weight: number): void {
    this.#weight -= weight;
    this.#letGo();
  }

  #letGo(): void {
    for (;;) {
      const [next] = this.#waiting;
      if (next === undefined) return;
      if (this.#weight > 0 && this.#weight + next.weight > this.#limit) return;
      this.#waiting.shift();
      next.go();
    }
  }
}

function once(callback: () => void): () => void {
  let isDone = false;
  return () => {
    if (isDone) return;
    isDone = true;
    callback();
  };
}
