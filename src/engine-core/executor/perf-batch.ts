/**
 * One step as vLLM's estimates see it: requests that are prefilled and requests that decode, with the tokens they compute and
 * the context these look back on. Source: vllm/v1/metrics/perf.py ExecutionContext (0.33.0).
 */
import { ScheduleKind, type SchedulerOutput } from '../scheduler/scheduler-output.ts';

export class PerfBatch {
  numPrefillRequests = 0;
  prefillTokens = 0;
  decodeTokens = 0;
  readonly #requests: { numTokens: number; contextLen: number; isPrefill: boolean }[] = [];

  /** Requests that are new are prefilled, and others with more than one token. Resumed ones are new to model runner v2. */
  static of(output: SchedulerOutput): PerfBatch {
    const batch = new PerfBatch();
    for (let i = 0; i < output.numRequests; i += 1) {
      const numTokens = output.numScheduledTokens[i] ?? 0;
      const contextLen = (output.numComputedTokens[i] ?? 0) + numTokens;
      batch.add(numTokens, contextLen, output.kinds[i] !== ScheduleKind.RUNNING || numTokens > 1);
    }
    return batch;
  }

  add(numTokens: number, contextLen: number, isPrefill: boolean): void {
    this.#requests.push({ numTokens, contextLen, isPrefill });
    if (isPrefill) {
      this.numPrefillRequests += 1;
      this.prefillTokens += numTokens;
    } else {
      this.decodeTokens += numTokens;
    }
  }

  get numTokens(): number {
    return this.prefillTokens + this.decodeTokens;
  }

  /** Prefilled requests need logits of their last token alone. */
  get numLogitsTokens(): number {
    return this.numPrefillRequests + this.decodeTokens;
  }

  /** Tokens times context, over all requests; a context is at most `window`. */
  tokenContextProduct(window = Number.POSITIVE_INFINITY): number {
    let sum = 0;
    for (const { numTokens, contextLen } of this.#requests)
      sum += numTokens * Math.min(contextLen, window);
    return sum;
  }

  /** Of the prefilled requests, or of those that decode. */
  contextLen(ofPrefills: boolean, window = Number.POSITIVE_INFINITY): number {
    let sum = 0;
    for (const { contextLen, isPrefill } of this.#requests)
      if (isPrefill === ofPrefills) sum += Math.min(contextLen, window);
    return sum;
  }
}
