import { describe, expect, it } from 'vitest';
import { SpecDecodingLog } from '../../../../src/frontend/metrics/spec-decoding-log.ts';

const stats = {
  numSpecTokens: 3,
  numDrafts: 2,
  numDraftTokens: 6,
  numAcceptedTokens: 3,
  numAcceptedTokensPerPos: [2, 1, 0],
  numDraftTokensPerPos: [2, 2, 2],
};

describe('the line on drafts', () => {
  it("is vLLM's, for the time since the last one", () => {
    const log = new SpecDecodingLog(0);
    log.observe(stats);
    log.observe({ ...stats, numAcceptedTokensPerPos: [2, 0, 0], numAcceptedTokens: 2 });
    expect(log.line(2_000)).toBe(
      'SpecDecoding metrics: Mean acceptance length: 2.25, Accepted throughput: 2.50 tokens/s, ' +
        'Drafted throughput: 6.00 tokens/s, Accepted: 5 tokens, Drafted: 12 tokens, ' +
        'Per-position acceptance rate: 1.000, 0.250, 0.000, Avg Draft acceptance rate: 41.7%',
    );
    log.observe(stats);
    expect(log.line(3_000)).toContain('Accepted throughput: 3.00 tokens/s');
  });

  it('is none without drafts, and a share of none is nan', () => {
    const log = new SpecDecodingLog(0);
    expect(log.line(1_000)).toBeNull();
    log.observe({ ...stats, numDraftTokens: 0, numAcceptedTokens: 0 });
    expect(log.line(2_000)).toContain('Avg Draft acceptance rate: nan%');
  });
});
