/** Proposed merges of a word: the best rank first, of equal ones the leftmost. A binary heap of numbers. */

const NONE = -1;

export class MergeQueue {
  /** rank × number of places + place: one number orders both. */
  readonly #heap: number[] = [];
  readonly #numPlaces: number;
  #poppedRank = NONE;

  constructor(numPlaces: number) {
    this.#numPlaces = numPlaces;
  }

  /** The rank of what `pop` gave last. */
  get poppedRank(): number {
    return this.#poppedRank;
  }

  push(rank: number, place: number): void {
    const heap = this.#heap;
    const entry = rank * this.#numPlaces + place;
    let at = heap.length;
    heap.push(entry);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent] as number;
      if (above <= entry) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = entry;
  }

  /** The place of the best merge, which leaves the queue; -1 when there is none. */
  pop(): number {
    const heap = this.#heap;
    const best = heap[0];
    const last = heap.pop();
    if (best === undefined || last === undefined) return NONE;
    if (heap.length > 0) this.#sink(last);
    this.#poppedRank = Math.floor(best / this.#numPlaces);
    return best % this.#numPlaces;
  }

  /** Puts an entry in at the top and lets it sink. */
  #sink(entry: number): void {
    const heap = this.#heap;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && (heap[child + 1] as number) < (heap[child] as number)) {
        child += 1;
      }
      const below = heap[child] as number;
      if (below >= entry) break;
      heap[at] = below;
      at = child;
    }
    heap[at] = entry;
  }
}
