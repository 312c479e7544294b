/**
 * Drafts that are right as often as is asked for, whatever would make them: seeded by the request, so that the same request
 * has the same drafts.
 */
import type { Request } from '../scheduler/request.ts';
import type { Drafter } from './drafter.ts';
import type { Sampler } from './sampler.ts';
import { mixToken as mix } from './token-hash.ts';

export interface AcceptanceRule {
  /** The chance that the drafts up to each position are all right; never rises. */
  readonly rates: readonly number[];
  readonly seed: number;
  readonly vocabSize: number;
  readonly maxModelLen: number;
}

export class AcceptanceDrafter implements Drafter {
  readonly #rule: AcceptanceRule;

  constructor(rule: AcceptanceRule) {
    this.#rule = rule;
  }

  propose(
    request: Request,
    pending: readonly number[],
    { maxDrafts, sampler }: { readonly maxDrafts: number; readonly sampler: Sampler },
  ): readonly number[] {
    const { rates, vocabSize, maxModelLen } = this.#rule;
    const start = request.numOutputTokens + pending.length;
    const count = Math.min(maxDrafts, maxModelLen - request.numPromptTokens - start);
    if (count <= 0) return [];
    const draw = mix(this.#seedOf(request), start) / 0x1_0000_0000;
    // One draw for the whole draft: it is right up to the first position whose rate is not above it.
    const numRight = rates.findIndex((rate) => draw >= rate);
    const ahead = pending.slice();
    const drafts: number[] = [];
    for (let i = 0; i < count; i += 1) {
      const right = sampler.tokenAt(request, start + i, ahead);
      ahead.push(right);
      if (numRight < 0 || i < numRight) {
        drafts.push(right);
        continue;
      }
      drafts.push((right + 1) % vocabSize);
      // What comes after a wrong draft is never looked at.
      while (drafts.length < count) drafts.push((right + 1) % vocabSize);
      break;
    }
    return drafts;
  }

  #seedOf(request: Request): number {
    if (request.draftSeed === 0) {
      let hash = mix(this.#rule.seed, request.numPromptTokens);
      for (let i = 0; i < request.numPromptTokens; i += 1)
        hash = mix(hash, request.allTokenIds[i] ?? 0);
      const { seed } = request.samplingParams;
      if (seed !== null) hash = mix(hash, Number(BigInt.asUintN(32, BigInt(seed))));
      request.draftSeed = mix(hash, request.tokenSeed) | 1;
    }
    return request.draftSeed;
  }
}
