import { describe, expect, it } from 'vitest';
import { Logits } from '../../../../src/engine-core/executor/logprobs-mode.ts';
import { ProcessedOdds } from '../../../../src/engine-core/executor/processed-odds.ts';
import { samplingMask } from '../../../../src/engine-core/executor/sampling-mask.ts';
import { TokenOdds } from '../../../../src/engine-core/executor/token-odds.ts';
import { samplingMaskRows } from '../../../../src/frontend/llm/logprobs.ts';
import { createSamplingParams } from '../../../../src/shared/protocol/defaults.ts';
import type { SamplingParams } from '../../../../src/shared/protocol/request.ts';

const VOCAB_SIZE = 300;
const odds = new TokenOdds(VOCAB_SIZE).after(7, [104, 105]);

function processed(fields: Partial<SamplingParams>): ProcessedOdds {
  return new ProcessedOdds(odds, { ...createSamplingParams(), ...fields });
}

function total(each: ProcessedOdds): number {
  const ranks = Array.from({ length: VOCAB_SIZE }, (_, i) => i + 1);
  return ranks.reduce((sum, rank) => sum + Math.exp(each.logprobAt(rank)), 0);
}

describe('the odds that sampling parameters leave', () => {
  it.each<[string, Partial<SamplingParams>]>([
    ['all', {}],
    ['top-k', { topK: 5 }],
    ['top-p', { topP: 0.9 }],
    ['min-p', { minP: 0.01 }],
    ['temperature and all of these', { temperature: 0.8, topK: 5, topP: 0.9, minP: 0.001 }],
    ['greedy', { temperature: 0 }],
  ])('are a distribution over the kept tokens: %s', (_, fields) => {
    const left = processed(fields);
    expect(left.numKept).toBeGreaterThan(0);
    expect(total(left)).toBeCloseTo(1, 6);
    expect(left.keptIds()).toHaveLength(left.numKept);
    for (const id of left.keptIds()) expect(left.logprobOf(id)).toBeGreaterThan(-Infinity);
    expect(left.logprobAt(left.numKept + 1)).toBe(-Infinity);
  });

  it('keep what each parameter keeps', () => {
    expect(processed({}).numKept).toBe(VOCAB_SIZE);
    expect(processed({ topK: -1 }).numKept).toBe(VOCAB_SIZE);
    expect([...processed({ topK: 2 }).keptIds()]).toEqual([104, 105]);
    expect(processed({ temperature: 0, topK: 9 }).numKept).toBe(1);
    expect(processed({ topP: 1e-9 }).numKept).toBe(1);
    expect(processed({ minP: 1 }).numKept).toBe(1);
  });

  it('are written as they are ranked, forbidden tokens with -Infinity', () => {
    const [ids, values] = [new Int32Array(4), new Float32Array(4)];
    const left = processed({ topK: 2 });
    left.writeLikeliest(ids, values, 1, 3);
    expect([...ids.subarray(1, 3)]).toEqual([104, 105]);
    expect(values[1]).toBe(Math.fround(left.logprobAt(1)));
    expect(values[3]).toBe(-Infinity);
  });
});

it('logits differ from log probabilities by a constant', () => {
  const logits = new Logits(odds);
  expect(logits.logprobOf(105) - logits.logprobOf(104)).toBeCloseTo(
    odds.logprobOf(105) - odds.logprobOf(104),
  );
  expect(logits.logprobAt(1)).toBeGreaterThan(0);
  const [ids, values] = [new Int32Array(1), new Float32Array(1)];
  logits.writeLikeliest(ids, values, 0, 1);
  expect([ids[0], values[0], logits.vocabSize]).toEqual([
    104,
    Math.fround(logits.logprobAt(1)),
    VOCAB_SIZE,
  ]);
});

it('a mask of several tokens comes back row by row', () => {
  const rows = [Int32Array.of(1, 2), Int32Array.of(7), Int32Array.of(3, 4, 5)];
  expect(samplingMaskRows(samplingMask(rows))).toEqual([[1, 2], [7], [3, 4, 5]]);
  expect(samplingMask([Int32Array.of(9)])).toMatchObject({ offsets: null });
  expect(samplingMaskRows(samplingMask([Int32Array.of(9)]))).toEqual([[9]]);
});
