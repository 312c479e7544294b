/** Every family by the architectures that it knows. Adding a family is adding its file and its line here. */

import { ConfigError } from '../../shared/errors.ts';
import { isJsonObject } from '../../shared/json-object.ts';
import { BAILING_LINEAR } from './families/bailing-linear.ts';
import { BEAM } from './families/beam.ts';
import { BERT_FAMILIES } from './families/bert.ts';
import { ROPE_BERT_FAMILIES } from './families/bert-with-rope.ts';
import { DECILM } from './families/decilm.ts';
import { CLASSIC_FAMILIES } from './families/decoder-classic.ts';
import { EXPERT_FAMILIES } from './families/decoder-experts.ts';
import {
  genericFamily,
  MIXTRAL_FALLBACKS,
  NAMED_FALLBACKS,
  plainFamily,
  unlikePlain,
} from './families/decoder-fallback.ts';
import { LLAMA_LIKE_FAMILIES } from './families/decoder-llama.ts';
import { TRANSFORMERS_FAMILIES } from './families/decoder-transformers.ts';
import { MLA_FAMILIES } from './families/deepseek.ts';
import { DEEPSEEK_V4 } from './families/deepseek-v4.ts';
import { DENSE_FAMILIES } from './families/dense.ts';
import { DORY } from './families/dory.ts';
import { FALCON_H1 } from './families/falcon-h1.ts';
import { FLINT_FAMILIES } from './families/flint.ts';
import { GEMMA, GEMMA2, GEMMA3_TEXT } from './families/gemma.ts';
import { GEMMA3N } from './families/gemma3n.ts';
import { GEMMA4 } from './families/gemma4.ts';
import { GPT_OSS, OPENAI_PRIVACY_FILTER } from './families/gpt-oss.ts';
import { GRANITE_HYBRID } from './families/granite-hybrid.ts';
import { HRM_TEXT } from './families/hrm-text.ts';
import { HY_V4 } from './families/hy-v4.ts';
import { JAMBA } from './families/jamba.ts';
import { KIMI_LINEAR } from './families/kimi-linear.ts';
import { LAGUNA_FAMILIES } from './families/laguna.ts';
import { GPT2, OPT } from './families/learned-positions.ts';
import { LFM2 } from './families/lfm2.ts';
import { LLAMA4_TEXT } from './families/llama4.ts';
import { LONGCAT_FAMILIES } from './families/longcat.ts';
import { LOOP_CODER } from './families/loop-coder.ts';
import { MAMBA1, MAMBA2 } from './families/mamba.ts';
import { MIMO_V2, MIMO_V2_PRO } from './families/mimo-v2.ts';
import { MINICPM3 } from './families/minicpm3.ts';
import { MINIMAX_M3 } from './families/minimax-m3.ts';
import { MODERNBERT_FAMILIES } from './families/modernbert.ts';
import { MOE_FAMILIES } from './families/moe.ts';
import { MUSE_GLIMMER } from './families/muse-glimmer.ts';
import { NEMOTRON_H } from './families/nemotron-h.ts';
import { OLMO_HYBRID } from './families/olmo-hybrid.ts';
import { POOLING_ON_DECODERS, poolingFamily } from './families/pooling-on-decoder.ts';
import { QWEN3_5, QWEN3_NEXT } from './families/qwen-gdn.ts';
import { QWEN4_EXP } from './families/qwen4-exp.ts';
import { STEP3_TEXT, STEP3P5_FAMILIES } from './families/step3.ts';
import { WHISPER } from './families/whisper.ts';
import { ZAMBA2 } from './families/zamba2.ts';
import { EXPLICIT_LAYERS_HINT, HfConfig } from './hf-config.ts';
import type { ModelFamily } from './model-family.ts';
import { MULTIMODAL_ARCHITECTURES } from './multimodal/architectures.ts';
import { multimodalFamily } from './multimodal/multimodal-family.ts';
import { namedOnly } from './named-only.ts';
import { unknownArchitecture } from './unknown-architecture.ts';

export const FAMILIES: readonly ModelFamily[] = [
  ...DENSE_FAMILIES,
  ...MOE_FAMILIES,
  ...CLASSIC_FAMILIES,
  ...EXPERT_FAMILIES,
  ...LLAMA_LIKE_FAMILIES,
  ...TRANSFORMERS_FAMILIES,
  GPT2,
  OPT,
  GPT_OSS,
  OPENAI_PRIVACY_FILTER,
  GEMMA,
  GEMMA2,
  GEMMA3_TEXT,
  GEMMA3N,
  GEMMA4,
  LLAMA4_TEXT,
  ...MLA_FAMILIES,
  ...LONGCAT_FAMILIES,
  HY_V4,
  BAILING_LINEAR,
  MINICPM3,
  DEEPSEEK_V4,
  MIMO_V2,
  MIMO_V2_PRO,
  DECILM,
  ...LAGUNA_FAMILIES,
  ...FLINT_FAMILIES,
  BEAM,
  LOOP_CODER,
  HRM_TEXT,
  DORY,
  MUSE_GLIMMER,
  STEP3_TEXT,
  ...STEP3P5_FAMILIES,
  QWEN3_NEXT,
  OLMO_HYBRID,
  QWEN4_EXP,
  MINIMAX_M3,
  QWEN3_5,
  JAMBA,
  ZAMBA2,
  NEMOTRON_H,
  GRANITE_HYBRID,
  FALCON_H1,
  LFM2,
  KIMI_LINEAR,
  MAMBA1,
  MAMBA2,
  WHISPER,
  ...BERT_FAMILIES,
  ...MODERNBERT_FAMILIES,
  ...ROPE_BERT_FAMILIES,
];

