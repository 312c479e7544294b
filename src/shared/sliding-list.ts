/**
 * What comes in at one end and falls out at the other, in order. What falls out is let go at once, however much of the list
 * is left: only its empty slot waits for the next compaction. `push` and `shift` are O(1), amortised.
 */
export class SlidingList<T> {
  /** The oldest stands at `#start`; the slots before it are empty. */
  #slots: (T | undefined)[] = [];
  #start = 0;

  get length(): number {
    return this.#slots.length - this.#start;
  }

  push(item: T): void {
    this.#slots.push(item);
  }

  /** Takes the oldest out; undefined where there is none. */
  shift(): T | undefined {
    if (this.length === 0) return undefined;
    const oldest = this.#slots[this.#start];
    this.#slots[this.#start] = undefined;
    this.#start += 1;
    // What is moved is no more than what has been shifted since the last time.
    if (this.#start * 2 >= this.#slots.length) {
      this.#slots = this.#slots.slice(this.#start);
      this.#start = 0;
    }
    return oldest;
  }

  /** Counts from the oldest, from 0; undefined where there is none. */
  at(index: number): T | undefined {
    return index < 0 ? undefined : this.#slots[this.#start + index];
  }

  /** From the `begin`-th oldest on, up to and without the `end`-th; neither may be negative. */
  slice(begin: number, end = this.length): T[] {
    return this.#slots.slice(this.#start + begin, this.#start + end) as T[];
  }
}
