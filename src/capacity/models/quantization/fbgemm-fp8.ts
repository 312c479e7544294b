/**
 * `fbgemm_fp8`: FP8 with one scale a channel; deprecated, so only with --allow-deprecated-quantization. Experts stay as they are.
 * Source: vllm/model_executor/layers/quantization/fbgemm_fp8.py (0.33.0).
 */
import { namesOr } from './fp8.ts';
import { fp8Weight, width } from './linear-shapes.ts';
import { isLayerSkipped } from './module-names.ts';
import type { QuantizationMethod } from './quantization-method.ts';

export const FBGEMM_FP8: QuantizationMethod = {
  minCapability: 80,
  dtypes: ['bfloat16', 'float16'],
  fromCheckpoint: (checkpoint, { packedModules }) => {
    const ignored = namesOr(checkpoint, 'modules_to_not_convert');
    return {
      name: 'fbgemm_fp8',
      description: 'FP8 of FBGEMM, one scale a channel',
      linear: (module) =>
        isLayerSkipped(module.name, ignored, packedModules)
          ? null
          : [
              fp8Weight(module),
              { name: 'weight_scale', shape: [width(module), 1], dtype: 'float32' },
              { name: 'input_scale_ub', shape: [], dtype: 'float32' },
            ],
      experts: () => null,
      embedding: () => null,
      attention: () => [],
      attentionCacheDtype: null,
    };
  },
};
