/**
 * What was read of a request's tokens, kept from token to token for those that are constrained or ask for log probabilities,
 * and forgotten with the request.
 */
import type { SamplingParams } from '../../shared/protocol/request.ts';
import type { Request } from '../scheduler/request.ts';
import type { ContextReader } from './context-reader.ts';
import { SamplingRules, type TokensSoFar } from './sampling-rules.ts';
import type { TokenSource } from './token-source.ts';

/** One request up to one of its tokens. */
export class RequestContext implements TokensSoFar {
  readonly reader: ContextReader;
  readonly rules: SamplingRules;
  readonly promptTokenIds: ReadonlySet<number>;
  readonly outputCounts = new Map<number, number>();
  readonly #outputs: number[] = [];
  readonly #numPromptTokens: number;

  constructor(request: Request, reader: ContextReader, vocabSize: number) {
    this.reader = reader;
    this.rules = new SamplingRules(request.samplingParams, vocabSize);
    this.#numPromptTokens = request.numPromptTokens;
    this.promptTokenIds = new Set(
      countsPrompt(request.samplingParams)
        ? request.allTokenIds.slice(0, request.numPromptTokens)
        : [],
    );
  }

  push(tokenId: number): void {
    if (this.reader.numTokens >= this.#numPromptTokens) {
      this.#outputs.push(tokenId);
      this.outputCounts.set(tokenId, (this.outputCounts.get(tokenId) ?? 0) + 1);
    }
    this.reader.push(tokenId);
  }

  lastOutputs(count: number): readonly number[] {
    return count === 0 ? [] : this.#outputs.slice(-count);
  }
}

function countsPrompt({ repetitionPenalty }: SamplingParams): boolean {
  return repetitionPenalty !== 1;
}

export class RequestContexts {
  readonly #tokenSource: TokenSource;
  readonly #vocabSize: number;
  readonly #contexts = new WeakMap<Request, RequestContext>();

  constructor(tokenSource: TokenSource, vocabSize: number) {
    this.#tokenSource = tokenSource;
    this.#vocabSize = vocabSize;
  }

  /**
   * All before the output token at `position`; the last of it may be `pending`, and not the request's yet. O(1) for the
   * position behind the last one asked for.
   */
  before(request: Request, position: number, pending: readonly number[]): RequestContext {
    const numTokens = request.numPromptTokens + position;
    let context = this.#contexts.get(request);
    // What is pending may never come, so it is not kept.
    if (pending.length > 0 || context === undefined || context.reader.numTokens > numTokens) {
      context = new RequestContext(
        request,
        this.#tokenSource.createReader(request),
        this.#vocabSize,
      );
      if (pending.length === 0) this.#contexts.set(request, context);
    }
    const numHeld = numTokens - pending.length;
    for (let i = context.reader.numTokens; i < numHeld; i += 1)
      context.push(request.allTokenIds[i] ?? 0);
    for (const tokenId of pending) context.push(tokenId);
    return context;
  }
}
