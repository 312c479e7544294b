/**
 * The drafter of the recordings' stand-in model: right in so many of ten cases, else token 3, and with `ragged` not always
 * the full number.
 */
import type { Drafter } from '../../engine-core/executor/drafter.ts';
import type { Sampler } from '../../engine-core/executor/sampler.ts';
import type { Request } from '../../engine-core/scheduler/request.ts';

const WRONG_TOKEN = 3;

export class ScriptedDrafter implements Drafter {
  readonly #accept: number;
  readonly #isRagged: boolean;

  constructor({ accept, isRagged }: { readonly accept: number; readonly isRagged: boolean }) {
    this.#accept = accept;
    this.#isRagged = isRagged;
  }

  propose(
    request: Request,
    pending: readonly number[],
    { maxDrafts, sampler }: { readonly maxDrafts: number; readonly sampler: Sampler },
  ): readonly number[] {
    let sum = 0;
    for (let i = 0; i < request.numPromptTokens; i += 1) sum += request.allTokenIds[i] ?? 0;
    const start = request.numOutputTokens + pending.length;
    const count = this.#isRagged ? (sum + start) % (maxDrafts + 1) : maxDrafts;
    const ahead = pending.slice();
    const drafts: number[] = [];
    for (let position = start; position < start + count; position += 1) {
      const right = sampler.tokenAt(request, position, ahead);
      drafts.push((sum + 3 * position) % 10 < this.#accept ? right : WRONG_TOKEN);
      ahead.push(right);
    }
    return drafts;
  }
}
