/**
 * The name of the method that a model runs with: the checkpoint's, unless another one takes it over or the flag contradicts.
 * Source: vllm/config/model.py ModelConfig._verify_quantization and each method's override_quantization_method (0.33.0).
 */
import { ConfigError } from '../../../shared/errors.ts';
import type { JsonObject } from '../../../shared/json-object.ts';
import type { HfConfig } from '../hf-config.ts';

/** Source: layers/quantization/__init__.py QuantizationMethods. */
const QUANTIZATION_METHODS = [
  'awq',
  'auto_awq',
  'fp8',
  'fbgemm_fp8',
  'fp_quant',
  'modelopt',
  'modelopt_fp4',
  'modelopt_mxfp8',
  'modelopt_mixed',
  'auto_gptq',
  'gptq',
  'gptq_marlin',
  'awq_marlin',
  'humming',
  'compressed-tensors',
  'experts_int8',
  'quark',
  'moe_wna16',
  'torchao',
  'inc',
  'mxfp4',
  'gpt_oss_mxfp4',
  'deepseek_v4_fp8',
  'online',
  'fp8_per_tensor',
  'fp8_per_block',
  'fp8_per_channel',
  'int8_per_channel_weight_only',
  'nvfp4_per_token',
  'mxfp8',
];

/** Source: layers/quantization/__init__.py DEPRECATED_QUANTIZATION_METHODS. */
const DEPRECATED = ['fbgemm_fp8', 'fp_quant'];

/** What the flags say. */
export interface QuantizationWishes {
  /** --quantization. */
  readonly asked: string | undefined;
  /** --allow-deprecated-quantization. */
  readonly allowsDeprecated: boolean;
  /** --quantization-config. */
  readonly online?: JsonObject | undefined;
}

export interface MethodQuestion extends QuantizationWishes {
  /** `quantization_config` as it is used: of the root, else of the text config. */
  readonly checkpoint: HfConfig | null;
  /** The outer config.json's. */
  readonly modelType: string | undefined;
}

/** null: the model is not quantized. Throws E_BAD_FLAG or E_UNKNOWN_MODEL with vLLM's words. */
export function chooseMethod(question: MethodQuestion): string | null {
  const asked = question.asked?.toLowerCase();
  const { checkpoint } = question;
  const method = checkpoint === null ? (asked ?? null) : ofCheckpoint(checkpoint, asked, question);
  if (method === null) return null;
  if (!QUANTIZATION_METHODS.includes(method)) {
    const known = QUANTIZATION_METHODS.map((name) => `'${name}'`).join(', ');
    throw new ConfigError(
      checkpoint === null ? 'E_BAD_FLAG' : 'E_UNKNOWN_MODEL',
      `Unknown quantization method: ${method}. Must be one of [${known}]. ` +
        "Give the bytes of one rank's weights with --weights-bytes.",
    );
  }
  if (DEPRECATED.includes(method) && !question.allowsDeprecated) {
    throw new ConfigError(
      'E_UNKNOWN_MODEL',
      `The quantization method ${method} is deprecated and will be removed in future versions of vLLM. ` +
        'To bypass, set `--allow-deprecated-quantization`.',
    );
  }
  return method;
}

function ofCheckpoint(
  checkpoint: HfConfig,
  asked: string | undefined,
  { modelType }: MethodQuestion,
): string | null {
  const stated = statedMethod(checkpoint);
  const taken = overridingMethod({ checkpoint, stated, asked, modelType });
  if (taken !== null) return taken;
  const method = stated === '' ? null : stated;
  if (asked === undefined || asked === method) return method;
  throw new ConfigError(
    'E_BAD_FLAG',
    `Quantization method specified in the model config (${method ?? 'None'}) does not match the quantization method ` +
      `specified in the \`quantization\` argument (${asked}).`,
  );
}

/**
 * `quant_method`, under the names of ModelOpt's older exports too.
 * Source: model_arch_config_convertor.py ModelArchConfigConvertorBase._normalize_quantization_config.
 */
