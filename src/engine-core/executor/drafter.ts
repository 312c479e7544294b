/** Stands where vLLM has its proposers: what a request's next tokens may be, to be checked in the next step. */
import type { Request } from '../scheduler/request.ts';
import type { Sampler } from './sampler.ts';

export interface Drafter {
  /**
   * At most `maxDrafts` tokens after the output of `request` and `pending`, its tokens of this step, which it does not hold
   * yet. A pure function of them.
   */
  propose(
    request: Request,
    pending: readonly number[],
    context: { readonly maxDrafts: number; readonly sampler: Sampler },
  ): readonly number[];
}
