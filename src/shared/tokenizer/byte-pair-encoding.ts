/**
 * Byte-pair encoding of one word by integer ids and a heap: the pieces are those of the tokenizers package, in a tenth
 * of its time, which counts where a whole text is one word (a megabyte of spaces). Pure.
 * Source: tokenizers models/bpe/word.rs Word::merge_all. Leaves out: suffixes and prefixes of pieces, dropout.
 */
import { MergeQueue } from './merge-queue.ts';

/** Two neighbours in the order of preference: the first of the list is merged first. */
export type MergePairs = readonly (readonly [left: string, right: string])[];

/** A piece that no merge names. */
const UNKNOWN = -1;
/** A piece that became part of the one before it. */
const DEAD = -2;
const NONE = -1;

interface Merge {
  readonly rank: number;
  readonly mergedId: number;
}

/** Where the pieces of a word are: linked by index, a piece's text is from its own start to that of its next one. */
interface Pieces {
  readonly starts: Int32Array;
  readonly ids: Int32Array;
  readonly next: Int32Array;
  readonly previous: Int32Array;
}

export class BytePairEncoding {
  readonly #ids = new Map<string, number>();
  /** By left id × number of ids + right id. */
  readonly #merges = new Map<number, Merge>();
  readonly #numIds: number;

  constructor(pairs: MergePairs) {
    for (const [left, right] of pairs) {
      this.#intern(left);
      this.#intern(right);
      this.#intern(left + right);
    }
    this.#numIds = this.#ids.size;
    for (const [rank, [left, right]] of pairs.entries()) {
      const key = this.#intern(left) * this.#numIds + this.#intern(right);
      this.#merges.set(key, { rank, mergedId: this.#intern(left + right) });
    }
  }

  #intern(piece: string): number {
    let id = this.#ids.get(piece);
    if (id === undefined) {
      id = this.#ids.size;
      this.#ids.set(piece, id);
    }
    return id;
  }

  /** The pieces of a word, in order; joined they are the word. O(n log n). */
  split(word: string): string[] {
    const pieces = this.#characters(word);
    const { starts, ids, next, previous } = pieces;
    const queue = new MergeQueue(starts.length);
    for (let at = 0; at < ids.length - 1; at++) this.#propose(queue, pieces, at);
    for (let at = queue.pop(); at !== NONE; at = queue.pop()) {
      const right = next[at] as number;
      const merge = right === NONE ? undefined : this.#mergeOf(ids[at], ids[right]);
      // A proposal is out of date where one of its two was merged with another meanwhile.
      if (ids[at] === DEAD || merge === undefined || merge.rank !== queue.poppedRank) continue;
      ids[at] = merge.mergedId;
      ids[right] = DEAD;
      const after = next[right] as number;
      next[at] = after;
      if (after !== NONE) previous[after] = at;
      const before = previous[at] as number;
      if (before !== NONE) this.#propose(queue, pieces, before);
      if (after !== NONE) this.#propose(queue, pieces, at);
    }
    return texts(word, pieces);
  }

  #propose(queue: MergeQueue, { ids, next }: Pieces, at: number): void {
    const merge = this.#mergeOf(ids[at], ids[next[at] as number]);
    if (merge !== undefined) queue.push(merge.rank, at);
  }

  #mergeOf(left = UNKNOWN, right = UNKNOWN): Merge | undefined {
    return left < 0 || right < 0 ? undefined : this.#merges.get(left * this.#numIds + right);
  }

  #characters(word: string): Pieces {
    const starts: number[] = [];
    const ids: number[] = [];
    let start = 0;
    for (const char of word) {
      starts.push(start);
      ids.push(this.#ids.get(char) ?? UNKNOWN);
      start += char.length;
    }
    const last = ids.length - 1;
    return {
      starts: Int32Array.from(starts),
      ids: Int32Array.from(ids),
      next: Int32Array.from(ids, (_, i) => (i === last ? NONE : i + 1)),
      previous: Int32Array.from(ids, (_, i) => (i === 0 ? NONE : i - 1)),
    };
  }
}

function texts(word: string, { starts, next }: Pieces): string[] {
  const pieces: string[] = [];
  for (let at = starts.length === 0 ? NONE : 0; at !== NONE; ) {
    const following = next[at] as number;
    pieces.push(word.slice(starts[at], following === NONE ? word.length : starts[following]));
    at = following;
  }
  return pieces;
}
