import { describe, expect, it } from 'vitest';
import { AcceptanceDrafter } from '../../../../src/engine-core/executor/acceptance-drafter.ts';
import { Sampler } from '../../../../src/engine-core/executor/sampler.ts';
import { createTokenSource } from '../../../../src/engine-core/executor/token-source.ts';
import { verifyDrafts } from '../../../../src/engine-core/executor/verify-drafts.ts';
import { Request } from '../../../../src/engine-core/scheduler/request.ts';
import { createTestRequest } from '../../../support/engine.ts';

const VOCAB_SIZE = 4000;
const sampler = new Sampler(
  createTokenSource({
    kind: 'random',
    seed: 1,
    vocabSize: VOCAB_SIZE,
    eosTokenId: 2,
    maxModelLen: 10_000,
  }),
  VOCAB_SIZE,
);

function requestOf(seed: number): Request {
  const request = new Request(
    createTestRequest({ promptTokenIds: [5, 6, 7, seed], sampling: { maxTokens: 9_000, seed } }),
  );
  sampler.prepare(request);
  return request;
}

/** How often the draft at each position was right, over so many drafts of one request. */
function shares(rates: readonly number[], seed: number, numDrafts: number): number[] {
  const drafter = new AcceptanceDrafter({
    rates,
    seed,
    vocabSize: VOCAB_SIZE,
    maxModelLen: 10_000,
  });
  const request = requestOf(seed);
  const counts = rates.map(() => 0);
  for (let i = 0; i < numDrafts; i += 1) {
    const drafts = drafter.propose(request, [], { maxDrafts: rates.length, sampler });
    expect(drafts).toHaveLength(rates.length);
    expect(drafter.propose(request, [], { maxDrafts: rates.length, sampler })).toEqual(drafts);
    const numRight = verifyDrafts(sampler, request, drafts).length - 1;
    for (let position = 0; position < numRight; position += 1)
      counts[position] = (counts[position] ?? 0) + 1;
    request.allTokenIds.push(sampler.tokenAt(request, request.numOutputTokens));
  }
  return counts.map((count) => count / numDrafts);
}

describe('drafts that are right by rule', () => {
  it.each([[[0.8, 0.6, 0.4]], [[0.5, 0.25, 0.125, 0.0625]], [[1, 1]], [[0, 0]], [[1, 0.5, 0]]])(
    'hold as often as %j',
    (rates) => {
      const found = shares(rates, 3, 3_000);
      for (const [position, rate] of rates.entries()) expect(found[position]).toBeCloseTo(rate, 1);
    },
  );

  it('are the same for the same seed and request, and others for another', () => {
    expect(shares([0.5], 4, 200)).toEqual(shares([0.5], 4, 200));
    expect(shares([0.5], 4, 200)).not.toEqual(shares([0.5], 5, 200));
  });

  it('stay within the context', () => {
    const drafter = new AcceptanceDrafter({
      rates: [1, 1, 1],
      seed: 0,
      vocabSize: VOCAB_SIZE,
      maxModelLen: 6,
    });
    const request = requestOf(1);
    expect(drafter.propose(request, [9], { maxDrafts: 3, sampler })).toHaveLength(1);
    expect(drafter.propose(request, [9, 9], { maxDrafts: 3, sampler })).toEqual([]);
  });
});
