import { describe, expect, it } from 'vitest';
import { answerCapacity } from '../../../../src/capacity/explain/plan-record.ts';
import { createCapacityInput, createFullSpec } from '../../../support/capacity-input.ts';

const full = createFullSpec();

describe('answerCapacity', () => {
  it('answers a plan that fails instead of throwing', () => {
    const answer = answerCapacity(createCapacityInput({ availableMemory: [0] }));
    expect(answer).toMatchObject({
      ok: false,
      error_type: 'ValueError',
      stage: 'get_kv_cache_configs',
    });
  });

  it('lists the layers of each worker with pipeline parallelism only', () => {
    const one = answerCapacity(createCapacityInput({ layers: [full] }));
    const two = answerCapacity(createCapacityInput({ stages: [[full], [full]] }));
    expect(one.ok && 'group_layer_names' in (one.workers[0] ?? {})).toBe(false);
    expect(two.ok && two.workers[1]?.group_layer_names).toEqual([['model.layers.1.attn']]);
  });
});
