/**
 * From a config.json and the flags to what vLLM's ModelConfig knows. Throws E_UNKNOWN_MODEL for a model that is not
 * understood and E_BAD_FLAG where vLLM refuses a flag, with its words.
 * Source: vllm/config/model.py ModelConfig, vllm/transformers_utils/model_arch_config_convertor.py (0.33.0). Leaves out:
 * remote code, --disable-sliding-window.
 */
import { ConfigError } from '../../shared/errors.ts';
import type { JsonObject } from '../../shared/json-object.ts';
import { pythonFloatRepr } from '../../shared/python/float.ts';
import { normalizeDtype } from '../spec/dtypes.ts';
import { checkHfConfig } from './checks/hf-config.ts';
import { refused } from './checks/refused.ts';
import { HfConfig } from './hf-config.ts';
import type { KnownModel, ModelFamily } from './model-family.ts';
import type { ModelOptions } from './model-options.ts';
import { poolingArchitecture } from './pooling/architectures.ts';
import { type PoolingFacts, resolvePooling } from './pooling/pooling-facts.ts';
import { baseArchitectures, resolveRunner } from './pooling/runner.ts';
import {
  NO_SENTENCE_TRANSFORMERS,
  type SentenceTransformers,
} from './pooling/sentence-transformers.ts';
import { familyOf, isKnownArchitecture } from './registry.ts';
import { ropeParameters, ropeType } from './rope.ts';

/** The length of a model whose config.json names none. */
const DEFAULT_MAX_MODEL_LEN = 2048;

/** In vLLM's order; the smallest counts. Source: derive_max_model_len_and_key. */
const LENGTH_KEYS = [
  'max_position_embeddings',
  'n_positions',
  'max_seq_len',
  'seq_length',
  'model_max_length',
  'max_target_positions',
  'max_sequence_length',
  'max_seq_length',
  'seq_len',
];

/** RoPE types whose max_position_embeddings is scaled already. */
const SCALED_ROPE_TYPES = [
  'su',
  'longrope',
  'llama3',
  'yarn',
  'deepseek_yarn',
  'deepseek_llama_scaling',
];

const KV_HEAD_KEYS = [
  'n_head_kv',
  'num_kv_heads',
  'num_key_value_heads',
  'multi_query_group_num',
  'num_attention_groups',
];
const EXPERT_KEYS = ['num_experts', 'moe_num_experts', 'n_routed_experts', 'num_local_experts'];

export function resolveModel(
  config: JsonObject,
  label: string,
  options: ModelOptions,
  sentenceTransformers: SentenceTransformers = NO_SENTENCE_TRANSFORMERS,
): KnownModel {
  const root = new HfConfig(config, label);
  const architecture = root.has('architectures') ? root.strings('architectures')[0] : undefined;
  if (architecture === undefined) return root.fail('architectures', 'a list with one name');
  const { family, warnings } = familyOf(builtArchitecture(architecture), root);
  const text = languageConfig(root, family);
  checkHfConfig(text);
  const pooling = poolingOf({ architecture, family, root, text, options, sentenceTransformers });
  const modelType = root.strOr('model_type', '');
  const isHybrid = family.kind === 'hybrid' && (family.isHybrid?.(text) ?? true);
  const isPooling = pooling !== null;
  const numHeads = text.numOr('num_attention_heads', 0);
  const limits = isPooling ? sentenceTransformers : NO_SENTENCE_TRANSFORMERS;
  const length = resolveLength(text, options, limits);
  return {
    label,
    architecture,
    family,
    root,
    text,
    modelType,
    dtype: resolveDtype(root, text, modelType, { dtype: options.dtype, isPooling }),
    ...length,
    warnings: [...warnings, ...length.warnings],
    notes: runnerNotes(pooling, options),
    autoFitMaxModelLen: options.maxModelLen === -1,
    headSize: headSize(text, family, numHeads),
    totalNumKvHeads: family.totalNumKvHeads?.(text) ?? firstNumber(text, KV_HEAD_KEYS) ?? numHeads,
    totalNumAttentionHeads: numHeads,
    numExperts: firstNumber(text, EXPERT_KEYS) ?? 0,
    isHybrid,
    isAttentionFree: family.kind === 'attention_free',
    isEncoderDecoder: family.kind === 'encoder_decoder',
    isPooling,
    pooling,
    useMla: family.usesMla?.(text) ?? false,
    isMmPrefixLm: family.isMmPrefixLm?.(text, root) ?? false,
    // The layer types that transformers gives a hybrid are never all sliding.
    slidingWindow: family.kind === 'hybrid' ? null : modelWideWindow(text, modelType),
  };
}

/** An adapter's pooling model is built as the class under it: Qwen3ForSequenceClassification as Qwen3ForCausalLM. */
function builtArchitecture(architecture: string): string {
  if (isKnownArchitecture(architecture)) return architecture;
  return baseArchitectures(architecture).find(isKnownArchitecture) ?? architecture;
}

