import { describe, expect, it } from 'vitest';
import { specDecodingJson } from '../../../../src/frontend/openai/spec-decoding-json.ts';

const summary = {
  numSpecTokens: 3,
  histogram: [1, 0, 2, 1],
  numDraftTokens: 12,
  perStepAccepted: [],
  perStepDrafted: [],
};

describe('metrics.speculative_decoding', () => {
  it('tells the mean length with the token after the drafts', () => {
    expect(JSON.parse(specDecodingJson(summary, false))).toEqual({
      mean_acceptance_length: 2.75,
      draft_acceptance_rate: 7 / 12,
      acceptance_histogram: [1, 0, 2, 1],
      num_spec_steps: 4,
      num_accepted_draft_tokens: 7,
      num_draft_tokens: 12,
      num_spec_tokens: 3,
      per_step_accepted: null,
      per_step_drafted: null,
    });
  });

  it('leaves out in a stream what there is none of', () => {
    const text = specDecodingJson({ ...summary, histogram: [0, 0, 0, 0], numDraftTokens: 0 }, true);
    expect(text).not.toContain('per_step');
    expect(text).toContain('"mean_acceptance_length":1.0,"draft_acceptance_rate":0.0');
  });

  it('tells each step where details were asked for', () => {
    const detailed = { ...summary, perStepAccepted: [2, 0], perStepDrafted: [3, 3] };
    expect(specDecodingJson(detailed, true)).toContain(
      '"per_step_accepted":[2,0],"per_step_drafted":[3,3]}',
    );
  });
});
