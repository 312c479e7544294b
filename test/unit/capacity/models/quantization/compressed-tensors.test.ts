import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../../../src/shared/json-object.ts';
import { DENSE, EXPERTS, planQuantized, tensorsOf } from '../../../../support/quantized.ts';

const QKV = 'model.layers.0.self_attn.qkv_proj';
const MOE = 'model.layers.0.mlp.experts.routed_experts';

function args(num_bits: number, type: string, strategy: string, more: JsonObject = {}): JsonObject {
  return { num_bits, type, strategy, symmetric: true, dynamic: false, ...more };
}

const FP8_CHANNEL = args(8, 'float', 'channel');
const FP8_TOKEN = args(8, 'float', 'token', { dynamic: true });
const INT4 = args(4, 'int', 'group', { group_size: 128 });
const NVFP4 = args(4, 'float', 'tensor_group', { group_size: 16 });

function checkpoint(
  format: string,
  weights: JsonObject,
  input_activations: JsonObject | null,
  more: JsonObject = {},
): JsonObject {
  return {
    quant_method: 'compressed-tensors',
    format,
    config_groups: { group_0: { targets: ['Linear'], weights, input_activations } },
    ignore: ['lm_head'],
    ...more,
  };
}

describe('compressed-tensors', () => {
  it.each([
    [
      'fp8 by channel',
      checkpoint('float-quantized', FP8_CHANNEL, FP8_TOKEN),
      ['weight 2048x1024 float8_e4m3fn', 'weight_scale 2048x1 float32'],
    ],
    [
      'int8 with zero points',
      checkpoint(
        'int-quantized',
        args(8, 'int', 'channel'),
        args(8, 'int', 'tensor', { symmetric: false }),
      ),
      [
        'weight 2048x1024 int8',
        'weight_scale 2048x1 float32',
        'input_zero_point 1 int8',
        'input_scale 1 float32',
      ],
    ],
    [
      'int4 in groups',
      checkpoint('pack-quantized', INT4, null),
      ['weight_packed 2048x128 int32', 'weight_scale 2048x8 bfloat16', 'weight_shape 2 int64'],
    ],
    [
      'int4 with zero points',
      checkpoint('pack-quantized', { ...INT4, symmetric: false }, null),
      [
        'weight_packed 2048x128 int32',
        'weight_scale 2048x8 bfloat16',
        'weight_shape 2 int64',
        'weight_zero_point 256x8 int32',
      ],
    ],
    [
      'nvfp4 weights alone',
      checkpoint('nvfp4-pack-quantized', NVFP4, null),
      [
        'weight_packed 2048x512 uint8',
        'weight_global_scale 3 float32',
        'weight_scale 2048x64 float8_e4m3fn',
      ],
    ],
    [
      'mxfp4',
      checkpoint('mxfp4-pack-quantized', args(4, 'float', 'group', { group_size: 32 }), null),
      ['weight_packed 2048x512 uint8', 'weight_scale 2048x32 uint8'],
    ],
  ])('%s', (_, config, tensors) => {
    expect(tensorsOf(planQuantized(DENSE, config), QKV)).toEqual(tensors);
  });

  it('gives experts the scheme of linear modules', () => {
    const plan = planQuantized(EXPERTS, checkpoint('pack-quantized', INT4, null));
    expect(tensorsOf(plan, MOE)).toEqual([
      'w13_weight_packed 8x768x128 int32',
      'w2_weight_packed 8x1024x48 int32',
      'w13_weight_scale 8x768x8 bfloat16',
      'w2_weight_scale 8x1024x3 bfloat16',
      'w2_weight_shape 8x2 bfloat16',
      'w13_weight_shape 8x2 bfloat16',
    ]);
  });

  it('has a group for each target, and patterns of what it leaves alone', () => {
    const plan = planQuantized(
      DENSE,
      checkpoint('mixed-precision', FP8_CHANNEL, FP8_TOKEN, {
        config_groups: {
          group_0: {
            targets: ['re:.*mlp.*'],
            weights: INT4,
            input_activations: null,
            format: 'pack-quantized',
          },
          group_1: {
            targets: ['re:.*self_attn.*'],
            weights: FP8_CHANNEL,
            input_activations: FP8_TOKEN,
            format: 'float-quantized',
          },
        },
        ignore: ['lm_head', 're:.*layers\\.1\\.'],
      }),
    );
    expect(tensorsOf(plan, QKV)).toContain('weight_scale 2048x1 float32');
    expect(tensorsOf(plan, 'model.layers.0.mlp.down_proj')).toContain(
      'weight_packed 1024x448 int32',
    );
    expect(tensorsOf(plan, QKV.replace('0', '1'))).toEqual(['weight 2048x1024 bfloat16']);
  });

  it('turns the cache into fp8 by its scheme, once a layer is built', () => {
    const kv_cache_scheme = args(8, 'float', 'tensor');
    const config = checkpoint('float-quantized', FP8_CHANNEL, FP8_TOKEN, { kv_cache_scheme });
    const plan = planQuantized(DENSE, config);
    expect(plan.input.config.cacheDtype).toBe('fp8');
    expect(plan.facts.cacheDtype).toBe('auto');
    expect(tensorsOf(plan, 'model.layers.0.self_attn.attn')).toEqual([
      'k_scale 1 float32',
      'v_scale 1 float32',
      'q_scale 1 float32',
      'k_zero_point 1 bfloat16',
      'v_zero_point 1 bfloat16',
      'q_zero_point 1 bfloat16',
    ]);
    expect(() => planQuantized(DENSE, config, { kvCacheDtype: 'fp8_e5m2' })).toThrow('fp8_e5m2');
  });

  it('has scales for each head only where the attention backend takes them', () => {
    const kv_cache_scheme = args(8, 'float', 'attn_head');
    const config = checkpoint('float-quantized', FP8_CHANNEL, FP8_TOKEN, { kv_cache_scheme });
    const attention = tensorsOf(planQuantized(DENSE, config), 'model.layers.0.self_attn.attn');
    expect(attention).toContain('k_scale 8 float32');
    expect(() => planQuantized(DENSE, config, { gpu: 'L4' })).toThrow(
      'per-head quant scales not supported',
    );
  });

  it.each([
    ['sparsity', { sparsity_config: { targets: ['Linear'] } }, 'Sparsity support has been removed'],
    ['transforms', { transform_config: { config_groups: { R1: {} } } }, '--weights-bytes'],
  ])('refuses %s', (_, more, words) => {
    const config = checkpoint('float-quantized', FP8_CHANNEL, FP8_TOKEN, more);
    expect(() => planQuantized(DENSE, config)).toThrow(words);
  });

  it('refuses reordered columns, schemes that nothing runs, and groups that ranks would share', () => {
    const reordered = checkpoint('pack-quantized', { ...INT4, actorder: 'group' }, null);
    expect(() => planQuantized(DENSE, reordered)).toThrow("activation ordering (actorder='group')");
    const unknown = checkpoint('pack-quantized', FP8_CHANNEL, FP8_TOKEN);
    expect(() => planQuantized(DENSE, unknown)).toThrow('No compressed-tensors compatible scheme');
    const groups = checkpoint('pack-quantized', { ...INT4, group_size: 1024 }, null);
    expect(() => planQuantized(DENSE, groups, { tensorParallelSize: 2 })).toThrow(
      'is not divisible by group_size=1024',
    );
  });
});
