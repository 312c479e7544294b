/** When the requests of a load are due and what they are: the same load, the same plan. Pure. */
import { Prng } from '../shared/prng.ts';
import type { Load, LoadRate, TokenLength } from './load.ts';

export interface PlannedRequest {
  readonly index: number;
  /** Since the load's begin. */
  readonly atMs: number;
  readonly promptTokens: number;
  /** Of the prompt: what all requests begin with. */
  readonly sharedTokens: number;
  readonly outputTokens: number;
  /** Its client goes after so many tokens of the answer; null where it stays. */
  readonly abortAfterTokens: number | null;
}

export class LoadPlan {
  readonly #load: Load;
  readonly #prng: Prng;
  #index = 0;
  /** Expected arrivals at which the next request comes: the integral of the rate. */
  #arrivals = 0;

  constructor(load: Load) {
    this.#load = load;
    this.#prng = new Prng(load.seed);
  }

  /** Null once no more come. */
  next(): PlannedRequest | null {
    const { rate, arrival, forMs, promptTokens, outputTokens, sharedPrefix, abort } = this.#load;
    // The first of a constant rate comes at once.
    if (arrival === 'poisson') this.#arrivals -= Math.log(1 - this.#prng.nextFloat());
    else if (this.#index > 0) this.#arrivals += 1;
    const atMs = arrivalMs(rate, this.#arrivals);
    if (atMs === null || (forMs !== null && atMs >= forMs)) return null;
    const prompt = lengthOf(promptTokens, this.#prng);
    const output = lengthOf(outputTokens, this.#prng);
    const isAborted = this.#prng.nextFloat() < abort;
    const abortAfter = 1 + this.#prng.nextBelow(Math.max(1, output - 1));
    return {
      index: this.#index++,
      atMs,
      promptTokens: prompt,
      sharedTokens: Math.floor(prompt * sharedPrefix),
      outputTokens: output,
      abortAfterTokens: isAborted ? abortAfter : null,
    };
  }
}

/** When so many requests have come; null for never. */
function arrivalMs({ from, to, overMs }: LoadRate, arrivals: number): number | null {
  const overS = overMs / 1000;
  const rising = ((from + to) / 2) * overS;
  if (arrivals >= rising) return to === 0 ? null : overMs + ((arrivals - rising) / to) * 1000;
  // from·t + (to − from)·t² / (2·over) = arrivals, in the form that is exact for a flat rate too.
  const slope = (to - from) / overS;
  const root = Math.sqrt(Math.max(0, from * from + 2 * slope * arrivals));
  return arrivals === 0 ? 0 : ((2 * arrivals) / (from + root)) * 1000;
}

function lengthOf(length: TokenLength, prng: Prng): number {
  switch (length.kind) {
    case 'constant':
      return length.tokens;
    case 'uniform':
      return length.min + prng.nextBelow(length.max - length.min + 1);
    case 'normal': {
      const radius = Math.sqrt(-2 * Math.log(1 - prng.nextFloat()));
      const standard = radius * Math.cos(2 * Math.PI * prng.nextFloat());
      const tokens = Math.round(length.mean + length.stddev * standard);
      return Math.min(length.max, Math.max(length.min, tokens));
    }
  }
}

/** Small token ids, which every vocabulary has. */
const FIRST_TOKEN_ID = 100;
const NUM_TOKEN_IDS = 151;

/** The prompt's token ids: alike in all requests of a seed up to the shared part, unlike from there on. */
export function promptTokenIds(
  { seed }: Pick<Load, 'seed'>,
  { index, promptTokens, sharedTokens }: PlannedRequest,
): number[] {
  const shared = new Prng(seed);
  const own = new Prng(Math.imul(seed + 1, 0x85ebca6b) ^ Math.imul(index + 1, 0xc2b2ae35));
  return Array.from({ length: promptTokens }, (_, at) => {
    const prng = at < sharedTokens ? shared : own;
    return FIRST_TOKEN_ID + prng.nextBelow(NUM_TOKEN_IDS);
  });
}
