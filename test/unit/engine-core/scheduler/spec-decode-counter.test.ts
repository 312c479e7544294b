import { describe, expect, it } from 'vitest';
import {
  SpecDecodeCounter,
  StepDraftCounter,
} from '../../../../src/engine-core/scheduler/spec-decode-counter.ts';

describe('counts of drafts', () => {
  it('of a step say how often each position was drafted and held', () => {
    const counter = new StepDraftCounter(3);
    counter.observe(3, 2);
    counter.observe(2, 0);
    expect(counter).toMatchObject({
      numDrafts: 2,
      numDraftTokens: 5,
      numAcceptedTokens: 2,
      numAcceptedTokensPerPos: [1, 1, 0],
      numDraftTokensPerPos: [2, 2, 1],
    });
  });

  it.each([
    [true, [2, 0], [3, 1]],
    [false, [], []],
  ])('of a request; its steps with details: %s', (isDetailed, accepted, drafted) => {
    const counter = new SpecDecodeCounter(3, isDetailed);
    counter.observe(3, 2);
    counter.observe(1, 0);
    expect(counter).toMatchObject({
      numSpecTokens: 3,
      histogram: [1, 0, 1, 0],
      numDraftTokens: 4,
      perStepAccepted: accepted,
      perStepDrafted: drafted,
    });
  });
});
