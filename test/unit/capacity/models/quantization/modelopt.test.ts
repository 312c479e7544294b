import { describe, expect, it } from 'vitest';
import { DENSE, EXPERTS, planQuantized, tensorsOf } from '../../../../support/quantized.ts';

const QKV = 'model.layers.0.self_attn.qkv_proj';
const MOE = 'model.layers.0.mlp.experts.routed_experts';

function modelOpt(quant_algo: string, more = {}) {
  return { quant_method: 'modelopt', quant_algo, ignore: ['lm_head'], ...more };
}

describe('modelopt', () => {
  it.each([
    ['FP8', ['weight 2048x1024 float8_e4m3fn', 'weight_scale 3 float32', 'input_scale 3 float32']],
    ['FP8_PER_CHANNEL_PER_TOKEN', ['weight 2048x1024 float8_e4m3fn', 'weight_scale 2048 float32']],
    ['fp8_pb_wo', ['weight 2048x1024 float8_e4m3fn', 'weight_scale 16x1x8x1 float32']],
    [
      'NVFP4',
      [
        'weight 2048x512 uint8',
        'weight_scale_2 3 float32',
        'weight_scale 2048x64 float8_e4m3fn',
        'input_scale 3 float32',
      ],
    ],
    ['MXFP8', ['weight 2048x1024 float8_e4m3fn', 'weight_scale 2048x32 uint8']],
  ])('%s', (algo, tensors) => {
    expect(tensorsOf(planQuantized(DENSE, modelOpt(algo)), QKV)).toEqual(tensors);
  });

  it('takes NVFP4 without quantized activations for weights alone', () => {
    const groups = { group_0: { weights: { num_bits: 4 }, input_activations: null } };
    const plan = planQuantized(DENSE, modelOpt('NVFP4', { config_groups: groups }));
    expect(tensorsOf(plan, QKV)).toContain('input_scale 3 bfloat16');
  });

  it("scales all ranks' experts on Blackwell", () => {
    const options = { tensorParallelSize: 2, enableExpertParallel: true };
    const scales = (gpu: string) =>
      tensorsOf(planQuantized(EXPERTS, modelOpt('NVFP4'), { ...options, gpu }), MOE);
    expect(scales('H100')).toContain('w13_input_scale 4x2 float32');
    expect(scales('B200')).toContain('w13_input_scale 8x2 float32');
    expect(scales('B200')).toContain('w13_weight_scale_2 4x2 float32');
  });

  it('leaves modules alone by name, by part of a name, and by wildcard', () => {
    const excluded = ['model.layers.0.self_attn*', 'lm_head', '*.down_proj'];
    const plan = planQuantized(DENSE, modelOpt('FP8', { ignore: excluded }));
    expect(tensorsOf(plan, QKV)).toEqual(['weight 2048x1024 bfloat16']);
    expect(tensorsOf(plan, QKV.replace('0', '1'))).toContain('weight_scale 3 float32');
    expect(tensorsOf(plan, 'model.layers.1.mlp.down_proj')).toEqual(['weight 1024x3584 bfloat16']);
  });

  it('quantizes a head that is not excluded', () => {
    const plan = planQuantized(DENSE, modelOpt('FP8', { ignore: [] }));
    expect(tensorsOf(plan, 'lm_head')).toContain('weight_scale 1 float32');
  });

  it('reads the older form, and turns the cache into fp8 where the checkpoint says so', () => {
    const older = (kv_cache_quant_algo: string | null) => ({
      producer: { name: 'modelopt' },
      quantization: {
        quant_algo: 'NVFP4',
        group_size: 16,
        kv_cache_quant_algo,
        exclude_modules: ['lm_head'],
      },
    });
    const quantized = planQuantized(DENSE, older('FP8'));
    expect(quantized.facts.cacheDtype).toBe('fp8_e4m3');
    expect(quantized.quantization?.method).toBe('modelopt_fp4');
    expect(planQuantized(DENSE, older(null)).facts.cacheDtype).toBe('auto');
    expect(planQuantized(DENSE, older('FP8'), { kvCacheDtype: 'bfloat16' }).facts.cacheDtype).toBe(
      'bfloat16',
    );
  });

  it('goes module by module where precisions are mixed', () => {
    const parts = (module: string, names: readonly string[], recipe: object) =>
      names.map((name) => [`model.layers.0.${module}.${name}`, recipe]);
    const layers = Object.fromEntries([
      ...parts('self_attn', ['q_proj', 'k_proj', 'v_proj'], { quant_algo: 'FP8' }),
      ...parts('mlp', ['gate_proj', 'up_proj'], { quant_algo: 'NVFP4', group_size: 16 }),
    ]);
    const plan = planQuantized(DENSE, modelOpt('MIXED_PRECISION', { quantized_layers: layers }));
    expect(tensorsOf(plan, QKV)).toContain('weight_scale 3 float32');
    expect(tensorsOf(plan, 'model.layers.0.mlp.gate_up_proj')).toContain(
      'weight_scale 7168x64 float8_e4m3fn',
    );
    expect(tensorsOf(plan, 'model.layers.0.mlp.down_proj')).toEqual(['weight 1024x3584 bfloat16']);
    expect(() => planQuantized(DENSE, modelOpt('MIXED_PRECISION'))).toThrow('quantized_layers');
  });
});
