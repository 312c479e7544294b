/**
 * Which quantization a model runs with: what its checkpoint says (`quantization_config`), what --quantization asks for, and what
 * the card can run. A method that is not understood refuses the model and names --weights-bytes.
 * Source: vllm/config/vllm.py VllmConfig._get_quantization_config, model_loader/weight_utils.py get_quant_config (0.33.0).
 */
import { ConfigError } from '../../../shared/errors.ts';
import type { HfConfig } from '../hf-config.ts';
import { AWQ } from './awq.ts';
import { chooseMethod, type QuantizationWishes } from './choose-method.ts';
import { COMPRESSED_TENSORS } from './compressed-tensors.ts';
import { DEEPSEEK_V4_FP8 } from './deepseek-v4-fp8.ts';
import { FBGEMM_FP8 } from './fbgemm-fp8.ts';
import { FP_QUANT } from './fp-quant.ts';
import { FP8 } from './fp8.ts';
import { GPTQ } from './gptq.ts';
import { INC } from './inc.ts';
import { MODELOPT, MODELOPT_FP4, MODELOPT_MXFP8 } from './modelopt.ts';
import { MODELOPT_MIXED } from './modelopt-mixed.ts';
import { MOE_WNA16 } from './moe-wna16.ts';
import { GPT_OSS_MXFP4, MXFP4 } from './mxfp4.ts';
import { composed, EXPERTS_INT8, ONLINE, onlineConfig } from './online.ts';
import { onlineArgs, shorthandOf } from './online-args.ts';
import type { QuantizationConfig } from './quantization-config.ts';
import type { QuantizationContext, QuantizationMethod } from './quantization-method.ts';
import { QUARK } from './quark.ts';
import { TORCHAO } from './torchao.ts';

/** vLLM's name → what it does. A method of vLLM's that is not in here is refused. */
const METHODS: Readonly<Record<string, QuantizationMethod>> = {
  auto_awq: AWQ,
  auto_gptq: GPTQ,
  moe_wna16: MOE_WNA16,
  fp8: FP8,
  deepseek_v4_fp8: DEEPSEEK_V4_FP8,
  'compressed-tensors': COMPRESSED_TENSORS,
  modelopt: MODELOPT,
  modelopt_fp4: MODELOPT_FP4,
  modelopt_mxfp8: MODELOPT_MXFP8,
  modelopt_mixed: MODELOPT_MIXED,
  mxfp8: MODELOPT_MXFP8,
  mxfp4: MXFP4,
  gpt_oss_mxfp4: GPT_OSS_MXFP4,
  quark: QUARK,
  inc: INC,
  torchao: TORCHAO,
  experts_int8: EXPERTS_INT8,
  fbgemm_fp8: FBGEMM_FP8,
  fp_quant: FP_QUANT,
};

/** Methods that can be described in a file of their own. Source: each method's get_config_filenames. */
const METHODS_OF_A_FILE = [
  'awq',
  'auto_awq',
  'awq_marlin',
  'gptq',
  'auto_gptq',
  'gptq_marlin',
  'inc',
  'modelopt',
  'modelopt_fp4',
  'modelopt_mixed',
  'modelopt_mxfp8',
  'moe_wna16',
];

/** null: the model is not quantized. Throws E_UNKNOWN_MODEL or E_BAD_FLAG for a method that cannot be used. */
export function resolveQuantization(
  context: QuantizationContext,
  wishes: QuantizationWishes,
): QuantizationConfig | null {
  const { root, text } = context;
  const checkpoint = checkpointConfig(root) ?? checkpointConfig(text);
  const modelType = root.strOr('model_type', undefined);
  const name = chooseMethod({ checkpoint, modelType, ...wishes });
  if (name === null) return null;
  const shorthand = shorthandOf(checkpoint === null ? name : (wishes.asked ?? null));
  const isOnline = checkpoint === null && (shorthand !== null || name === 'online');
  if (isOnline) {
    checkCard(ONLINE, name, context);
    return { ...onlineConfig(onlineArgs(wishes.online, shorthand), context), name };
  }
  const method = METHODS[name];
  const config =
    checkpoint === null ? method?.online?.(context) : method?.fromCheckpoint?.(checkpoint, context);
  if (method === undefined || config === undefined) refuse(context, checkpoint, name);
  checkCard(method, name, context);
  const base = { ...config, name };
  if (wishes.online === undefined) return base;
  // `--quantization fp8` with an FP8 checkpoint is its method, no shorthand.
  const over = wishes.asked === 'fp8' ? null : shorthand;
  return composed(base, onlineArgs(wishes.online, over), context);
}

/** Where vLLM finds it, in its order. */
function checkpointConfig(config: HfConfig): HfConfig | null {
  const key = ['quantization_config', 'compression_config'].find((name) => config.has(name));
  return key === undefined ? null : config.sub(key);
}

function checkCard(
  { minCapability, dtypes }: Pick<QuantizationMethod, 'minCapability' | 'dtypes'>,
  name: string,
  { capability: { major, minor }, dtype }: QuantizationContext,
): void {
  const capability = 10 * major + minor;
  if (capability < minCapability) {
    throw new ConfigError(
      'E_BAD_FLAG',
      `The quantization method ${name} is not supported for the current GPU. Minimum capability: ${minCapability}. ` +
        `Current capability: ${capability}.`,
    );
  }
  if (!dtypes.includes(dtype)) {
    const supported = dtypes.map((known) => `torch.${known}`).join(', ');
    throw new ConfigError(
      'E_BAD_FLAG',
      `torch.${dtype} is not supported for quantization method ${name}. Supported dtypes: [${supported}]`,
    );
  }
}

function refuse(context: QuantizationContext, checkpoint: HfConfig | null, name: string): never {
  if (checkpoint === null && METHODS_OF_A_FILE.includes(name)) {
    throw new ConfigError('E_BAD_FLAG', `Cannot find the config file for ${name}`);
  }
  const what =
    checkpoint === null
      ? `--quantization ${name}`
      : `quantization_config "quant_method" ${JSON.stringify(name)}`;
  throw new ConfigError(
    'E_UNKNOWN_MODEL',
    `${context.label}: ${what} is not understood; give the bytes of one rank's weights with --weights-bytes`,
  );
}