export interface FoundFamily {
  readonly family: ModelFamily;
  /** What vLLM warns of at start-up because of the choice. */
  readonly warnings: readonly string[];
}

/** Names under which vLLM loads whatever transformers has for the model type. Source: _TRANSFORMERS_BACKEND_MODELS. */
export const GENERIC_NAME =
  /^Transformers(MultiModal)?(MoE)?(ForCausalLM|EmbeddingModel|ForSequenceClassification|ForMTP)$/;

export function isKnownArchitecture(architecture: string): boolean {
  return [...FAMILIES, ...MULTIMODAL_ARCHITECTURES, ...POOLING_ON_DECODERS].some(
    ({ architectures }) => architectures.includes(architecture),
  );
}

/**
 * The family of an architecture. A name that vLLM does not have falls back to transformers' code, as there, where the class is
 * known or the repository brings one of a plain shape. Throws E_UNKNOWN_MODEL naming the field.
 */
export function familyOf(architecture: string, root: HfConfig): FoundFamily {
  const isNamed = ({ architectures }: { readonly architectures: readonly string[] }): boolean =>
    architectures.includes(architecture);
  const multimodal = MULTIMODAL_ARCHITECTURES.find(isNamed);
  if (multimodal !== undefined) {
    return { family: multimodalFamily(multimodal, root, textFamilyOf), warnings: [] };
  }
  const pooling = POOLING_ON_DECODERS.find(isNamed);
  if (pooling !== undefined) {
    const base = familyOf(pooling.base, pooling.baseConfig?.(root) ?? root).family;
    return { family: poolingFamily(pooling, base), warnings: [] };
  }
  const family = FAMILIES.find(isNamed);
  if (family !== undefined) return { family, warnings: [] };
  const fallback = fallbackFamily(architecture, root);
  if (fallback !== null) return { family: fallback, warnings: [fallbackWarning(root)] };
  const reason = namedOnly(architecture, root) ?? notPlain(architecture, root);
  if (reason === null) throw unknownArchitecture(architecture, root.label);
  throw notUnderstood(root.label, architecture, reason);
}

/** Without what falls back. Throws E_UNKNOWN_MODEL naming the field. */
function textFamilyOf(architecture: string, label: string): ModelFamily {
  const family = FAMILIES.find(({ architectures }) => architectures.includes(architecture));
  if (family !== undefined) return family;
  const reason = namedOnly(architecture, new HfConfig({}, label));
  if (reason === null) throw unknownArchitecture(architecture, label);
  throw notUnderstood(label, architecture, reason);
}

/** vLLM's own sentences end in a full stop, ours do not. */
function notUnderstood(label: string, architecture: string, reason: string): ConfigError {
  const said = `${label}: ${architecture}: ${reason.replace(/\.$/, '')}`;
  return new ConfigError('E_UNKNOWN_MODEL', `${said}; ${EXPLICIT_LAYERS_HINT}`);
}

function fallbackFamily(architecture: string, root: HfConfig): ModelFamily | null {
  const named = NAMED_FALLBACKS.find(({ architectures }) => architectures.includes(architecture));
  if (named !== undefined) return named;
  if (architecture.includes('MultiModal') || architecture.endsWith('ForMTP')) return null;
  if (GENERIC_NAME.test(architecture)) {
    const generic = familyOfType(root) ?? plainFamily(root);
    return generic === null ? null : genericFamily(architecture, generic);
  }
  return bringsCode(root) ? plainFamily(root) : null;
}

/** Why a file that falls back to transformers' code is not understood. */
function notPlain(architecture: string, root: HfConfig): string | null {
  if (!GENERIC_NAME.test(architecture) && !bringsCode(root)) return null;
  const reason = architecture.includes('MultiModal') ? 'it has encoders' : unlikePlain(root);
  return reason === null
    ? null
    : `vLLM runs transformers' code for it, which is known for plain decoders only: ${reason}`;
}

/** The repository has a model class of its own. */
function bringsCode(root: HfConfig): boolean {
  const code = root.get('auto_map');
  return isJsonObject(code) && Object.keys(code).some((key) => key.startsWith('AutoModel'));
}

/** A generic name loads what transformers has for the model type. */
function familyOfType(root: HfConfig): ModelFamily | null {
  const modelType = root.strOr('model_type', '');
  const family = [...NAMED_FALLBACKS, ...MIXTRAL_FALLBACKS, ...FAMILIES].find(
    ({ defaults, kind }) => kind === 'decoder' && defaults?.[modelType] !== undefined,
  );
  return family ?? null;
}

/** Source: vllm/model_executor/model_loader/utils.py _get_model_architecture. */
function fallbackWarning(root: HfConfig): string {
  const kinds = ['num_experts', 'moe_num_experts', 'n_routed_experts', 'num_local_experts'];
  const name = kinds.some((key) => root.numOr(key, 0) > 0) ? 'TransformersMoE' : 'Transformers';
  return (
    `${name}ForCausalLM has no vLLM implementation, falling back to Transformers implementation. ` +
    'Some features may not be supported and performance may not be optimal.'
  );
}
