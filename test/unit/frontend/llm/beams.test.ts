import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type BeamSearchParams, Beams } from '../../../../src/frontend/llm/beams.ts';
import type { PositionLogprobs } from '../../../../src/frontend/llm/logprobs.ts';

const EOS = 9;

function createBeams(params: Partial<BeamSearchParams> = {}): Beams {
  const all = {
    beamWidth: 2,
    maxTokens: 5,
    ignoreEos: false,
    temperature: 0,
    lengthPenalty: 1,
    includeStopStrInOutput: false,
    skipSpecialTokens: true,
    allowedTokenIds: null,
    ...params,
  };
  return new Beams([1, 2], all, new Set([EOS]));
}

/** `[id, logprob]` a candidate. */
function table(...candidates: (readonly [number, number])[]): PositionLogprobs {
  return new Map(
    candidates.map(([id, logprob], rank) => [id, { logprob, rank, decodedToken: `${id}` }]),
  );
}

const outputs = (beams: Beams) => beams.best().map(({ tokenIds }) => tokenIds.slice(2));

describe('beams', () => {
  it('go on from the likeliest of all, whichever beam those come from', () => {
    const beams = createBeams();
    beams.advance([table([3, -1], [4, -1.5], [5, -9])]);
    expect(beams.running.map(({ tokenIds }) => tokenIds.at(-1))).toEqual([3, 4]);
    beams.advance([table([6, -3], [7, -4]), table([8, -0.25], [5, -0.5])]);
    expect(outputs(beams)).toEqual([
      [4, 8],
      [4, 5],
    ]);
    expect(beams.best().map(({ cumulativeLogprob }) => cumulativeLogprob)).toEqual([-1.75, -2]);
    expect(beams.best()[0]?.logprobs).toHaveLength(2);
  });

  it('end with eos, which counts as a token and is not shown', () => {
    const beams = createBeams();
    beams.advance([table([EOS, -0.5], [3, -1], [4, -2])]);
    expect(beams.running.map(({ tokenIds }) => tokenIds.at(-1))).toEqual([3, 4]);
    const [first] = beams.best();
    expect(first).toMatchObject({ tokenIds: [1, 2], finishReason: 'stop', stopReason: EOS });
    expect(first?.logprobs).toHaveLength(1);
  });

  it('show eos where stop strings are shown, and go on behind it where it is ignored', () => {
    const shown = createBeams({ includeStopStrInOutput: true });
    shown.advance([table([EOS, -0.5], [3, -1])]);
    expect(outputs(shown)[0]).toEqual([EOS]);
    expect(shown.best().map((beam) => shown.hidesLast(beam))).toEqual([true, false]);
    const ignored = createBeams({ ignoreEos: true });
    ignored.advance([table([EOS, -0.5], [3, -1])]);
    expect(ignored.best()[0]).toMatchObject({ tokenIds: [1, 2, EOS], finishReason: null });
    expect(ignored.best().map((beam) => ignored.hidesLast(beam))).toEqual([false, false]);
  });

  it.each([
    [1, [3, 4]],
    [0, []],
  ])('are scored by their length to the power of %i', (lengthPenalty, expected) => {
    const beams = createBeams({ lengthPenalty });
    beams.advance([table([EOS, -1.5], [3, -1])]);
    beams.advance([table([4, -1])]);
    expect(outputs(beams)[0]).toEqual(expected);
  });

  it('are made of allowed tokens that can be said at all', () => {
    const beams = createBeams({ allowedTokenIds: [4, 5, 6] });
    beams.advance([table([3, -0.1], [5, -3], [4, -2], [6, -Infinity])]);
    expect(outputs(beams)).toEqual([[4], [5]]);
    expect([...(beams.best()[0]?.logprobs[0]?.keys() ?? [])]).toEqual([4, 5]);
  });

  it('are the prompt alone where nothing was searched, and end as aborted', () => {
    const beams = createBeams();
    expect(outputs(beams)).toEqual([[]]);
    beams.abort();
    expect(beams.best()[0]?.finishReason).toBe('abort');
  });

  it('are distinct and in the order of their scores, whatever the odds', () => {
    const logprob = fc.double({ min: -9, max: -0.01, noNaN: true });
    const tables = fc.array(fc.array(logprob, { minLength: 9, maxLength: 9 }), {
      minLength: 1,
      maxLength: 6,
    });
    fc.assert(
      fc.property(tables, fc.integer({ min: 1, max: 4 }), (steps, beamWidth) => {
        const beams = createBeams({ beamWidth });
        for (const step of steps)
          beams.advance(
            beams.running.map(({ tokenIds }) => {
              const turn = (tokenIds.at(-1) ?? 0) % 5;
              return table(...step.map((value, i) => [EOS - i, value - turn] as const));
            }),
          );
        const found = beams.best();
        expect(found.length).toBeLessThanOrEqual(beamWidth);
        expect(new Set(found.map(({ tokenIds }) => tokenIds.join())).size).toBe(found.length);
        const scores = found.map((beam) => beam.cumulativeLogprob / beam.logprobs.length);
        expect(scores).toEqual([...scores].sort((a, b) => b - a));
      }),
    );
  });
});
