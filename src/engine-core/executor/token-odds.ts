/**
 * How likely each token of the vocabulary is after a context: a distribution that the context's hash shuffles. A token's rank,
 * the token of a rank and its log probability are each O(1), so that nobody has to write 150,000 numbers down. Pure.
 *
 * The likeliest one has between P_FIRST_MIN and P_FIRST_MAX; the rest falls with the rank r as (r - 1)^-EXPONENT. Of a
 * vocabulary of two or three tokens the second may have more than the first.
 */
import { mixToken, shareOf } from './token-hash.ts';

const P_FIRST_MIN = 0.35;
const P_FIRST_MAX = 0.95;
const EXPONENT = 1.2;
/** Keeps the sum of single-precision values from passing 1. */
const ROUNDING = 1e-6;
/** Beyond it a sum is an integral, to nine digits. */
const SUMMED = 1000;
/** From and to which id a byte-pair vocabulary has its frequent words, ASCII, other words, other bytes, markers, and the rest. */
const TIER_BOUNDS = [
  [259, 1024],
  [3, 97],
  [1024, 4000],
  [97, 259],
  [0, 3],
  [4000, Number.POSITIVE_INFINITY],
] as const;
/** Larger than any vocabulary, so that each multiplier reaches all of a tier. */
const PRIMES = [1048583, 1048589, 1048601, 1048609, 1048613, 1048627, 1048633, 1048661] as const;

/** How likely each token is, by its rank from 1 on. */
export interface Odds {
  readonly vocabSize: number;
  rankOf(tokenId: number): number;
  logprobAt(rank: number): number;
  logprobOf(tokenId: number): number;
  /** The `count` likeliest, from index `at` on. */
  writeLikeliest(ids: Int32Array, logprobs: Float32Array, at: number, count: number): void;
}

interface Tier {
  readonly start: number;
  readonly size: number;
  /** Ranks before it, were nothing more likely than a rank. */
  readonly offset: number;
  /** By prime: its inverse, modulo the size. */
  readonly inverses: readonly number[];
}

export class TokenOdds {
  readonly vocabSize: number;
  readonly #tiers: readonly Tier[];
  readonly #logTotal: number;

  constructor(vocabSize: number) {
    this.vocabSize = vocabSize;
    this.#tiers = tiersOf(vocabSize);
    this.#logTotal = Math.log(powerSum(vocabSize - 1));
  }

  /** `likely`: what comes first, in this order; other ids than the vocabulary's are left out. */
  after(hash: number, likely: readonly number[]): ContextOdds {
    const heads = [...new Set(likely)].filter((id) => id >= 0 && id < this.vocabSize);
    return new ContextOdds(
      { tiers: this.#tiers, logTotal: this.#logTotal, vocabSize: this.vocabSize },
      hash,
      heads,
    );
  }
}

interface Shape {
  readonly tiers: readonly Tier[];
  readonly logTotal: number;
  readonly vocabSize: number;
}

export class ContextOdds implements Odds {
  readonly #shape: Shape;
  /** By tier: how far it is turned. */
  readonly #shifts: readonly number[];
  readonly #prime: number;
  readonly #primeIndex: number;
  readonly #heads: readonly number[];
  /** Where the heads were taken out of the shuffled order, ascending. */
  readonly #gaps: readonly number[];
  readonly #logFirst: number;
  readonly #logRest: number;

  constructor(shape: Shape, hash: number, heads: readonly number[]) {
    this.#shape = shape;
    this.#shifts = shape.tiers.map(({ start, size }) => mixToken(hash, start + 2) % size);
    this.#primeIndex = hash % PRIMES.length;
    this.#prime = PRIMES[this.#primeIndex] ?? 1;
    this.#heads = heads;
    this.#gaps = heads.map((id) => this.#place(id)).sort((a, b) => a - b);
    const first =
      shape.vocabSize === 1
        ? 1
        : P_FIRST_MIN + (P_FIRST_MAX - P_FIRST_MIN) * shareOf(mixToken(hash, 1));
    this.#logFirst = Math.log(first);
    this.#logRest = Math.log1p(-first) - shape.logTotal - ROUNDING;
  }

