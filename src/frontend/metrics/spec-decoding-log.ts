/**
 * The line on what drafts were worth since the last one, in vLLM's words.
 * Source: vllm/v1/spec_decode/metrics.py SpecDecodingLogging (0.33.0).
 */
import type { SpecDecodingStats } from '../../shared/protocol/stats.ts';

export class SpecDecodingLog {
  #lastLogMs: number;
  #numDrafts = 0;
  #numDraftTokens = 0;
  #numAcceptedTokens = 0;
  #acceptedPerPos: number[] = [];

  /** `nowMs` is monotonic. */
  constructor(nowMs: number) {
    this.#lastLogMs = nowMs;
  }

  observe(stats: SpecDecodingStats): void {
    this.#numDrafts += stats.numDrafts;
    this.#numDraftTokens += stats.numDraftTokens;
    this.#numAcceptedTokens += stats.numAcceptedTokens;
    for (const [position, count] of stats.numAcceptedTokensPerPos.entries())
      this.#acceptedPerPos[position] = (this.#acceptedPerPos[position] ?? 0) + count;
  }

  /** Null where nothing was drafted: the time goes on from the line before, as in vLLM. */
  line(nowMs: number): string | null {
    if (this.#numDrafts === 0) return null;
    const seconds = (nowMs - this.#lastLogMs) / 1000;
    const drafted = this.#numDraftTokens;
    const accepted = this.#numAcceptedTokens;
    const perSecond = (count: number): string => (seconds > 0 ? count / seconds : 0).toFixed(2);
    const rates = this.#acceptedPerPos.map((count) => (count / this.#numDrafts).toFixed(3));
    const parts = [
      `SpecDecoding metrics: Mean acceptance length: ${(1 + accepted / this.#numDrafts).toFixed(2)}`,
      `Accepted throughput: ${perSecond(accepted)} tokens/s`,
      `Drafted throughput: ${perSecond(drafted)} tokens/s`,
      `Accepted: ${accepted} tokens`,
      `Drafted: ${drafted} tokens`,
      `Per-position acceptance rate: ${rates.join(', ')}`,
      `Avg Draft acceptance rate: ${drafted > 0 ? ((accepted / drafted) * 100).toFixed(1) : 'nan'}%`,
    ];
    this.#lastLogMs = nowMs;
    this.#numDrafts = 0;
    this.#numDraftTokens = 0;
    this.#numAcceptedTokens = 0;
    this.#acceptedPerPos = [];
    return parts.join(', ');
  }
}
