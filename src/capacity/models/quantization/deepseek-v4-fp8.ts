/**
 * `deepseek_v4_fp8`: FP8 blocks with experts in MXFP4, NVFP4 or FP8.
 * Source: vllm/models/deepseek_v41/quant_config.py DeepseekV4FP8Config (0.33.0).
 */
import { ConfigError } from '../../../shared/errors.ts';
import type { HfConfig } from '../hf-config.ts';
import { fp8Config, namesOr, readFp8 } from './fp8.ts';
import { hasGlobalScales, mxfp8Linear, nvfp4Experts } from './modelopt-algos.ts';
import { isLayerSkipped, matchesWildcard, namesInVllm } from './module-names.ts';
import { mxfp4Experts } from './mxfp4-experts.ts';
import type { QuantizationConfig } from './quantization-config.ts';
import type { QuantizationContext, QuantizationMethod } from './quantization-method.ts';

export const DEEPSEEK_V4_FP8: QuantizationMethod = {
  minCapability: 75,
  dtypes: ['bfloat16', 'float16'],
  fromCheckpoint: deepseekV4Config,
};

function deepseekV4Config(checkpoint: HfConfig, context: QuantizationContext): QuantizationConfig {
  const { root, text, packedModules } = context;
  const expertDtype = root.strOr('expert_dtype', 'fp4');
  if (expertDtype !== 'fp4' && expertDtype !== 'fp8') {
    throw new ConfigError(
      'E_UNKNOWN_MODEL',
      `Unsupported DeepSeek V4 expert_dtype='${expertDtype}'; expected one of ('fp4', 'fp8').`,
    );
  }
  const settings = {
    ...readFp8(checkpoint),
    ...(expertDtype === 'fp4' ? { scaleDtype: 'float8_e8m0fnu' } : {}),
  };
  const plain = fp8Config(settings, context);
  const ignored = namesInVllm(settings.ignored, context);
  const isSkipped = (name: string): boolean => isLayerSkipped(name, ignored, packedModules);
  const hasSmallBlocks = settings.block?.every((size) => size === 32) === true;
  const algo = checkpoint.strOr('moe_quant_algo', '').toUpperCase();
  const isNvfp4 = (name: string): boolean =>
    algo === 'NVFP4' && !keepsMxfp4(name, namesOr(checkpoint, 'ignore'), text);
  return {
    ...plain,
    name: 'deepseek_v4_fp8',
    description: `${plain.description}, experts in ${algo === 'NVFP4' ? algo : expertDtype}`,
    linear: (module) =>
      hasSmallBlocks && expertDtype === 'fp4' && !isSkipped(module.name)
        ? mxfp8Linear(module)
        : plain.linear(module),
    experts(module) {
      if (isSkipped(module.name)) return null;
      if (expertDtype === 'fp8') return plain.experts(module);
      return isNvfp4(module.name)
        ? nvfp4Experts(module, 16, hasGlobalScales(context))
        : mxfp4Experts(module, context);
    },
  };
}

/** Layers beyond the model's are drafts, which checkpoints call `mtp`. */
function keepsMxfp4(name: string, ignored: readonly string[], text: HfConfig): boolean {
  const layer = /(?:^|\.)layers\.(\d+)\.ffn\.experts$/.exec(name)?.[1];
  if (layer === undefined) return false;
  const beyond = Number(layer) - text.num('num_hidden_layers');
  const listed = beyond >= 0 ? `mtp.${beyond}.ffn.experts` : `layers.${layer}.ffn.experts`;
  return ignored.some((entry) => matchesWildcard(listed, entry));
}
