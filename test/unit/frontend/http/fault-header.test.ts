import { describe, expect, it } from 'vitest';
import { withFaultHeader } from '../../../../src/frontend/http/fault-header.ts';

describe('the fault header', () => {
  it('joins the faults in vllm_xargs', () => {
    const request = { model: 'tiny', vllm_xargs: { session_id: 'a', vllm_twin_fault: 'x' } };
    expect(withFaultHeader(request, { 'x-vllm-twin-fault': 'y;n=1, z' })).toEqual({
      model: 'tiny',
      vllm_xargs: { session_id: 'a', vllm_twin_fault: ['x', 'y;n=1, z'] },
    });
  });

  it('makes vllm_xargs where there are none', () => {
    expect(withFaultHeader({ vllm_xargs: null }, { 'x-vllm-twin-fault': 'x' })).toEqual({
      vllm_xargs: { vllm_twin_fault: ['x'] },
    });
  });

  it('leaves a request without it as it is', () => {
    const request = { vllm_xargs: null };
    expect(withFaultHeader(request, {})).toBe(request);
  });
});