  /** How many tokens are at least as likely, itself among them. */
  rankOf(tokenId: number): number {
    const head = this.#heads.indexOf(tokenId);
    if (head >= 0) return head + 1;
    const place = this.#place(tokenId);
    let before = 0;
    for (const gap of this.#gaps) if (gap < place) before += 1;
    return this.#heads.length + 1 + place - before;
  }

  /** The inverse of `rankOf`; `rank` from 1 to the vocabulary's size. */
  tokenAt(rank: number): number {
    const head = this.#heads[rank - 1];
    if (head !== undefined) return head;
    let place = rank - 1 - this.#heads.length;
    for (const gap of this.#gaps) if (gap <= place) place += 1;
    return this.#tokenAtPlace(place);
  }

  get vocabSize(): number {
    return this.#shape.vocabSize;
  }

  logprobAt(rank: number): number {
    return rank === 1 ? this.#logFirst : this.#logRest - EXPONENT * Math.log(rank - 1);
  }

  /** Writes the `count` likeliest tokens with their log probabilities, by rank, from index `at` on. */
  writeLikeliest(ids: Int32Array, logprobs: Float32Array, at: number, count: number): void {
    const { tiers } = this.#shape;
    const gaps = new Set(this.#gaps);
    let rank = 1;
    const write = (tokenId: number): void => {
      ids[at + rank - 1] = tokenId;
      logprobs[at + rank - 1] = this.logprobAt(rank);
      rank += 1;
    };
    for (let i = 0; i < this.#heads.length && rank <= count; i += 1) write(this.#heads[i] ?? 0);
    for (let i = 0; i < tiers.length && rank <= count; i += 1) {
      const { start, size, offset } = tiers[i] as Tier;
      const step = this.#prime % size;
      let index = this.#shifts[i] ?? 0;
      for (let place = offset; place < offset + size && rank <= count; place += 1) {
        if (!gaps.has(place)) write(start + index);
        index += step;
        if (index >= size) index -= size;
      }
    }
  }

  logprobOf(tokenId: number): number {
    return this.logprobAt(this.rankOf(tokenId));
  }

  /** Of a token in the shuffled order without heads, from 0. */
  #place(tokenId: number): number {
    const { tiers, vocabSize } = this.#shape;
    for (let i = 0; i < tiers.length; i += 1) {
      const { start, size, offset, inverses } = tiers[i] as Tier;
      const index = tokenId - start;
      if (index < 0 || index >= size) continue;
      const shifted = (index - (this.#shifts[i] ?? 0) + size) % size;
      return offset + ((shifted * (inverses[this.#primeIndex] ?? 1)) % size);
    }
    // An id of no vocabulary is the least likely of all.
    return vocabSize - 1;
  }

  #tokenAtPlace(place: number): number {
    const { tiers, vocabSize } = this.#shape;
    for (let i = 0; i < tiers.length; i += 1) {
      const { start, size, offset } = tiers[i] as Tier;
      const index = place - offset;
      if (index < size) return start + ((index * this.#prime + (this.#shifts[i] ?? 0)) % size);
    }
    return vocabSize - 1;
  }
}

function tiersOf(vocabSize: number): readonly Tier[] {
  const tiers: Tier[] = [];
  let offset = 0;
  for (const [start, end] of TIER_BOUNDS) {
    const size = Math.min(end, vocabSize) - start;
    if (size <= 0) continue;
    tiers.push({ start, size, offset, inverses: PRIMES.map((prime) => inverse(prime, size)) });
    offset += size;
  }
  return tiers;
}

/** x with x × value = 1 modulo `size`; both are coprime. Euclid's extended algorithm. */
function inverse(value: number, size: number): number {
  let [before, now] = [size, value % size];
  let [x, y] = [0, 1];
  while (now > 0) {
    const times = Math.floor(before / now);
    [before, now] = [now, before - times * now];
    [x, y] = [y, x - times * y];
  }
  return ((x % size) + size) % size;
}

/** 1^-EXPONENT + … + n^-EXPONENT. */
function powerSum(n: number): number {
  let sum = 0;
  for (let i = 1; i <= Math.min(n, SUMMED); i += 1) sum += i ** -EXPONENT;
  if (n <= SUMMED) return Math.max(sum, 1);
  const power = 1 - EXPONENT;
  return sum + ((n + 0.5) ** power - (SUMMED + 0.5) ** power) / power;
}
