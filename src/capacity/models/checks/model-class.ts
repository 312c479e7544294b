/**
 * What vLLM's model classes refuse of a config.json and the parallel sizes before they make their first module.
 * Source: vllm/model_executor/models/qwen2.py Qwen2Model, vllm/model_executor/layers/mamba/mamba_mixer2.py MambaMixer2,
 * vllm/model_executor/layers/mamba/mamba_utils.py kda_state_dtype (0.33.0).
 */
import { roundUp } from '../../../shared/integers.ts';
import type { HfConfig } from '../hf-config.ts';
import type { KnownModel } from '../model-family.ts';
import { ropeParameters, ropeType } from '../rope.ts';
import type { RunConfig } from '../run-config.ts';
import { checkAttentionHeads } from './attention-heads.ts';
import { checkKvSharing } from './kv-sharing.ts';
import { refused } from './refused.ts';

type ModelCheck = (text: HfConfig, run: RunConfig) => void;

/** Classes whose feed-forward networks know one activation. */
const ONLY_SILU =
  /^(Llama|Mistral|Qwen[23]|Qwen[23]Moe|Exaone4|Granite|Glm4Moe|DeepseekV(2|3|32)|MiMoV2Flash|FalconH1|InternLM2)ForCausalLM$/;

/** Source: vllm/model_executor/layers/rotary_embedding get_rope, vllm/transformers_utils/config.py patch_legacy_rope_type. */
const ROPE_TYPES = [
  'default',
  'proportional',
  'llama3',
  'mllama4',
  'linear',
  'ntk',
  'dynamic',
  'yarn',
  'telechat3-yarn',
  'deepseek_yarn',
  'deepseek_llama_scaling',
  'longrope',
  'su',
  'mrope',
  'openpangu',
];

const SHARES_CACHES = /^Gemma(4|3n)/;

/** Windows in front of full attention, or behind it: the class knows one kind of layer only. */
function checkWindowLayers(text: HfConfig): void {
  if (!text.has('layer_types') || new Set(text.strings('layer_types')).size <= 1) return;
  const layers = text.num('num_hidden_layers');
  const windowed = text.numOr('max_window_layers', 28);
  if (windowed === layers) return;
  throw refused(
    'Sliding window for some but all layers is not supported. This model uses sliding window but `max_window_layers` = ' +
      `${windowed} is less than \`num_hidden_layers\` = ${layers}. Please open an issue to discuss this feature.`,
  );
}

/** Mamba-2 heads and groups lie on the ranks whole. */
function mamba2Check(keys: { readonly heads: string; readonly groups: string }): ModelCheck {
  return (text, { tensorParallelSize: tp }) => {
    if (text.num(keys.heads) % tp !== 0) {
      throw refused('Tensor parallel world size must divide num heads.');
    }
    const groups = text.num(keys.groups);
    if (groups % tp === 0 || groups === 1) return;
    throw refused(
      'If tensor parallel world size does not divide num_groups, then num_groups must equal 1.',
    );
  };
}

const graniteMamba2 = mamba2Check({ heads: 'mamba_n_heads', groups: 'mamba_n_groups' });

/** The class divides KV heads over the ranks, and queries over what is left. */
function checkOwnKvHeads(text: HfConfig, { tensorParallelSize: tp }: RunConfig): void {
  const kvHeads = text.num('num_key_value_heads');
  if (kvHeads >= tp) return;
  throw refused(
    `integer modulo by zero: ${kvHeads} KV heads leave none for each of --tensor-parallel-size ${tp} GPUs, and this model ` +
      'class replicates none',
  );
}

/** transformers' config class has no default for it, and the model class reads it. */
function checkHeadDim(text: HfConfig): void {
  if (text.hasKey('head_dim')) return;
  throw refused("'Glm4MoeConfig' object has no attribute 'head_dim'");
}

function checkDeltaDtype(_: HfConfig, { mambaSsmCacheDtype: dtype }: RunConfig): void {
  if (dtype !== 'float16') return;
  throw refused(`KDA recurrent state supports only auto, float32, and bfloat16; got ${dtype}`);
}

const CHECKS: Readonly<Record<string, ModelCheck>> = {
  Qwen2ForCausalLM: checkWindowLayers,
  Qwen3ForCausalLM: checkWindowLayers,
  MiMoForCausalLM: checkWindowLayers,
  Zamba2ForCausalLM: mamba2Check({ heads: 'n_mamba_heads', groups: 'mamba_ngroups' }),
  NemotronHForCausalLM: mamba2Check({ heads: 'mamba_num_heads', groups: 'n_groups' }),
  Mamba2ForCausalLM: mamba2Check({ heads: 'num_heads', groups: 'n_groups' }),
  GraniteMoeHybridForCausalLM: graniteMamba2,
  FalconH1ForCausalLM: graniteMamba2,
  Glm4MoeForCausalLM: checkHeadDim,
  GptOssForCausalLM: checkOwnKvHeads,
  KimiLinearForCausalLM: checkDeltaDtype,
};

/** Embeddings come first, padded to a multiple of 64. */
function checkVocabulary({ text }: KnownModel, { tensorParallelSize: tp }: RunConfig): void {
  const padded = roundUp(text.numOr('vocab_size', 0), 64);
  if (padded % tp === 0) return;
  throw refused(
    `${padded} is not divisible by ${tp}: the padded vocabulary does not lie evenly on --tensor-parallel-size ${tp}`,
  );
}

function checkActivation({ text, architecture }: KnownModel): void {
  const activation = text.strOr('hidden_act', 'silu');
  if (activation === 'silu' || !ONLY_SILU.test(architecture)) return;
  throw refused(`Unsupported activation: ${activation}. Only silu is supported for now.`);
}

function checkRope({ text }: KnownModel): void {
  const unknown = ropeParameters(text)
    .map(ropeType)
    .find((type) => !ROPE_TYPES.includes(type));
  if (unknown !== undefined) throw refused(`Unknown RoPE scaling type ${unknown}`);
}

/** Throws E_BAD_FLAG with vLLM's words. */
export function checkModelClass(model: KnownModel, run: RunConfig): void {
  checkVocabulary(model, run);
  const check = Object.hasOwn(CHECKS, model.architecture) ? CHECKS[model.architecture] : undefined;
  check?.(model.text, run);
  checkAttentionHeads(model, run);
  checkRope(model);
  checkActivation(model);
  if (SHARES_CACHES.test(model.architecture)) checkKvSharing(model, run);
}