export function statedMethod(checkpoint: HfConfig): string {
  const legacy = checkpoint.has('quantization') ? checkpoint.sub('quantization') : null;
  const producer = checkpoint.has('producer')
    ? checkpoint.sub('producer').strOr('name', null)
    : null;
  const isModelOpt = producer === 'modelopt' || legacy?.hasKey('modelopt_quant_config') === true;
  const algo = legacy?.strOr('quant_algo', null) ?? null;
  if (isModelOpt && algo !== null) return modelOptMethod(algo);
  const method = checkpoint.strOr('quant_method', '').toLowerCase();
  return method.replaceAll('compressed_tensors', 'compressed-tensors');
}

function modelOptMethod(algo: string): string {
  switch (algo.toUpperCase()) {
    case 'FP8':
    case 'FP8_PER_CHANNEL_PER_TOKEN':
    case 'FP8_PB_WO':
      return 'modelopt';
    case 'NVFP4':
      return 'modelopt_fp4';
    case 'MIXED_PRECISION':
      return 'modelopt_mixed';
    default:
      throw new ConfigError('E_UNKNOWN_MODEL', `Unknown ModelOpt quant algo: ${algo}`);
  }
}

interface Claim {
  readonly checkpoint: HfConfig;
  readonly stated: string;
  readonly asked: string | undefined;
  readonly modelType: string | undefined;
}

/** Asked in vLLM's order of preference; `humming` is first where the flag names it. */
function overridingMethod(claim: Claim): string | null {
  const { stated, asked, modelType } = claim;
  if (asked === 'humming') return humming(claim);
  if (stated === 'gptq' && isOneOf(asked, ['gptq', 'gptq_marlin', 'auto_gptq', 'marlin'])) {
    return 'auto_gptq';
  }
  if (stated === 'awq' && isOneOf(asked, ['awq', 'awq_marlin', 'auto_awq', 'marlin'])) {
    return 'auto_awq';
  }
  if (stated === 'auto-round') return 'inc';
  if (asked === 'moe_wna16' && (stated === 'gptq' || stated === 'awq')) return 'moe_wna16';
  const modelOpt = modelOptOverride(claim);
  if (modelOpt !== null) return modelOpt;
  if (modelType === 'gpt_oss' && ['mxfp4', 'gpt_oss_mxfp4'].includes(stated)) {
    return 'gpt_oss_mxfp4';
  }
  const isDeepseekV4 = /^deepseek_v41?(_text)?$/.test(modelType ?? '');
  if (['fp8', 'deepseek_v4_fp8'].includes(stated) && (isDeepseekV4 || asked === 'deepseek_v4_fp8'))
    return 'deepseek_v4_fp8';
  return null;
}

function humming({ stated, modelType }: Claim): string {
  if (modelType === 'gpt_oss' && stated === 'mxfp4') {
    throw new ConfigError(
      'E_BAD_FLAG',
      "For gpt-oss model, use '--moe-backend humming' instead of '--quantization humming'.",
    );
  }
  return 'humming';
}

/** Source: modelopt.py ModelOptQuantConfigBase._extract_modelopt_quant_algo and its subclasses' overrides. */
function modelOptOverride({ checkpoint, stated }: Claim): string | null {
  if (!stated.startsWith('modelopt')) return null;
  const holder = checkpoint.has('quantization') ? checkpoint.sub('quantization') : checkpoint;
  const algo = holder.strOr('quant_algo', '').toUpperCase();
  if (algo === 'FP8') return 'modelopt';
  if (algo.includes('FP4')) return 'modelopt_fp4';
  if (algo.includes('MXFP8')) return 'modelopt_mxfp8';
  return algo === 'MIXED_PRECISION' ? 'modelopt_mixed' : null;
}

function isOneOf(asked: string | undefined, names: readonly string[]): boolean {
  return asked === undefined || names.includes(asked);
}
