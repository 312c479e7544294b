import { describe, expect, it } from 'vitest';
import { WIRE_VERSIONS } from '../../../../../src/shared/protocol/versions/wire-versions.ts';
import { ProtocolCheck } from '../../../../../src/shared/tap/check/protocol-check.ts';
import { goldenFrames } from '../../../../support/golden-frames.ts';

const RUNS = [
  'dp1',
  'dp2',
  'dp2-coord',
  'dp2_moe',
  'dp2_moe-coord',
  'real_coordinator',
  'hybrid_swa',
  'mamba_align',
  'nocache_mem',
];

describe("the check of vLLM's own frames", () => {
  it.each(RUNS)('finds nothing wrong with %s', (run) => {
    const check = new ProtocolCheck(WIRE_VERSIONS['0.33.0']);
    const frames = goldenFrames(run);
    for (const { frame, process } of frames) check.add(frame, { process });
    const { verdict, problems, checked } = check.verdict();
    expect(problems).toEqual([]);
    expect(verdict).toBe('ok');
    expect(checked.frames).toBe(frames.length);
  });
});
