import { describe, expect, it } from 'vitest';
import { formatCapacityLine } from '../../../../src/capacity/plan/capacity.ts';
import { KVCachePlanError } from '../../../../src/capacity/plan/plan-error.ts';
import { planKVCache } from '../../../../src/capacity/plan/plan-kv-cache.ts';
import type { KVCacheSpec } from '../../../../src/capacity/spec/spec.ts';
import {
  createCapacityInput,
  createFullSpec,
  createSlidingSpec,
  GIB,
} from '../../../support/capacity-input.ts';

const full = createFullSpec();
const sliding = createSlidingSpec(1024);

function repeat(spec: KVCacheSpec, count: number): KVCacheSpec[] {
  return Array<KVCacheSpec>(count).fill(spec);
}

function planError(work: () => unknown): KVCachePlanError {
  try {
    work();
  } catch (error) {
    if (error instanceof KVCachePlanError) return error;
    throw error;
  }
  throw new Error('the plan did not fail');
}

describe('planKVCache', () => {
  it('gives layers of one spec one group and one tensor', () => {
    const plan = planKVCache(createCapacityInput({ layers: repeat(full, 4) }));
    expect(plan.groupingRule).toBe('one_spec');
    expect(plan.numBlocks).toBe((8 * GIB) / (4 * 65536));
    expect(plan.workers[0]?.tensors).toEqual([
      {
        layerNames: [
          'model.layers.0.attn',
          'model.layers.1.attn',
          'model.layers.2.attn',
          'model.layers.3.attn',
        ],
        offset: 0,
        layerStride: plan.numBlocks * 65536,
        blockStride: 65536,
      },
    ]);
  });

  it('cuts a hybrid into groups of the smaller kind, layer i going to group i mod n', () => {
    const layers = Array.from({ length: 12 }, (_, i) => (i % 4 === 3 ? full : sliding));
    const plan = planKVCache(createCapacityInput({ layers }));
    expect(plan.groupingRule).toBe('uniform_page');
    expect(plan.groups.map(({ spec, layerNames }) => [spec.kind, layerNames.length])).toEqual([
      ['sliding_window', 3],
      ['sliding_window', 3],
      ['sliding_window', 3],
      ['full_attention', 3],
    ]);
    expect(plan.groups[0]?.layerNames).toEqual([
      'model.layers.0.attn',
      'model.layers.4.attn',
      'model.layers.8.attn',
    ]);
  });

  it('takes the smallest pool of all workers for every worker', () => {
    const plan = planKVCache(
      createCapacityInput({
        stages: [repeat(full, 2), repeat(full, 3)],
        availableMemory: [6 * GIB, 6 * GIB],
      }),
    );
    const [first, second] = plan.workers;
    expect(first?.localNumBlocks).toBeGreaterThan(second?.localNumBlocks ?? 0);
    expect(first?.numBlocks).toBe(second?.localNumBlocks);
    expect(first?.poolBytes).toBe(plan.numBlocks * 2 * 65536);
  });

  it('never hands out more bytes than a worker has', () => {
    const plan = planKVCache(
      createCapacityInput({ layers: [full, sliding], availableMemory: [5 * GIB + 12345] }),
    );
    expect(plan.workers[0]?.poolBytes).toBeLessThanOrEqual(5 * GIB + 12345);
  });

  it('reserves the null block before it asks whether one request fits', () => {
    const blocks = 8192 / 16;
    const exact = (blocks + 1) * 65536;
    expect(planKVCache(createCapacityInput({ availableMemory: [exact] })).numBlocks).toBe(
      blocks + 1,
    );
    const error = planError(() =>
      planKVCache(createCapacityInput({ availableMemory: [exact - 1] })),
    );
    expect(error.code).toBe('E_KV_CACHE');
    expect(error.errorType).toBe('ValueError');
    expect(error.message).toContain('the estimated maximum model length is 8176.');
  });

  it('keeps the warnings of a plan that fails', () => {
    const layers = [...repeat(sliding, 5), ...repeat(full, 2)];
    const error = planError(() =>
      planKVCache(createCapacityInput({ layers, availableMemory: [1] })),
    );
    expect(error.stage).toBe('get_kv_cache_configs');
    expect(error.warnings).toEqual([
      'Add 1 padding layers, may waste at most 20.00% KV cache memory',
    ]);
  });

  it('fits the length to the memory when asked to', () => {
    const input = createCapacityInput({
      availableMemory: [101 * 65536],
      config: { autoFitMaxModelLen: true, maxModelLen: 131072 },
    });
    const plan = planKVCache(input);
    expect(plan).toMatchObject({ maxModelLen: 1600, autoFitReduced: true });
  });

  it('plans a model without layers as one block and no capacity', () => {
    const plan = planKVCache(createCapacityInput({ layers: [] }));
    expect(plan).toMatchObject({ numBlocks: 1, capacity: null, groupingRule: 'no_layers' });
  });

  it('turns prefix caching and chunked prefill off for a non-causal layer', () => {
    const plan = planKVCache(
      createCapacityInput({ layers: [createFullSpec({ nonCausal: true })] }),
    );
    expect(plan).toMatchObject({ enablePrefixCaching: false, enableChunkedPrefill: false });
  });

  it('refuses sizes that a double cannot hold exactly', () => {
    const huge = createFullSpec({ numKvHeads: 2 ** 30, headSize: 2 ** 20, headSizeV: 2 ** 20 });
    expect(planError(() => planKVCache(createCapacityInput({ layers: [huge] }))).errorType).toBe(
      'OverflowError',
    );
  });
});

it("says the capacity in vLLM's start-up words", () => {
  const line = formatCapacityLine({ tokens: 135273, maxConcurrency: 1.0320521526551678 }, 131072);
  expect(line).toBe(
    'GPU KV cache size: 135,273 tokens, Maximum concurrency for 131,072 tokens per request: 1.03x',
  );
});
