import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../../../src/shared/json-object.ts';
import { DENSE, EXPERTS, planQuantized, tensorsOf } from '../../../../support/quantized.ts';

const QKV = 'model.layers.0.self_attn.qkv_proj';
const MOE = 'model.layers.0.mlp.experts.routed_experts';
const FP8 = { dtype: 'fp8_e4m3', qscheme: 'per_tensor', is_dynamic: false, symmetric: true };
const MXFP4 = { dtype: 'fp4', qscheme: 'per_group', group_size: 32, scale_format: 'e8m0' };

function quark(weight: JsonObject, input_tensors: JsonObject | null, more: JsonObject = {}) {
  return {
    quant_method: 'quark',
    export: { kv_cache_group: [], pack_method: 'reorder' },
    exclude: ['lm_head'],
    global_quant_config: { weight, input_tensors },
    layer_quant_config: {},
    ...more,
  };
}

describe('quark', () => {
  it('has fp8 by tensor and by channel', () => {
    expect(tensorsOf(planQuantized(DENSE, quark(FP8, FP8)), QKV)).toEqual([
      'weight 2048x1024 float8_e4m3fn',
      'weight_scale 3 float32',
      'input_scale 3 float32',
    ]);
    const byToken = { ...FP8, qscheme: 'per_channel', is_dynamic: true };
    const plan = planQuantized(DENSE, quark({ ...FP8, qscheme: 'per_channel' }, byToken));
    expect(tensorsOf(plan, QKV)).toContain('weight_scale 2048 float32');
  });

  it('has MXFP4 for linear modules and experts', () => {
    const config = quark(MXFP4, { ...MXFP4, is_dynamic: true });
    expect(tensorsOf(planQuantized(DENSE, config), QKV)).toEqual([
      'weight 2048x512 uint8',
      'weight_scale 2048x32 uint8',
    ]);
    expect(tensorsOf(planQuantized(EXPERTS, config), MOE)).toContain('w2_weight 8x1024x192 uint8');
  });

  it('excludes by name and pattern, all experts of a layer where it excludes one', () => {
    const exclude = ['re:.*layers\\.0\\.self_attn', 'model.layers.0.mlp.experts.3.gate_proj'];
    const plan = planQuantized(EXPERTS, quark(FP8, FP8, { exclude }));
    expect(tensorsOf(plan, QKV)).toEqual(['weight 2048x1024 bfloat16']);
    expect(tensorsOf(plan, MOE)).toContain('w2_weight 8x1024x384 bfloat16');
  });

  it('has other schemes for named modules, the same for all parts of one', () => {
    const int8 = { dtype: 'int8', qscheme: 'per_tensor', symmetric: true };
    const layers = (pattern: string) => ({
      layer_quant_config: { [pattern]: { weight: int8, input_tensors: int8 } },
    });
    const plan = planQuantized(DENSE, quark(FP8, FP8, layers('*down_proj')));
    expect(tensorsOf(plan, 'model.layers.0.mlp.down_proj')).toContain('weight_zero_point 1 int8');
    expect(() => planQuantized(DENSE, quark(FP8, FP8, layers('*q_proj')))).toThrow(
      `Found different quantization schemes for the shards of ${QKV}.`,
    );
  });

  it('refuses what has no scheme, and an older card', () => {
    expect(() => planQuantized(DENSE, quark({ dtype: 'int3' }, null))).toThrow(
      'No quark compatible scheme was found.',
    );
    expect(() => planQuantized(DENSE, quark(FP8, FP8), { gpu: 'A100-80GB' })).toThrow(
      'Min capability: 89. Current capability: 80.',
    );
  });
});
