/** Counts of drafts and of how many of them held: one for a step, one for a request. */
import type { RequestSpecDecodeMetrics } from '../../shared/protocol/outputs.ts';
import type { SpecDecodingStats } from '../../shared/protocol/stats.ts';

/** One request's, over its life. Source: vllm/v1/metrics/stats.py RequestSpecDecodeMetrics (0.33.0). */
export class SpecDecodeCounter implements RequestSpecDecodeMetrics {
  readonly numSpecTokens: number;
  /** Steps by the number of drafts that held. */
  readonly histogram: number[];
  numDraftTokens = 0;
  readonly perStepAccepted: number[] = [];
  readonly perStepDrafted: number[] = [];
  readonly #isDetailed: boolean;

  constructor(numSpecTokens: number, isDetailed: boolean) {
    this.numSpecTokens = numSpecTokens;
    this.histogram = new Array<number>(numSpecTokens + 1).fill(0);
    this.#isDetailed = isDetailed;
  }

  observe(numDraftTokens: number, numAccepted: number): void {
    this.histogram[numAccepted] = (this.histogram[numAccepted] ?? 0) + 1;
    this.numDraftTokens += numDraftTokens;
    if (!this.#isDetailed) return;
    this.perStepAccepted.push(numAccepted);
    this.perStepDrafted.push(numDraftTokens);
  }
}

/** One step's, over its requests. Source: vllm/v1/spec_decode/metrics.py SpecDecodingStats (0.33.0). */
export class StepDraftCounter implements SpecDecodingStats {
  readonly numSpecTokens: number;
  numDrafts = 0;
  numDraftTokens = 0;
  numAcceptedTokens = 0;
  readonly numAcceptedTokensPerPos: number[];
  readonly numDraftTokensPerPos: number[];

  constructor(numSpecTokens: number) {
    this.numSpecTokens = numSpecTokens;
    this.numAcceptedTokensPerPos = new Array<number>(numSpecTokens).fill(0);
    this.numDraftTokensPerPos = new Array<number>(numSpecTokens).fill(0);
  }

  observe(numDraftTokens: number, numAccepted: number): void {
    this.numDrafts += 1;
    this.numDraftTokens += numDraftTokens;
    this.numAcceptedTokens += numAccepted;
    countPositions(this.numAcceptedTokensPerPos, numAccepted);
    countPositions(this.numDraftTokensPerPos, numDraftTokens);
  }
}

function countPositions(counts: number[], end: number): void {
  for (let i = 0; i < end; i += 1) counts[i] = (counts[i] ?? 0) + 1;
}
