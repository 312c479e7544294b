import { describe, expect, it } from 'vitest';
import { DENSE, EXPERTS, planQuantized, tensorsOf } from '../../../../support/quantized.ts';

const QKV = 'model.layers.0.self_attn.qkv_proj';
const DOWN = 'model.layers.0.mlp.down_proj';
const MOE = 'model.layers.0.mlp.experts.routed_experts';
const FP8 = { quant_method: 'fp8', activation_scheme: 'dynamic' };
const BLOCKS = { ...FP8, weight_block_size: [128, 128] };

describe('fp8', () => {
  it('has one scale for each projection of a fused module, one more for static activations', () => {
    const plan = planQuantized(DENSE, FP8);
    expect(tensorsOf(plan, QKV)).toEqual([
      'weight 2048x1024 float8_e4m3fn',
      'weight_scale 3 float32',
    ]);
    expect(tensorsOf(planQuantized(DENSE, { ...FP8, activation_scheme: 'static' }), QKV)).toContain(
      'input_scale 3 float32',
    );
    expect(tensorsOf(plan, 'lm_head')).toEqual(['weight 32064x1024 bfloat16']);
  });

  it('has scales of the cache in the dtype of the model', () => {
    expect(tensorsOf(planQuantized(DENSE, FP8), 'model.layers.0.self_attn.attn')).toEqual([
      'q_scale scalar bfloat16',
      'k_scale scalar bfloat16',
      'v_scale scalar bfloat16',
      'prob_scale scalar bfloat16',
    ]);
  });

  it('has a scale for each block, of linear modules and of experts', () => {
    expect(tensorsOf(planQuantized(DENSE, BLOCKS), DOWN)).toEqual([
      'weight 1024x3584 float8_e4m3fn',
      'weight_scale_inv 8x28 float32',
    ]);
    expect(tensorsOf(planQuantized(EXPERTS, BLOCKS), MOE)).toEqual([
      'w13_weight 8x768x1024 float8_e4m3fn',
      'w2_weight 8x1024x384 float8_e4m3fn',
      'w13_weight_scale_inv 8x6x8 float32',
      'w2_weight_scale_inv 8x8x3 float32',
    ]);
  });

  it("makes experts' blocks finer where a rank holds no whole ones", () => {
    const plan = planQuantized(EXPERTS, BLOCKS, { tensorParallelSize: 2 });
    expect(tensorsOf(plan, MOE)).toContain('w13_weight_scale_inv 8x6x16 float32');
  });

  it('refuses a part of a module that is no whole blocks', () => {
    const odd = { ...DENSE, intermediate_size: 3520 };
    expect(() => planQuantized(odd, BLOCKS, { tensorParallelSize: 2 })).toThrow(
      'Weight input_size_per_partition = 1760 is not divisible by weight quantization block_k = 128.',
    );
  });

  it('leaves listed modules alone, by the names of their parts', () => {
    const parts = ['q_proj', 'k_proj', 'v_proj'].map((part) => `model.layers.0.self_attn.${part}`);
    const plan = planQuantized(DENSE, { ...FP8, modules_to_not_convert: [...parts, 'lm_head'] });
    expect(tensorsOf(plan, QKV)).toEqual(['weight 2048x1024 bfloat16']);
    expect(tensorsOf(plan, QKV.replace('0', '1'))).toContain('weight_scale 3 float32');
    expect(() => planQuantized(DENSE, { ...FP8, ignored_layers: parts.slice(1) })).toThrow(
      `Detected some but not all shards of ${QKV} are quantized.`,
    );
  });

  it('wants a newer card, a half-precision dtype and no fp8_e5m2 cache', () => {
    expect(() => planQuantized(DENSE, FP8, { dtype: 'float32' })).toThrow(
      'torch.float32 is not supported for quantization method fp8. Supported dtypes: [torch.bfloat16, torch.float16]',
    );
    expect(() => planQuantized(DENSE, FP8, { kvCacheDtype: 'fp8_e5m2' })).toThrow(
      'fp8_e5m2 kv-cache is not supported with fp8 checkpoints.',
    );
  });
});
