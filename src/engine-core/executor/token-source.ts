/**
 * Where the simulated GPU takes its tokens from. Every source is a pure function of the request and the position, so
 * that a token sampled again after a preemption is the same token.
 */
import type { EngineArgs } from '../../shared/config/registry.ts';
import { Prng } from '../../shared/prng.ts';
import type { Request } from '../scheduler/request.ts';
import {
  type ContextReader,
  CorpusIndex,
  GreedyReader,
  HashReader,
  type Speaker,
} from './context-reader.ts';
import type { Corpus } from './corpus.ts';
import { isGreedy } from './sampling-rules.ts';
import { mixToken as mix, shareOf } from './token-hash.ts';

export interface TokenSource {
  /** The ids in the log probabilities of a prompt: those of the prompt, or, as recorded, ones that just count. */
  readonly promptLogprobIds: 'prompt' | 'counted';
  /** Called once, before the first step of a request. */
  prepare(request: Request): void;
  /** The output token at `position` (0-based), before min_tokens masks stop tokens. */
  tokenAt(request: Request, position: number): number;
  /** Reads a text from its beginning, as this source would. */
  createReader(request: Request): ContextReader;
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
  readonly #seed: number;

  constructor(options: TokenSourceOptions) {
    this.#seed = options.seed;
  }

  prepare(request: Request): void {
    let sum = 0;
    for (const tokenId of request.allTokenIds) sum += tokenId;
    request.tokenSeed = sum;
  }

  tokenAt(request: Request, position: number): number {
    return 1000 + ((request.tokenSeed + 7 * position) % 2000);
  }

  createReader(): ContextReader {
    return new HashReader(mix(this.#seed, 0));
  }
}

/** Says the prompt again, then eos. */
class EchoTokenSource implements TokenSource {
  readonly promptLogprobIds = 'prompt';
  readonly #eosTokenId: number | null;
  readonly #seed: number;

  constructor(options: TokenSourceOptions) {
    this.#eosTokenId = options.eosTokenId;
    this.#seed = options.seed;
  }

  prepare(): void {}

  createReader(): ContextReader {
    return new HashReader(mix(this.#seed, 0));
  }

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
  readonly #index: CorpusIndex | null;
  #numPrepared = 0;

  constructor(options: TokenSourceOptions) {
    this.#options = options;
    this.#corpus = options.kind === 'corpus' ? (options.corpus ?? null) : null;
    this.#index = this.#corpus === null ? null : new CorpusIndex(this.#corpus);
  }

  prepare(request: Request): void {
    const { samplingParams } = request;
    let hash: number;
    if (isGreedy(samplingParams)) {
      const reader = this.createReader(request);
      for (const tokenId of request.allTokenIds) reader.push(tokenId);
      hash = reader.hash;
      const { seed, length } = reader.next();
      request.tokenSeed = seed;
      request.tokenOffset = length;
    } else {
      hash = this.#firstHash(request);
      for (const tokenId of request.allTokenIds) hash = mix(hash, tokenId);
      hash = mix(hash, this.#chanceOf(samplingParams.seed));
      request.tokenSeed = this.#seedOf(hash);
    }
    // The frontend turns an absent max_tokens into all that the context has left.
    const leavesLengthOpen =
      request.numPromptTokens + request.maxTokens >= this.#options.maxModelLen;
    if (leavesLengthOpen && request.eosTokenId >= 0) {
      request.plannedOutputTokens = this.#drawLength(hash, request.tokenSeed + request.tokenOffset);
    }
  }

  #firstHash({ loraRequest }: Request): number {
    return mix(this.#options.seed, loraRequest?.loraIntId ?? 0);
  }

  #chanceOf(seed: number | bigint | null): number {
    if (seed !== null) return Number(BigInt.asUintN(32, BigInt(seed)));
    this.#numPrepared += 1;
    return this.#numPrepared;
  }

  /** Signed, as `mix` takes it: a small integer, which the request holds in place. */
  #seedOf(hash: number): number {
    const corpus = this.#corpus;
    return corpus === null ? hash | 0 : at(corpus.sentenceStarts, hash);
  }

  #tokenOf(seed: number, position: number, eosTokenId: number): number {
    const corpus = this.#corpus;
    return corpus === null
      ? this.#drawToken(mix(seed, position), eosTokenId)
      : at(corpus.tokenIds, seed + position);
  }

  tokenAt(request: Request, position: number): number {
    if (position >= request.plannedOutputTokens) return request.eosTokenId;
    return this.#tokenOf(request.tokenSeed, request.tokenOffset + position, request.eosTokenId);
  }

  createReader(request: Request): GreedyReader {
    const speaker: Speaker = {
      corpus: this.#index,
      seedOf: (hash) => this.#seedOf(hash),
      tokenOf: (seed, position) => this.#tokenOf(seed, position, request.eosTokenId),
    };
    return new GreedyReader(speaker, this.#firstHash(request));
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
    const uniform = shareOf(hash);
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

export function createTokenSource(options: TokenSourceOptions): TokenSource {
  switch (options.kind) {
    case 'rule':
      return new RuleTokenSource(options);
    case 'echo':
      return new EchoTokenSource(options);
    default:
      return new SeededTokenSource(options);
  }
}
