/**
 * `--quantization moe_wna16`: the experts of AWQ and GPTQ checkpoints in bytes, their other modules as these methods have them.
 * Source: vllm/model_executor/layers/quantization/moe_wna16.py (0.33.0).
 */
import { awqConfig, awqFormat } from './awq.ts';
import { gptqConfig, gptqFormat } from './gptq.ts';
import { wna16Experts } from './packed-linear.ts';
import type { QuantizationMethod } from './quantization-method.ts';

export const MOE_WNA16: QuantizationMethod = {
  minCapability: 70,
  dtypes: ['bfloat16', 'float16'],
  fromCheckpoint: (checkpoint, context) => {
    const isGptq = checkpoint.str('quant_method') === 'gptq';
    const base = isGptq ? gptqConfig(checkpoint, context) : awqConfig(checkpoint, context);
    const format = isGptq ? gptqFormat(checkpoint) : awqFormat(checkpoint);
    const ignored =
      !isGptq && checkpoint.has('modules_to_not_convert')
        ? checkpoint.strings('modules_to_not_convert')
        : [];
    return {
      ...base,
      name: 'moe_wna16',
      experts: (module) =>
        ignored.some((name) => module.name.includes(name)) ? null : wna16Experts(module, format),
    };
  },
};
