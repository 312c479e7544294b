/**
 * What the simulated model makes of a text, token by token: a hash, and what it would say next without chance. A function of
 * the tokens alone, so that a text gets the same log probabilities as a prompt and as what was generated. Pure.
 */
import type { Corpus } from './corpus.ts';
import { mixToken } from './token-hash.ts';

export interface ContextReader {
  readonly numTokens: number;
  /** Of the tokens so far, in their order. */
  readonly hash: number;
  push(tokenId: number): void;
  /** What the model would say next, the likeliest first; empty for a source that follows no context. */
  likely(): readonly number[];
}

/** Where an answer without chance goes on: the token at `length` of what `seed` begins. */
export interface Line {
  readonly seed: number;
  readonly length: number;
}

/** How a source speaks once it has a seed. */
export interface Speaker {
  readonly corpus: CorpusIndex | null;
  /** The seed of an answer to a text of that hash. */
  seedOf(hash: number): number;
  /** The token at `position` of what a seed begins. */
  tokenOf(seed: number, position: number): number;
}

/** For sources that do not go by the context. */
export class HashReader implements ContextReader {
  numTokens = 0;
  hash: number;

  constructor(hash: number) {
    this.hash = hash;
  }

  push(tokenId: number): void {
    this.hash = mixToken(this.hash, tokenId);
    this.numTokens += 1;
  }

  likely(): readonly number[] {
    return [];
  }
}

/** More of them at a time are chance: the oldest count. */
const MAX_LINES = 8;
const NO_TOKEN = -1;

/**
 * Knows again what it would have said itself: wherever a text goes on as the model would have gone on from some point of
 * it, it goes on so. Else a text that ends in words of the corpus goes on in the corpus.
 */
export class GreedyReader implements ContextReader {
  numTokens = 0;
  hash: number;
  readonly #speaker: Speaker;
  /** The oldest first. */
  #lines: Line[] = [];
  #last = NO_TOKEN;
  #last2 = NO_TOKEN;
  #last3 = NO_TOKEN;

  constructor(speaker: Speaker, hash: number) {
    this.#speaker = speaker;
    this.hash = hash;
  }

  push(tokenId: number): void {
    const speaker = this.#speaker;
    if (this.#lines.length > 0) {
      this.#lines = this.#lines
        .filter(({ seed, length }) => speaker.tokenOf(seed, length) === tokenId)
        .map(({ seed, length }) => ({ seed, length: length + 1 }));
    }
    const seed = speaker.seedOf(this.hash);
    if (speaker.tokenOf(seed, 0) === tokenId && this.#lines.length < MAX_LINES)
      this.#lines.push({ seed, length: 1 });
    this.hash = mixToken(this.hash, tokenId);
    this.numTokens += 1;
    this.#last3 = this.#last2;
    this.#last2 = this.#last;
    this.#last = tokenId;
  }

  /** Where an answer to the text so far begins. */
  next(): Line {
    const [line] = this.#lines;
    if (line !== undefined) return line;
    const after = this.#speaker.corpus?.after(this.#last3, this.#last2, this.#last) ?? null;
    return after !== null
      ? { seed: after, length: 0 }
      : { seed: this.#speaker.seedOf(this.hash), length: 0 };
  }

  likely(): readonly number[] {
    const { seed, length } = this.next();
    const first = this.#speaker.tokenOf(seed, length);
    const second = this.#speaker.corpus?.afterPair(this.#last2, this.#last) ?? null;
    return second === null || second === first ? [first] : [first, second];
  }
}

/** Which token follows which in the corpus. Made when first asked. */
export class CorpusIndex {
  readonly #tokenIds: readonly number[];
  #followers: Map<string, number> | null = null;

  constructor(corpus: Corpus) {
    this.#tokenIds = corpus.tokenIds;
  }

  /** Where the corpus goes on after these three, as an index; null where it has them nowhere. */
  after(first: number, second: number, third: number): number | null {
    return first === NO_TOKEN ? null : this.#find(`${first},${second},${third}`);
  }

  /** The token that follows these two; null where the corpus has them nowhere. */
  afterPair(first: number, second: number): number | null {
    const at = first === NO_TOKEN ? null : this.#find(`${first},${second}`);
    return at === null ? null : (this.#tokenIds[at] ?? null);
  }

  #find(words: string): number | null {
    this.#followers ??= this.#index();
    return this.#followers.get(words) ?? null;
  }

  /** The first place counts. */
  #index(): Map<string, number> {
    const followers = new Map<string, number>();
    for (const length of [2, 3]) {
      for (let at = length; at < this.#tokenIds.length; at += 1) {
        const words = this.#tokenIds.slice(at - length, at).join(',');
        if (!followers.has(words)) followers.set(words, at);
      }
    }
    return followers;
  }
}
