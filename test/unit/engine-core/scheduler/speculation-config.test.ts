import { describe, expect, it } from 'vitest';
import {
  NO_SPECULATION,
  type SpeculationFacts,
  speculationConfigOf,
} from '../../../../src/engine-core/scheduler/speculation-config.ts';

const configOf = (facts: Partial<SpeculationFacts>) =>
  speculationConfigOf({
    ...NO_SPECULATION,
    method: 'ngram',
    numSpecTokens: 3,
    disableLookaheadBlockHashes: false,
    parallelDrafting: false,
    schedule: null,
    maxNumSeqs: 8,
    ...facts,
  });

describe('what scheduling follows from of drafts', () => {
  it.each([
    ['ngram', {}, 0, 0],
    ['suffix', {}, 0, 0],
    ['eagle', {}, 3, 0],
    ['eagle3', { parallelDrafting: true }, 3, 2],
    ['mtp', {}, 3, 0],
    ['draft_model', {}, 3, 1],
    ['draft_model', { parallelDrafting: true }, 3, 3],
    ['dflash', {}, 4, 0],
    ['dspark', {}, 3, 0],
  ])('%s %j: %i slots ahead, %i of the budget', (method, more, lookahead, slots) => {
    const config = configOf({ method, ...more });
    expect([config.numLookaheadTokens, config.draftSlots]).toEqual([lookahead, slots]);
  });

  it.each([
    [{}, 1],
    [{ disableLookaheadBlockHashes: true }, 0],
    [{ dropsBlock: false }, 0],
  ])('hashes cover the tokens that a drafter reads ahead: %j', (more, tokens) => {
    const facts = { method: 'eagle', dropsBlock: true, numPrefillLookahead: 1, ...more };
    expect(configOf(facts).numHashLookaheadTokens).toBe(tokens);
  });

  it('goes on with the drafts of the last range in a gap and behind the end', () => {
    const schedule = [
      [1, 2, 3],
      [5, 6, 1],
    ] as const;
    expect(configOf({ schedule }).dynamicLookup?.slice(1)).toEqual([3, 3, 3, 3, 1, 1, 1, 1]);
    expect(configOf({ schedule: [[1, 8, 9]] }).dynamicLookup?.[4]).toBe(3);
  });
});
