/**
 * Drafts out of what a request has said and was told: the tokens after the earliest place where its last ones stand already.
 * Source: vllm/v1/spec_decode/ngram_proposer.py NgramProposer (0.33.0).
 */
import type { Request } from '../scheduler/request.ts';
import type { Drafter } from './drafter.ts';

export interface NgramRule {
  /** prompt_lookup_min, in tokens. */
  readonly minNgram: number;
  /** prompt_lookup_max. */
  readonly maxNgram: number;
  readonly maxModelLen: number;
}

export class NgramDrafter implements Drafter {
  readonly #rule: NgramRule;

  constructor(rule: NgramRule) {
    this.#rule = rule;
  }

  propose(
    request: Request,
    pending: readonly number[],
    { maxDrafts }: { readonly maxDrafts: number },
  ): readonly number[] {
    return proposeNgram([...request.allTokenIds, ...pending], maxDrafts, this.#rule);
  }
}

/** At most `maxDrafts` tokens; none where nothing of at least `minNgram` tokens matches. O(tokens). */
export function proposeNgram(
  tokens: readonly number[],
  maxDrafts: number,
  { minNgram, maxNgram, maxModelLen }: NgramRule,
): readonly number[] {
  const total = tokens.length;
  const count = Math.min(maxDrafts, maxModelLen - total);
  if (total < minNgram || count <= 0) return [];
  const { length, end } = longestMatch(tokens, maxNgram);
  return length < minNgram ? [] : tokens.slice(end, end + count);
}

/**
 * The longest n-gram at the end that stands earlier as well, and where its earliest occurrence ends: a search for the reversed
 * tokens' own prefix, by the longest prefix that is a suffix so far.
 */
function longestMatch(
  tokens: readonly number[],
  maxNgram: number,
): { readonly length: number; readonly end: number } {
  const last = tokens.length - 1;
  const prefixes = new Int32Array(maxNgram);
  let longest = 0;
  let position = 0;
  let matched = 0;
  let i = 1;
  while (i <= last) {
    if (tokens[last - matched] === tokens[last - i]) {
      matched += 1;
      if (matched >= longest) {
        longest = matched;
        position = i;
      }
      if (i < maxNgram) prefixes[i] = matched;
      if (matched === maxNgram) matched = prefixes[maxNgram - 1] ?? 0;
      i += 1;
    } else if (matched !== 0) {
      matched = prefixes[matched - 1] ?? 0;
    } else {
      i += 1;
    }
  }
  return { length: longest, end: last - position + longest };
}
