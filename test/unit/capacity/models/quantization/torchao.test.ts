import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../../../src/shared/json-object.ts';
import { DENSE, planQuantized, tensorsOf } from '../../../../support/quantized.ts';

const QKV = 'model.layers.0.self_attn.qkv_proj';
const PLAIN = ['weight 2048x1024 bfloat16'];
const INT8 = { _type: 'Int8WeightOnlyConfig', _version: 2, _data: { group_size: null } };

function qkv(config: JsonObject, gpu = 'H100-80GiB', more: JsonObject = {}): readonly string[] {
  const checkpoint = { quant_method: 'torchao', quant_type: { default: config }, ...more };
  return tensorsOf(planQuantized(DENSE, checkpoint, { gpu }), QKV);
}

function float8(granularity: string): JsonObject {
  const own = { _type: granularity, _version: 1, _data: {} };
  return { _type: 'Float8DynamicActivationFloat8WeightConfig', _data: { granularity: [own, own] } };
}

function int4(packing: string, size = 128): JsonObject {
  const format = { _type: 'Int4PackingFormat', _data: packing };
  return {
    _type: 'Int4WeightOnlyConfig',
    _data: { group_size: size, int4_packing_format: format },
  };
}

describe('torchao checkpoints', () => {
  it.each<[string, JsonObject, readonly string[]]>([
    [
      'INT8',
      INT8,
      [
        'weight.qdata 2048x1024 int8',
        'weight.scale 2048x1 float32',
        'weight.zero_point 2048x1 int8',
      ],
    ],
    [
      'FP8 by row',
      float8('PerRow'),
      ['weight.qdata 2048x1024 float8_e4m3fn', 'weight.scale 2048x1 float32'],
    ],
    [
      'FP8 by tensor',
      float8('PerTensor'),
      ['weight.qdata 2048x1024 float8_e4m3fn', 'weight.scale 1x1 float32'],
    ],
    [
      'INT4 in tiles',
      int4('TILE_PACKED_TO_4D', 64),
      [
        'weight.qdata 2048x512 uint8',
        'weight.scale 16x2048 bfloat16',
        'weight.zero_point 16x2048 bfloat16',
      ],
    ],
  ])('hold %s', (_, config, tensors) => {
    expect(qkv(config)).toEqual(tensors);
  });

  it('leave modules alone that are listed, or that their own map gives nothing', () => {
    expect(qkv(INT8, 'H100-80GiB', { modules_to_not_convert: ['self_attn'] })).toEqual(PLAIN);
    const byModule = (map: JsonObject): JsonObject => ({
      _type: 'ModuleFqnToConfig',
      _data: { module_fqn_to_config: map },
    });
    expect(qkv(byModule({ [QKV]: null, _default: INT8 }))).toEqual(PLAIN);
    expect(qkv(byModule({ 're:.*mlp.*': INT8 }))).toEqual(PLAIN);
    expect(qkv(byModule({ 're:.*qkv_proj': INT8, _default: null }))).toHaveLength(3);
  });

  it('are refused where torchao or we do not know how', () => {
    expect(() => qkv(float8('PerRow'), 'A100-80GiB')).toThrow(
      'requires GPU compute capability >= 8.9',
    );
    expect(() => qkv(float8('PerBlock'))).toThrow('--weights-bytes');
    expect(() => qkv(int4('PRESHUFFLED'))).toThrow('in the packing preshuffled is not understood');
    expect(() => qkv({ _type: 'UIntXWeightOnlyConfig' })).toThrow(
      "torchao's UIntXWeightOnlyConfig",
    );
  });
});
