import { describe, expect, it } from 'vitest';
import {
  isGreedy,
  SamplingRules,
  type TokensSoFar,
} from '../../../../src/engine-core/executor/sampling-rules.ts';
import { type ContextOdds, TokenOdds } from '../../../../src/engine-core/executor/token-odds.ts';
import { createSamplingParams } from '../../../../src/shared/protocol/defaults.ts';
import type { SamplingParams } from '../../../../src/shared/protocol/request.ts';

const VOCAB_SIZE = 4026;
const SAID = 700;
/** A context after which the token that is said has 87 %, and the next one 3 %. */
const ODDS = Array.from({ length: 1000 }, (_, hash) =>
  new TokenOdds(VOCAB_SIZE).after(hash, [SAID]),
).find((odds) => Math.abs(Math.exp(odds.logprobAt(1)) - 0.87) < 0.003) as ContextOdds;
const SECOND = ODDS.tokenAt(2);

function choose(
  params: Partial<SamplingParams>,
  {
    outputs = [],
    prompt = [],
    chance = 1,
  }: { outputs?: readonly number[]; prompt?: readonly number[]; chance?: number } = {},
): number {
  const counts = new Map<number, number>();
  for (const id of outputs) counts.set(id, (counts.get(id) ?? 0) + 1);
  const soFar: TokensSoFar = {
    promptTokenIds: new Set(prompt),
    outputCounts: counts,
    lastOutputs: (count) => (count === 0 ? [] : outputs.slice(-count)),
  };
  const rules = new SamplingRules(createSamplingParams({ temperature: 0, ...params }), VOCAB_SIZE);
  return rules.choose({ odds: ODDS, soFar, said: SAID, isBeforeMinTokens: false, chance });
}

describe('the token that is said', () => {
  it('stays where nothing is against it', () => {
    expect(choose({})).toBe(SAID);
    expect(choose({ presencePenalty: 2, frequencyPenalty: 2, repetitionPenalty: 2 })).toBe(SAID);
    expect(choose({ logitBias: { 9: -100 }, badWordsTokenIds: [[9]] })).toBe(SAID);
    expect(choose({ allowedTokenIds: [9, SAID] })).toBe(SAID);
  });

  it('yields to the likeliest other where it is forbidden', () => {
    expect(choose({ logitBias: { [SAID]: -100 } })).toBe(SECOND);
    expect(choose({ badWordsTokenIds: [[SAID]] })).toBe(SECOND);
    expect(choose({ badWordsTokenIds: [[3, SAID]] }, { outputs: [3] })).toBe(SECOND);
    expect(choose({ badWordsTokenIds: [[3, SAID]] }, { outputs: [4] })).toBe(SAID);
    expect(choose({ badWordsTokenIds: [[3, SAID]] }, { prompt: [3] })).toBe(SAID);
  });

  it('yields to one that is given more than it has', () => {
    expect(choose({ logitBias: { 9: 100 } })).toBe(9);
    expect(choose({ logitBias: { 9: 100, 10: 99 } })).toBe(9);
    expect(choose({ logitBias: { [SECOND]: 1 } })).toBe(SAID);
  });

  it('is one of the allowed, the likeliest first', () => {
    const [a, b] = [50, 60].sort((x, y) => ODDS.rankOf(x) - ODDS.rankOf(y));
    expect(choose({ allowedTokenIds: [50, 60] })).toBe(a);
    expect(choose({ allowedTokenIds: [50, 60], logitBias: { [a ?? 0]: -100 } })).toBe(b);
    const many = Array.from({ length: 3000 }, (_, i) => i + 1000);
    expect(many).toContain(choose({ allowedTokenIds: many }));
  });

  it('yields once it was said too often', () => {
    const outputs = (count: number) => ({ outputs: new Array<number>(count).fill(SAID) });
    expect(choose({ presencePenalty: 2 }, outputs(1))).toBe(SAID);
    expect(choose({ frequencyPenalty: 2 }, outputs(1))).toBe(SAID);
    expect(choose({ frequencyPenalty: 2 }, outputs(2))).toBe(SECOND);
    expect(choose({ frequencyPenalty: 0.5 }, outputs(8))).toBe(SECOND);
    expect(choose({ repetitionPenalty: 1.05 }, outputs(1))).toBe(SAID);
    expect(choose({ repetitionPenalty: 1.3 }, outputs(1))).toBe(SECOND);
    expect(choose({ repetitionPenalty: 1.3 }, { prompt: [SAID] })).toBe(SECOND);
    expect(choose({ presencePenalty: 2, frequencyPenalty: 2 }, { prompt: [SAID] })).toBe(SAID);
  });

  it('yields to one that repeating is rewarded for', () => {
    expect(choose({ presencePenalty: -2, frequencyPenalty: -2 }, { outputs: [SECOND] })).toBe(
      SECOND,
    );
    expect(choose({ repetitionPenalty: 0.5 }, { prompt: [SECOND] })).toBe(SECOND);
  });

  it('is one of several by chance where there is temperature', () => {
    const params = { temperature: 1, allowedTokenIds: [SECOND, ODDS.tokenAt(3), ODDS.tokenAt(4)] };
    const chosen = Array.from({ length: 60 }, (_, chance) => choose(params, { chance }));
    expect(new Set(chosen).size).toBe(3);
    expect(chosen.filter((id) => id === SECOND).length).toBeGreaterThan(15);
  });

  it('does not end where another was forbidden', () => {
    expect(choose({ logitBias: { [SAID]: -100 }, allStopTokenIds: [SECOND] })).toBe(
      ODDS.tokenAt(3),
    );
  });

  it('stays where nothing at all is left', () => {
    expect(choose({ allowedTokenIds: [9], badWordsTokenIds: [[9]] })).toBe(SAID);
  });
});

describe('nothing is left to chance', () => {
  it.each([
    [{ temperature: 0 }, true],
    [{ temperature: 1 }, false],
    [{ temperature: 1, topK: 1 }, true],
    [{ temperature: 1, topK: 2 }, false],
    [{ temperature: 1, topP: 0.1 }, true],
    [{ temperature: 1, topP: 0.9 }, false],
  ])('with %j: %s', (params, expected) => {
    expect(isGreedy(createSamplingParams(params))).toBe(expected);
  });
});
