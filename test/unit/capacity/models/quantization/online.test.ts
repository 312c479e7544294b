import { describe, expect, it } from 'vitest';
import type { ModelOptions } from '../../../../../src/capacity/models/model-options.ts';
import { type ModelPlan, planModel } from '../../../../../src/capacity/models/model-plan.ts';
import type { JsonObject } from '../../../../../src/shared/json-object.ts';
import { DENSE, EXPERTS, planQuantized, tensorsOf } from '../../../../support/quantized.ts';

const QKV = 'model.layers.0.self_attn.qkv_proj';
const DOWN = 'model.layers.0.mlp.down_proj';
const ROUTED = 'model.layers.0.mlp.experts.routed_experts';
const PLAIN_QKV = ['weight 2048x1024 bfloat16'];
const FP8_QKV = ['weight 2048x1024 float8_e4m3fn', 'weight_scale 1 float32'];

function plan(config: JsonObject, options: ModelOptions): ModelPlan {
  return planModel(
    { name: 'small', source: 'a test', config, generationEosTokenIds: [], draftConfig: null },
    { gpu: 'H100-80GiB', ...options },
  );
}

function online(quantizationConfig: JsonObject, config = DENSE, quantization = 'online') {
  return plan(config, { quantization, quantizationConfig });
}

describe('--quantization-config', () => {
  it('says how linear modules and experts are quantized, each for itself', () => {
    const made = online({ linear: 'fp8_per_tensor', moe: 'int8_per_channel_static' }, EXPERTS);
    expect(tensorsOf(made, QKV)).toEqual(FP8_QKV);
    expect(tensorsOf(made, ROUTED)[0]).toBe('w13_weight 8x768x1024 int8');
    expect(made.quantization?.method).toBe('online');
  });

  it('leaves alone what it does not name', () => {
    const made = online({ moe: 'fp8_per_tensor' }, EXPERTS);
    expect(tensorsOf(made, QKV)).toEqual(PLAIN_QKV);
  });

  it('goes over the shorthand of --quantization', () => {
    const made = online({ ignore: ['*.qkv_proj'] }, DENSE, 'fp8_per_block');
    expect(tensorsOf(made, QKV)).toEqual(PLAIN_QKV);
    expect(tensorsOf(made, DOWN)).toEqual([
      'weight 1024x3584 float8_e4m3fn',
      'weight_scale_inv 8x28 float32',
    ]);
  });

  it('has patterns for modules, by the names of their parts too', () => {
    const made = online({
      targets: { 're:.*[qkv]_proj$': 'fp8_per_tensor', '*.0.mlp.down*': 'mxfp8' },
    });
    expect(tensorsOf(made, QKV)).toEqual(FP8_QKV);
    expect(tensorsOf(made, DOWN)[1]).toBe('weight_scale 1024x112 uint8');
    expect(tensorsOf(made, 'model.layers.1.mlp.down_proj')).toEqual(['weight 1024x3584 bfloat16']);
  });

  it('composes with a quantized checkpoint', () => {
    const checkpoint = {
      quant_method: 'fp8',
      activation_scheme: 'dynamic',
      ignored_layers: [DOWN],
    };
    const made = planQuantized(DENSE, checkpoint, {
      gpu: 'H100-80GiB',
      quantizationConfig: { targets: { '*.mlp.down_proj': 'mxfp8' } },
    });
    expect(tensorsOf(made, DOWN)[1]).toBe('weight_scale 1024x112 uint8');
    expect(tensorsOf(made, QKV)).toEqual([
      'weight 2048x1024 float8_e4m3fn',
      'weight_scale 3 float32',
    ]);
    expect(made.quantization?.method).toBe('fp8');
  });

  it.each<[JsonObject, RegExp]>([
    [{}, /requires at least one of quantization_config\.linear/],
    [
      { linear: 'fp8' },
      /unknown quantization name 'fp8'; expected one of \['fp8_per_block_dynamic'/,
    ],
    [{ linear: 'nvfp4_per_token' }, /'nvfp4_per_token' does not define a linear spec/],
    [{ linear: { weight: 'mxfp4' } }, /QKVParallelLinear with weight=mxfp4 is not supported/],
    [{ linear: { weight: 'mxfp8', activation: 'mxfp8' } }, /activation override/],
    [{ linear: 'mxfp8', targets: { a: 'mxfp8' } }, /mutually exclusive/],
    [{ targets: { a: 'int8' } }, /targets\[a\] = int8 is not a valid online shorthand name/],
    [{ targets: { '*q_proj': 'mxfp8' } }, /Found unmatched shards for model\.layers\.0/],
    [{ targets: { '*qkv_proj': 'mxfp8' }, ignore: [QKV] }, /may not be referenced by both/],
    [{ targets: { '*qkv_proj': 'nvfp4_per_token' } }, /does not define a QuantSpec/],
    [{ targets: { lm_head: 'mxfp8' } }, /not supported for ParallelLMHead/],
    [{ linear: 'mxfp8', ignore: ['*q_proj'] }, /different quantization schemes for the shards/],
    [{ linears: 'mxfp8' }, /has no key "linears"/],
    [{ linear: { bits: 8 } }, /linear has no key "bits"/],
    [{ linear: 'mxfp8', ignore: 'lm_head' }, /ignore must be a list/],
  ])('refuses %j', (config, message) => {
    expect(() => online(config)).toThrow(message);
  });

  it('is nothing without a method to begin with', () => {
    const made = plan(DENSE, { quantizationConfig: { linear: 'mxfp8' } });
    expect(made.quantization).toBeNull();
  });
});

describe('--quantization experts_int8', () => {
  it('quantizes the experts', () => {
    const made = plan(EXPERTS, { quantization: 'experts_int8' });
    expect(tensorsOf(made, ROUTED)).toEqual([
      'w13_weight 8x768x1024 int8',
      'w2_weight 8x1024x384 int8',
      'w13_scale 8x768 float32',
      'w2_scale 8x1024 float32',
    ]);
  });
});
