import { describe, expect, it } from 'vitest';
import { TokenOdds } from '../../../../src/engine-core/executor/token-odds.ts';

const range = (size: number): number[] => Array.from({ length: size }, (_, i) => i);

describe.each([1, 7, 260, 1500, 4026, 151_936])('odds over %i tokens', (vocabSize) => {
  const odds = new TokenOdds(vocabSize);

  it.each([[[]], [[0]], [[vocabSize - 1, 0]], [[5, 5, -1, vocabSize]]])(
    'give every token one rank, with %j first',
    (likely) => {
      const context = odds.after(12_345, likely);
      const ranks = Int32Array.from(range(vocabSize), (id) => context.rankOf(id)).sort();
      expect(ranks.findIndex((rank, i) => rank !== i + 1)).toBe(-1);
      for (let id = 0; id < vocabSize; id += 1 + Math.floor(vocabSize / 500))
        expect(context.tokenAt(context.rankOf(id))).toBe(id);
    },
  );

  it('list the likeliest as they are ranked one by one', () => {
    for (const count of [0, 1, Math.min(vocabSize, 5), vocabSize]) {
      const context = odds.after(77, [vocabSize - 1, 5]);
      const [ids, values] = [new Int32Array(count + 1), new Float32Array(count + 1)];
      context.writeLikeliest(ids, values, 1, count);
      expect(ids[0]).toBe(0);
      const ranks = ids.subarray(1).map((id) => context.rankOf(id));
      expect(ranks.findIndex((rank, i) => rank !== i + 1)).toBe(-1);
      const wrong = values
        .subarray(1)
        .findIndex((value, i) => value !== Math.fround(context.logprobAt(i + 1)));
      expect(wrong).toBe(-1);
    }
  });

  it('are a distribution that falls with the rank, in single precision too', () => {
    for (const hash of [0, 1, 2 ** 31, 0xffff_ffff]) {
      const context = odds.after(hash, []);
      const values = range(vocabSize).map((i) => Math.fround(context.logprobAt(i + 1)));
      const sum = values.reduce((total, value) => total + Math.exp(value), 0);
      expect(sum).toBeLessThanOrEqual(1);
      expect(sum).toBeGreaterThan(vocabSize === 1 ? 0.99 : 0.999);
      for (let i = 1; i < values.length; i += 1)
        if ((values[i] ?? 0) >= (values[i - 1] ?? 0)) expect.fail(`rank ${i + 1} of ${vocabSize}`);
    }
  });
});

describe('odds', () => {
  it('differ by context', () => {
    const odds = new TokenOdds(4026);
    const firsts = range(200).map((hash) => odds.after(hash * 7919, []));
    expect(new Set(firsts.map((context) => context.tokenAt(1))).size).toBeGreaterThan(100);
    expect(new Set(firsts.map((context) => context.logprobAt(1))).size).toBe(200);
  });

  it('put words before odd bytes and markers, and those before what only a larger vocabulary has', () => {
    const context = new TokenOdds(151_936).after(99, []);
    expect(context.tokenAt(1)).toBeGreaterThanOrEqual(259);
    const ranks = [300, 10, 3000, 150, 1, 100_000].map((id) => context.rankOf(id));
    expect(ranks).toEqual([...ranks].sort((a, b) => a - b));
  });
});
