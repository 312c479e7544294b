import { describe, expect, it } from 'vitest';
import type { ModelOptions } from '../../../../../src/capacity/models/model-options.ts';
import { EXPERTS, planQuantized, tensorsOf } from '../../../../support/quantized.ts';

const MXFP4 = { quant_method: 'mxfp4' };
const MOE = 'model.layers.0.mlp.experts.routed_experts';
const GPT_OSS = {
  ...EXPERTS,
  architectures: ['GptOssForCausalLM'],
  model_type: 'gpt_oss',
  hidden_size: 2880,
  intermediate_size: 2880,
  num_local_experts: 8,
  sliding_window: 128,
  layer_types: ['full_attention'],
};

function down(config: object, options: ModelOptions): string | undefined {
  const plan = planQuantized({ ...EXPERTS, ...config }, MXFP4, options);
  return tensorsOf(plan, MOE).find((tensor) => tensor.startsWith('w2_weight '));
}

describe('mxfp4', () => {
  it.each([
    ['H100', {}, 'w2_weight 8x2880x1440 uint8'],
    ['H100', { tensorParallelSize: 4 }, 'w2_weight 8x2880x384 uint8'],
    ['A100-80GB', {}, 'w2_weight 8x3072x1472 uint8'],
    ['L4', {}, 'w2_weight 8x3072x1472 uint8'],
    ['B200', {}, 'w2_weight 8x3072x1472 uint8'],
    ['RTX-5090', {}, 'w2_weight 8x3072x1472 uint8'],
  ])("is padded for gpt-oss as %s's kernel wants it, %j", (gpu, options, tensor) => {
    expect(down(GPT_OSS, { gpu, gpuMemory: 2 ** 40, ...options })).toBe(tensor);
  });

  it.each([
    ['H100', 'w2_weight 8x1088x192 uint8'],
    ['A100-80GB', 'w2_weight 8x1280x192 uint8'],
    ['B200', 'w2_weight 8x1280x192 uint8'],
  ])('is padded for other models on %s', (gpu, tensor) => {
    expect(down({ hidden_size: 1088 }, { gpu })).toBe(tensor);
  });

  it('leaves all but the experts alone, and wants bfloat16', () => {
    const plan = planQuantized(EXPERTS, MXFP4);
    expect(tensorsOf(plan, 'model.layers.0.self_attn.o_proj')).toEqual([
      'weight 1024x1024 bfloat16',
    ]);
    expect(plan.quantization?.method).toBe('mxfp4');
    expect(() => planQuantized(EXPERTS, MXFP4, { dtype: 'float16' })).toThrow(
      'torch.float16 is not supported for quantization method mxfp4. Supported dtypes: [torch.bfloat16]',
    );
  });
});