/** Null for a model that generates. */
function poolingOf(about: {
  readonly architecture: string;
  readonly family: ModelFamily;
  readonly root: HfConfig;
  readonly text: HfConfig;
  readonly options: ModelOptions;
  readonly sentenceTransformers: SentenceTransformers;
}): PoolingFacts | null {
  const { architecture, family, options, sentenceTransformers } = about;
  const runner = resolveRunner(architecture, {
    runner: options.runner,
    convert: options.convert,
    hasPoolingModule: sentenceTransformers.pooling !== null,
    isGenerative:
      family.kind !== 'pooling' &&
      family.isPoolingClass !== true &&
      poolingArchitecture(architecture) === null,
    isRegistered: isKnownArchitecture(architecture),
  });
  if (runner.type === 'generate') return null;
  return resolvePooling({
    ...about,
    convert: runner.convert,
    poolerConfig: options.poolerConfig ?? null,
  });
}

/** Source: ModelConfig._get_runner_type, _get_convert_type, which do not tell of the usual case. */
function runnerNotes(pooling: PoolingFacts | null, options: ModelOptions): readonly string[] {
  if (pooling === null) return [];
  const resolved = (flag: string, value: string): string =>
    `Resolved \`--${flag} auto\` to \`--${flag} ${value}\`. Pass the value explicitly to silence this message.`;
  return [
    ...((options.runner ?? 'auto') === 'auto' ? [resolved('runner', 'pooling')] : []),
    ...((options.convert ?? 'auto') === 'auto' && pooling.convert !== 'none'
      ? [resolved('convert', pooling.convert)]
      : []),
  ];
}

/** The language model's own config, with transformers' defaults under it. */
function languageConfig(root: HfConfig, family: ModelFamily): HfConfig {
  if (family.language !== undefined) {
    const text = family.language(root);
    return family.normalize?.(text, root) ?? text;
  }
  const nested = root.has('text_config') ? root.sub('text_config') : root;
  const modelType = nested.strOr('model_type', '');
  const defaults = family.defaults?.[modelType] ?? Object.values(family.defaults ?? {})[0] ?? {};
  const text = nested.withDefaults(defaults);
  return family.normalize?.(text, root) ?? text;
}

function firstNumber(text: HfConfig, keys: readonly string[]): number | null {
  for (const key of keys) {
    if (typeof text.get(key) === 'number') return text.num(key);
  }
  return null;
}

function headSize(text: HfConfig, family: ModelFamily, numHeads: number): number {
  if (family.headSize !== undefined) return family.headSize(text);
  if (family.kind === 'attention_free') return 0;
  const named = text.numOr('head_dim', 0);
  if (named > 0) return named;
  return numHeads === 0 ? 0 : Math.floor(text.num('hidden_size') / numHeads);
}

/** cache_config.sliding_window: only where no layer is exempt. Source: EngineArgs.create_engine_config. */
function modelWideWindow(text: HfConfig, modelType: string): number | null {
  // Their config classes forget a window that is not used.
  if (/^qwen[23]/.test(modelType) && !text.flag('use_sliding_window')) return null;
  const listed = text.has('layer_types') ? text.strings('layer_types') : [];
  if (listed.some((type) => type !== 'sliding_attention')) return null;
  const window = text.numOr('sliding_window', 0);
  return window === 0 ? null : window;
}

const NO_FLOAT16 = ['gemma2', 'gemma3', 'gemma3_text', 'glm4'];
const KNOWN_DTYPES = ['float16', 'bfloat16', 'float32'];

/** Source: vllm/config/model.py _get_and_verify_dtype. float32 checkpoints run in bfloat16. */
function resolveDtype(
  root: HfConfig,
  text: HfConfig,
  modelType: string,
  asked: { readonly dtype: string | undefined; readonly isPooling: boolean },
): string {
  const wanted = normalizeDtype(asked.dtype ?? 'auto');
  if (wanted !== 'auto') {
    if (!KNOWN_DTYPES.includes(wanted)) {
      throw new ConfigError('E_BAD_FLAG', `Unknown dtype: '${asked.dtype}'`);
    }
    if (wanted === 'float16' && NO_FLOAT16.includes(modelType)) {
      throw new ConfigError(
        'E_BAD_FLAG',
        `The model type '${modelType}' does not support float16. Reason: Numerical instability. Please use bfloat16 or float32 instead.`,
      );
    }
    return wanted;
  }
  const stored = [root, text, ...(root.has('vision_config') ? [root.sub('vision_config')] : [])]
    .map((config) => config.strOr('dtype', config.strOr('torch_dtype', null)))
    .find((dtype) => dtype !== null);
  const dtype = normalizeDtype(stored ?? 'float32');
  const takesFloat16 = !NO_FLOAT16.includes(modelType);
  const isSupported = KNOWN_DTYPES.includes(dtype) && (dtype !== 'float16' || takesFloat16);
  if (dtype !== 'float32' && isSupported) return dtype;
  return asked.isPooling && takesFloat16 ? 'float16' : 'bfloat16';
}

