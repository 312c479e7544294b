import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loadTokenizer } from '../../src/shared/tokenizer/load-tokenizer.ts';

const tokenizer = await loadTokenizer({ folder: null });
const MAX_RETRIES = 10;

/**
 * The loop by which load generators find a text of so many tokens: cut what is too long, fill up what is too short.
 * Source: vllm/benchmarks/datasets/datasets.py gen_prompt_decode_to_target_len (0.33.0).
 */
function lengthFound(ids: readonly number[], fillers: readonly number[]): number {
  let tokens = ids;
  for (let retry = 0; ; retry += 1) {
    const text = tokenizer.decode(tokens, { skipSpecialTokens: true });
    tokens = tokenizer.encode(text, { addSpecialTokens: false });
    const missing = ids.length - tokens.length;
    if (retry === MAX_RETRIES || missing === 0) return tokens.length;
    const more = Array.from(
      { length: Math.max(0, missing) },
      (_, i) => fillers[i % fillers.length],
    );
    tokens = [...tokens, ...more.map((id) => id ?? 0)].slice(0, ids.length);
  }
}

describe('a prompt of random tokens', () => {
  const tokenIds = (max: number) => fc.integer({ min: 3, max });
  const fillers = fc.array(fc.integer({ min: 259, max: 3999 }), { minLength: 40, maxLength: 40 });

  it.each([
    ['of bytes alone', 258],
    ['of the whole vocabulary', tokenizer.maxTokenId],
    ["of a model's larger vocabulary", 151_935],
  ])('%s finds its length as text', (_name, max) => {
    fc.assert(
      fc.property(
        fc.array(tokenIds(max), { minLength: 1, maxLength: 400 }),
        fillers,
        (ids, fill) => {
          const kept = ids.filter(
            (id) => tokenizer.decode([id], { skipSpecialTokens: true }) !== '',
          );
          if (kept.length > 0) expect(lengthFound(kept, fill)).toBe(kept.length);
        },
      ),
    );
  });
});
