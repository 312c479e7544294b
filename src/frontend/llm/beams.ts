/**
 * The beams of a search and how they are chosen. Pure.
 * Source: vllm/entrypoints/generate/beam_search/online.py, utils.py (0.33.0).
 */
import type { PositionLogprobs } from './logprobs.ts';

/** Source: vllm/sampling_params.py BeamSearchParams. Leaves out: structured outputs, which no frontend fills in. */
export interface BeamSearchParams {
  readonly beamWidth: number;
  readonly maxTokens: number;
  readonly ignoreEos: boolean;
  readonly temperature: number;
  /** Above 0 longer beams are preferred, below 0 shorter ones. */
  readonly lengthPenalty: number;
  readonly includeStopStrInOutput: boolean;
  readonly skipSpecialTokens: boolean;
  /** Null: all. */
  readonly allowedTokenIds: readonly number[] | null;
}

export interface Beam {
  /** Prompt, then output. */
  readonly tokenIds: readonly number[];
  /** One per generated token, an eos that `tokenIds` leaves out included. */
  readonly logprobs: readonly PositionLogprobs[];
  readonly cumulativeLogprob: number;
  readonly finishReason: 'stop' | 'abort' | null;
  readonly stopReason: number | null;
}

export class Beams {
  /** Those that go on, the likeliest first. */
  running: readonly Beam[];
  readonly #completed: Beam[] = [];
  readonly #params: BeamSearchParams;
  readonly #eosTokenIds: ReadonlySet<number>;
  readonly #allowed: ReadonlySet<number> | null;

  constructor(
    promptTokenIds: readonly number[],
    params: BeamSearchParams,
    eosTokenIds: ReadonlySet<number>,
  ) {
    this.#params = params;
    this.#eosTokenIds = eosTokenIds;
    this.#allowed = params.allowedTokenIds === null ? null : new Set(params.allowedTokenIds);
    const logprobs: readonly PositionLogprobs[] = [];
    const open = { finishReason: null, stopReason: null };
    this.running = [{ tokenIds: promptTokenIds, logprobs, cumulativeLogprob: 0, ...open }];
  }

  /** `tables`: what may come next of each running beam. */
  advance(tables: readonly PositionLogprobs[]): void {
    const candidates: Beam[] = [];
    for (const [index, beam] of this.running.entries()) {
      const table = this.#narrow(tables[index] ?? new Map());
      for (const [tokenId, { logprob }] of table) {
        const next = this.#extend(beam, tokenId, logprob, table);
        (next.finishReason === null ? candidates : this.#completed).push(next);
      }
    }
    this.running = candidates
      .sort((a, b) => b.cumulativeLogprob - a.cumulativeLogprob)
      .slice(0, this.#params.beamWidth);
  }

  /** Ends all that run, where one was aborted. */
  abort(): void {
    this.running = this.running.map((beam) => ({ ...beam, finishReason: 'abort' }));
  }

  /** The best of all, by their score. */
  best(): readonly Beam[] {
    return [...this.#completed, ...this.running]
      .sort((a, b) => this.#score(b) - this.#score(a))
      .slice(0, this.#params.beamWidth);
  }

  /** Whether it ends in an eos that its text does not show. */
  hidesLast({ tokenIds }: Beam): boolean {
    const last = tokenIds.at(-1);
    return last !== undefined && this.#eosTokenIds.has(last) && !this.#params.ignoreEos;
  }

  #narrow(table: PositionLogprobs): PositionLogprobs {
    const allowed = this.#allowed;
    if (allowed === null) return table;
    return new Map(
      [...table]
        .filter(([tokenId, { logprob }]) => allowed.has(tokenId) && Number.isFinite(logprob))
        .sort(([, a], [, b]) => b.logprob - a.logprob),
    );
  }

  #extend(beam: Beam, tokenId: number, logprob: number, table: PositionLogprobs): Beam {
    const isEnd = this.#eosTokenIds.has(tokenId) && !this.#params.ignoreEos;
    const isShown = !isEnd || this.#params.includeStopStrInOutput;
    return {
      tokenIds: isShown ? [...beam.tokenIds, tokenId] : beam.tokenIds,
      logprobs: [...beam.logprobs, table],
      cumulativeLogprob: beam.cumulativeLogprob + logprob,
      finishReason: isEnd ? 'stop' : null,
      stopReason: isEnd ? tokenId : null,
    };
  }

  #score({ cumulativeLogprob, logprobs }: Beam): number {
    return cumulativeLogprob / Math.max(logprobs.length, 1) ** this.#params.lengthPenalty;
  }
}
