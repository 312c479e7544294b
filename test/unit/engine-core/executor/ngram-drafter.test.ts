import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { proposeNgram } from '../../../../src/engine-core/executor/ngram-drafter.ts';

const RULE = { minNgram: 2, maxNgram: 4, maxModelLen: 100 };

describe('drafts out of n-grams', () => {
  it.each([
    ['after the earliest match', [1, 2, 3, 4, 1, 2, 3, 5, 1, 2, 3], [4, 1, 2]],
    ['after the longest match', [9, 2, 3, 7, 1, 2, 3, 8, 1, 2, 3], [8, 1, 2]],
    ['no more than there is', [1, 2, 1, 2], [1, 2]],
    ['none for a match that is too short', [1, 2, 3, 4, 2], []],
    ['none without a match', [1, 2, 3, 4], []],
    ['none of a single token', [1], []],
  ])('%s', (_name, tokens, drafts) => {
    expect(proposeNgram(tokens, 3, RULE)).toEqual(drafts);
  });

  it('stay within the context', () => {
    const tokens = [1, 2, 3, 4, 1, 2];
    expect(proposeNgram(tokens, 3, { ...RULE, maxModelLen: 7 })).toEqual([3]);
    expect(proposeNgram(tokens, 3, { ...RULE, maxModelLen: 6 })).toEqual([]);
  });

  it('are those of a search that tries every length and place', () => {
    const rule = fc.record({ minNgram: fc.integer({ min: 1, max: 3 }), more: fc.nat(3) });
    const tokens = fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(
        tokens,
        rule,
        fc.integer({ min: 1, max: 5 }),
        (list, { minNgram, more }, count) => {
          const maxNgram = minNgram + more;
          const found = proposeNgram(list, count, { minNgram, maxNgram, maxModelLen: 1000 });
          expect(found).toEqual(searchAll(list, count, minNgram, maxNgram));
        },
      ),
      { numRuns: 500 },
    );
  });
});

function searchAll(
  tokens: readonly number[],
  count: number,
  minNgram: number,
  maxNgram: number,
): readonly number[] {
  for (let size = maxNgram; size >= minNgram; size -= 1) {
    const start = tokens.length - size;
    for (let place = 0; place < start; place += 1) {
      const isSame = tokens.slice(start).every((token, i) => tokens[place + i] === token);
      if (isSame) return tokens.slice(place + size, place + size + count);
    }
  }
  return [];
}
