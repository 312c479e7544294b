/**
 * `fp_quant`: MXFP4 or NVFP4 weights behind a Hadamard matrix for each module; deprecated, so only with
 * --allow-deprecated-quantization. Experts stay as they are.
 * Source: vllm/model_executor/layers/quantization/fp_quant.py (0.33.0).
 */
import { ConfigError } from '../../../shared/errors.ts';
import { namesOr } from './fp8.ts';
import { width } from './linear-shapes.ts';
import type { LinearModule, ParameterShape } from './quantization-config.ts';
import type { QuantizationMethod } from './quantization-method.ts';

/** Inputs that share a scale, by `forward_dtype`. */
const GROUPS: Readonly<Record<string, number>> = { mxfp4: 32, nvfp4: 16 };

export const FP_QUANT: QuantizationMethod = {
  minCapability: 100,
  dtypes: ['bfloat16'],
  fromCheckpoint: (checkpoint) => {
    const ignored = namesOr(checkpoint, 'modules_to_not_convert');
    const forwardDtype = checkpoint.str('forward_dtype');
    const hadamard = checkpoint.num('hadamard_group_size');
    const group = GROUPS[forwardDtype];
    if (group === undefined) {
      throw new ConfigError('E_UNKNOWN_MODEL', 'Only mxfp4 and nvfp4 are supported for now');
    }
    return {
      name: 'fp_quant',
      description: `FP-Quant, ${forwardDtype.toUpperCase()}`,
      linear: (module) =>
        ignored.some((name) => module.name.endsWith(name))
          ? null
          : linearShapes(module, group, hadamard),
      experts: () => null,
      embedding: () => null,
      attention: () => [],
      attentionCacheDtype: null,
    };
  },
};

function linearShapes(module: LinearModule, group: number, hadamard: number): ParameterShape[] {
  const inputs = module.inputSizePerPartition;
  const rows = width(module);
  if (inputs % hadamard !== 0) {
    throw new ConfigError(
      'E_BAD_FLAG',
      'The input size is not aligned with the quantized weight shape. This can be caused by too large tensor parallel size. ' +
        'Or other skill issues.',
    );
  }
  return [
    { name: 'qweight', shape: [rows, Math.floor(inputs / 2)], dtype: 'uint8' },
    { name: 'scales', shape: [rows, Math.floor(inputs / group)], dtype: 'uint8' },
    { name: 'weight_global_scale', shape: [1], dtype: 'float32' },
    { name: 'act_global_scale', shape: [1], dtype: 'float32' },
    { name: 'forward_hadamard_matrix', shape: [hadamard, hadamard], dtype: module.dtype },
  ];
}
