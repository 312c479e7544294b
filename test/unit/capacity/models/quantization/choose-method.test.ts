import { describe, expect, it } from 'vitest';
import { HfConfig } from '../../../../../src/capacity/models/hf-config.ts';
import { chooseMethod } from '../../../../../src/capacity/models/quantization/choose-method.ts';
import type { JsonObject } from '../../../../../src/shared/json-object.ts';
import { DENSE, planQuantized } from '../../../../support/quantized.ts';

function chosen(checkpoint: JsonObject | null, asked?: string, modelType = 'llama') {
  const config = checkpoint === null ? null : new HfConfig(checkpoint, 'test');
  return chooseMethod({ checkpoint: config, asked, modelType, allowsDeprecated: false });
}

describe('the method of a checkpoint', () => {
  it.each([
    [{ quant_method: 'fp8' }, undefined, 'llama', 'fp8'],
    [{ quant_method: 'fp8' }, undefined, 'deepseek_v4', 'deepseek_v4_fp8'],
    [{ quant_method: 'compressed_tensors' }, undefined, 'llama', 'compressed-tensors'],
    [{ quant_method: 'awq' }, 'awq_marlin', 'llama', 'auto_awq'],
    [{ quant_method: 'gptq' }, undefined, 'llama', 'auto_gptq'],
    [{ quant_method: 'gptq' }, 'moe_wna16', 'llama', 'moe_wna16'],
    [{ quant_method: 'auto-round' }, undefined, 'llama', 'inc'],
    [{ quant_method: 'mxfp4' }, undefined, 'gpt_oss', 'gpt_oss_mxfp4'],
    [{ quant_method: 'mxfp4' }, undefined, 'llama', 'mxfp4'],
    [{ quant_method: 'modelopt', quant_algo: 'NVFP4' }, undefined, 'llama', 'modelopt_fp4'],
    [{ quant_method: 'modelopt', quant_algo: 'MXFP8' }, undefined, 'llama', 'modelopt_mxfp8'],
    [
      { producer: { name: 'modelopt' }, quantization: { quant_algo: 'FP8' } },
      undefined,
      'llama',
      'modelopt',
    ],
    [
      { producer: { name: 'modelopt' }, quantization: { quant_algo: 'mixed_precision' } },
      undefined,
      'llama',
      'modelopt_mixed',
    ],
  ])('%j with --quantization %s on %s is %s', (checkpoint, asked, modelType, method) => {
    expect(chosen(checkpoint, asked, modelType)).toBe(method);
  });

  it('is none where neither checkpoint nor flag names one', () => {
    expect(chosen(null)).toBeNull();
  });

  it('may not contradict the flag', () => {
    expect(() => chosen({ quant_method: 'fp8' }, 'awq')).toThrow(
      'Quantization method specified in the model config (fp8) does not match the quantization method specified in the ' +
        '`quantization` argument (awq).',
    );
  });

  it('must be one that vLLM has, and not one on its way out', () => {
    expect(() => chosen({ quant_method: 'bitsandbytes' })).toThrow(
      /^Unknown quantization method: bitsandbytes\. Must be one of \['awq', 'auto_awq', .*--weights-bytes/,
    );
    expect(() => chosen({ quant_method: 'fbgemm_fp8' })).toThrow('is deprecated');
    expect(() =>
      chosen({ producer: { name: 'modelopt' }, quantization: { quant_algo: 'X' } }),
    ).toThrow('Unknown ModelOpt quant algo: X');
  });

  it('does not matter where the weights are given in bytes', () => {
    const plan = planQuantized(DENSE, { quant_method: 'bitsandbytes' }, { weightsBytes: 1e9 });
    expect(plan.memory[0]?.weightsBytes).toBe(1e9);
    expect(plan.quantization).toBeNull();
  });
});