interface ModelLength {
  readonly maxModelLen: number;
  readonly derivedMaxModelLen: number;
  readonly warnings: readonly string[];
}

/** How long sequences can be. Source: vllm/config/model.py _get_and_verify_max_len. */
export function resolveLength(
  text: HfConfig,
  options: ModelOptions,
  limits: SentenceTransformers = NO_SENTENCE_TRANSFORMERS,
): ModelLength {
  const asked = options.maxModelLen;
  const named = derivedLength(text, limits);
  if (asked === 0 || (named === null && asked === -1)) {
    throw refused(
      `max_model_len must be a positive integer, got int: ${asked}. Example: max_model_len=2048`,
    );
  }
  if (named === null && asked !== undefined) {
    return { maxModelLen: asked, derivedMaxModelLen: asked, warnings: [] };
  }
  const ropes = ropeParameters(text);
  let factor = 1;
  if (!text.strOr('model_type', '').includes('gemma3')) {
    for (const rope of ropes) {
      const value = rope['factor'];
      if (!SCALED_ROPE_TYPES.includes(ropeType(rope)) && typeof value === 'number') factor = value;
    }
  }
  const derived = limits.maxSeqLength ?? (named?.length ?? DEFAULT_MAX_MODEL_LEN) * factor;
  if (!isLength(derived)) text.fail('rope_scaling', 'a factor that leads to a positive length');
  if (asked === undefined || asked === -1) {
    const isLongRope = ropes.some((rope) => ropeType(rope) === 'longrope');
    const original = isLongRope ? originalLength(text, ropes, derived) : derived;
    if (!isLength(original)) text.fail('original_max_position_embeddings', 'a positive length');
    return { maxModelLen: Math.trunc(original), derivedMaxModelLen: derived, warnings: [] };
  }
  const warning = asked > derived ? tooLong(text, asked, derived, named?.key ?? null) : null;
  if (warning === null) return { maxModelLen: asked, derivedMaxModelLen: derived, warnings: [] };
  const { fact, caution } = warning;
  if (options.allowLongMaxModelLen !== true) {
    throw new ConfigError(
      'E_BAD_FLAG',
      `${fact} To allow overriding this maximum, set the env var VLLM_ALLOW_LONG_MAX_MODEL_LEN=1. ${caution}`,
    );
  }
  return {
    maxModelLen: asked,
    derivedMaxModelLen: derived,
    warnings: [`${fact} ${caution}`],
  };
}

function isLength(value: number): boolean {
  return value >= 1 && value <= Number.MAX_SAFE_INTEGER;
}

/** LongRoPE models are served at their original length unless asked otherwise. */
function originalLength(text: HfConfig, ropes: readonly JsonObject[], derived: number): number {
  const nested = ropes.map((rope) => rope['original_max_position_embeddings']);
  const inRope = nested.find((value) => typeof value === 'number');
  return text.numOr('original_max_position_embeddings', inRope ?? derived);
}

function derivedLength(
  text: HfConfig,
  { tokenizerMaxLength }: SentenceTransformers,
): { length: number; key: string } | null {
  let found: { length: number; key: string } | null = null;
  for (const key of LENGTH_KEYS) {
    if (typeof text.get(key) !== 'number') continue;
    const length = text.num(key);
    if (found === null || length < found.length) found = { length, key };
  }
  const ofTokenizer = text.numOr('model_max_length', 0);
  if (ofTokenizer > 0) found = { length: ofTokenizer, key: 'model_max_length' };
  const isAbsolute = text.strOr('position_embedding_type', '') === 'absolute';
  if (!isAbsolute || tokenizerMaxLength === null || found === null) return found;
  return { ...found, length: Math.min(found.length, tokenizerMaxLength) };
}

/** What vLLM says of a longer length than the model's own, or null where the model's other limit allows it. */
function tooLong(
  text: HfConfig,
  asked: number,
  derived: number,
  key: string | null,
): { fact: string; caution: string } | null {
  const modelMax = text.numOr('model_max_length', null);
  if (modelMax !== null && asked <= modelMax) return null;
  return {
    fact:
      `User-specified max_model_len (${asked}) is greater than the derived max_model_len (${key ?? 'None'}=${pythonFloatRepr(derived)} or ` +
      `model_max_length=${modelMax ?? 'None'} in model's config.json).`,
    caution:
      'VLLM_ALLOW_LONG_MAX_MODEL_LEN must be used with extreme caution. If the model uses relative position encoding ' +
      '(RoPE), positions exceeding derived_max_model_len lead to nan. If the model uses absolute position encoding, ' +
      'positions exceeding derived_max_model_len will cause a CUDA array out-of-bounds error.',
  };
}
