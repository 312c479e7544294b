/**
 * `mxfp4` and `gpt_oss_mxfp4`: only the experts are quantized.
 * Source: vllm/model_executor/layers/quantization/mxfp4.py Mxfp4Config, GptOssMxfp4Config (0.33.0).
 */
import { gptOssMxfp4Experts, mxfp4Experts } from './mxfp4-experts.ts';
import type { ExpertsModule, ParameterShape, QuantizationConfig } from './quantization-config.ts';
import type { QuantizationContext, QuantizationMethod } from './quantization-method.ts';

export const MXFP4: QuantizationMethod = method('mxfp4', mxfp4Experts);

export const GPT_OSS_MXFP4: QuantizationMethod = method('gpt_oss_mxfp4', gptOssMxfp4Experts);

function method(
  name: string,
  experts: (module: ExpertsModule, context: QuantizationContext) => readonly ParameterShape[],
): QuantizationMethod {
  return {
    minCapability: 80,
    dtypes: ['bfloat16'],
    fromCheckpoint: (_, context): QuantizationConfig => ({
      name,
      description: 'MXFP4 experts',
      linear: () => null,
      experts: (module) => experts(module, context),
      embedding: () => null,
      attention: () => [],
      attentionCacheDtype: null,
    }),
  };
}
