/**
 * Where the simulated GPU takes its tokens from. Every source is a pure function of the request and the position, so
 * that a token sampled again after a preemption is the same token.
 */
import type { EngineArgs } from '../../shared/config/registry.ts';
import { Prng } from '../../shared/prng.ts';
import type { Request } from '../scheduler/request.ts';
import type { Corpus } from './corpus.ts';

export interface TokenSource {
  /** The ids in the log probabilities of a prompt: those of the prompt, or, as recorded, ones that just count. */
  readonly promptLogprobIds: 'prompt' | 'counted';
  /** Called once, before the first step of a request. */
  prepare(request: Request): void;
  /** The output token at `position` (0-based), before min_tokens masks stop tokens. */
  tokenAt(request: Request, position: number): number;
}

export type TokenSourceKind = EngineArgs['tokenSource'];

export interface TokenSourceOptions {
  readonly kind: TokenSourceKind;
  readonly seed: number;
  readonly vocabSize: number;
  /** Used where a request does not carry its own (ignore_eos leaves it out, and then nothing ends early). */
  readonly eosTokenId: number | null;
  readonly maxModelLen: number;
  /** Readable text, for `corpus`; without it, frequent ids of the vocabulary. */
  readonly corpus?: Corpus | null;
  /** The median output length of requests that leave it open, in tokens. */
  readonly medianOutputTokens?: number;
}

/** Makes room for special tokens at the start of a vocabulary. */
const FIRST_PLAIN_TOKEN_ID = 3;
const DEFAULT_MEDIAN_OUTPUT_TOKENS = 128;

/** Follows the rule by which the golden data were recorded: 1000 + (sum of the prompt + 7k) % 2000. */
class RuleTokenSource implements TokenSource {
  readonly promptLogprobIds = 'counted';

  prepare(request: Request): void {
    let sum = 0;
    for (const tokenId of request.allTokenIds) sum += tokenId;
    request.tokenSeed = sum;
  }

  tokenAt(request: Request, position: number): number {
    return 1000 + ((request.tokenSeed + 7 * position) % 2000);
  }
}

/** Says the prompt again, then eos. */
class EchoTokenSource implements TokenSource {
  readonly promptLogprobIds = 'prompt';
  readonly #eosTokenId: number | null;

  constructor(options: TokenSourceOptions) {
    this.#eosTokenId = options.eosTokenId;
  }

  prepare(): void {}

  tokenAt(request: Request, position: number): number {
    const { numPromptTokens } = request;
    const isDone = position >= numPromptTokens && request.eosTokenId >= 0;
    if (isDone || numPromptTokens === 0) return this.#eosTokenId ?? Math.max(0, request.eosTokenId);
    return request.allTokenIds[position % numPromptTokens] ?? 0;
  }
}

/**
 * Seeded text: ids drawn from the vocabulary (`random`) or a stretch of a corpus (`corpus`). A request that leaves its
 * length open ends in eos after a seeded number of tokens, spread log-uniformly around the median.
 */
class SeededTokenSource implements TokenSource {
  readonly promptLogprobIds = 'prompt';
  readonly #options: TokenSourceOptions;
  readonly #corpus: Corpus | null;
  #numPrepared = 0;

  constructor(options: TokenSourceOptions) {
    this.#options = options;
    this.#corpus = options.kind === 'corpus' ? (options.corpus ?? null) : null;
  }

  prepare(request: Request): void {
    const { samplingParams } = request;
    let hash = mix(this.#options.seed, request.numPromptTokens);
    for (const tokenId of request.allTokenIds) hash = mix(hash, tokenId);
    if (request.loraRequest !== null) hash = mix(hash, request.loraRequest.loraIntId);
    if (samplingParams.seed !== null) {
      hash = mix(hash, Number(BigInt.asUintN(32, BigInt(samplingParams.seed))));
    } else if (samplingParams.temperature > 0) {
      this.#numPrepared += 1;
      hash = mix(hash, this.#numPrepared);
    }
    const corpus = this.#corpus;
    if (corpus !== null) request.tokenSeed = at(corpus.sentenceStarts, hash);
    // Signed, as `mix` takes it: a small integer, which the request holds in place.
    else request.tokenSeed = hash | 0;
    // The frontend turns an absent max_tokens into all that the context has left.
    const leavesLengthOpen =
      request.numPromptTokens + request.maxTokens >= this.#options.maxModelLen;
    if (leavesLengthOpen && request.eosTokenId >= 0) {
      request.plannedOutputTokens = this.#drawLength(hash, request.tokenSeed);
    }
  }

  tokenAt(request: Request, position: number): number {
    if (position >= request.plannedOutputTokens) return request.eosTokenId;
    const corpus = this.#corpus;
    if (corpus !== null) return at(corpus.tokenIds, request.tokenSeed + position);
    return this.#drawToken(mix(request.tokenSeed, position), request.eosTokenId);
  }

  /** Between a quarter and four times the median; a text goes on to the end of its sentence. */
  #drawLength(hash: number, start: number): number {
    const median = this.#options.medianOutputTokens ?? DEFAULT_MEDIAN_OUTPUT_TOKENS;
    const spread = new Prng(hash ^ 0x5bd1e995).nextFloat() * 4 - 2;
    const length = Math.max(1, Math.round(median * 2 ** spread));
    const corpus = this.#corpus;
    if (corpus === null) return length;
    const size = corpus.tokenIds.length;
    const end = (start + length) % size;
    const next = corpus.sentenceStarts.find((sentence) => sentence >= end) ?? size;
    return length + next - end;
  }

  #drawToken(hash: number, eosTokenId: number): number {
    const { vocabSize, kind } = this.#options;
    const first = Math.min(FIRST_PLAIN_TOKEN_ID, vocabSize - 1);
    const size = vocabSize - first;
    const uniform = hash / 0x1_0000_0000;
    // Low ids of a byte-pair vocabulary are the frequent ones, so a skewed draw reads more like text.
    const share = kind === 'corpus' ? uniform ** 3 : uniform;
    const tokenId = first + Math.floor(share * size);
    return tokenId === eosTokenId ? first + ((tokenId - first + 1) % size) : tokenId;
  }
}

/** The entry at an index that wraps around. */
function at(list: readonly number[], index: number): number {
  return list[index % list.length] ?? 0;
}

/** Mixes one value into a 32-bit hash. */
export function mix(hash: number, value: number): number {
  let z = (Math.imul(hash ^ value, 0x9e3779b1) + 0x85ebca77) >>> 0;
  z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
  z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
  return (z ^ (z >>> 15)) >>> 0;
}

export function createTokenSource(options: TokenSourceOptions): TokenSource {
  switch (options.kind) {
    case 'rule':
      return new RuleTokenSource();
    case 'echo':
      return new EchoTokenSource(options);
    default:
      return new SeededTokenSource(options);
  }
}
