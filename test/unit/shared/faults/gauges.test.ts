import { describe, expect, it } from 'vitest';
import { METRICS, type MetricDefinition } from '../../../../src/frontend/metrics/definitions.ts';
import { ENGINE_GAUGES, type EngineGauge } from '../../../../src/shared/faults/gauges.ts';
import { readInjection } from '../../../../src/shared/faults/injection.ts';

function refusalOf(request: Readonly<Record<string, unknown>>) {
  const read = readInjection(request);
  return read.isOk ? null : { param: read.param, allowed: read.allowed };
}

describe('the gauges that can be held', () => {
  it('are the gauges of vLLM that each engine has, with their labels', () => {
    const defined = Object.values<MetricDefinition>(METRICS)
      .filter(({ type, perEngine }) => type === 'gauge' && perEngine !== false)
      .map(({ name, extraLabel }) => [name, extraLabel]);
    const known = Object.entries<EngineGauge>(ENGINE_GAUGES).map(([name, { label }]) => [
      name,
      label,
    ]);
    expect(known).toEqual(defined);
  });

  it('are named where another one is asked for', () => {
    expect(refusalOf({ fault: 'metrics.hold', metric: 'vllm:prompt_tokens', value: 1 })).toEqual({
      param: 'metric',
      allowed: `one of ${Object.keys(ENGINE_GAUGES).join(', ')}`,
    });
  });

  it('have the bounds of their meaning', () => {
    const waiting = { fault: 'metrics.hold', metric: 'vllm:num_requests_waiting' };
    expect(refusalOf({ ...waiting, value: 7 })).toBeNull();
    expect(refusalOf({ ...waiting, value: 2.5 })?.param).toBe('value');
    expect(refusalOf({ ...waiting, value: -1 })?.param).toBe('value');
    expect(refusalOf({ fault: 'metrics.hold', value: 1.01 })).toEqual({
      param: 'value',
      allowed: 'a number from 0 to 1',
    });
    expect(refusalOf({ fault: 'metrics.wave', max: 1.5 })?.param).toBe('max');
    expect(refusalOf({ fault: 'metrics.wave', min: 0.5, max: 0.5 })?.param).toBe('max');
  });

  it('are chosen from by a label that they have', () => {
    const byReason = { fault: 'metrics.hold', metric: 'vllm:num_requests_waiting_by_reason' };
    expect(refusalOf({ ...byReason, value: 1, label: 'reason=capacity' })).toBeNull();
    expect(refusalOf({ ...byReason, value: 1, label: 'reason=nothing' })).toEqual({
      param: 'label',
      allowed: 'one of reason=capacity, reason=deferred',
    });
    expect(refusalOf({ fault: 'metrics.hold', value: 1, label: 'reason=capacity' })).toEqual({
      param: 'label',
      allowed: 'nothing',
    });
  });
});
