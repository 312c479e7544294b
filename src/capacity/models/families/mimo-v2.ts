/**
 * MiMo-V2-Flash: values narrower than keys, windowed layers with sinks and heads of their own, experts; one MTP layer.
 * Source: vllm/model_executor/models/{mimo_v2,mimo_v2_mtp}.py (0.33.0). Leaves out: fused qkv checkpoints, the omni model.
 */

import type { AttentionBackend } from '../attention/backend.ts';
import { flashAttnDiffKv, TRITON_ATTN_DIFFKV } from '../attention/dense-backends.ts';
import type { HfConfig } from '../hf-config.ts';
import type { ModelFamily } from '../model-family.ts';
import type { StageBuilder } from '../stage-builder.ts';
import { embeddings } from './common.ts';

/** vLLM's _MIMO_V2_FLASH_NUM_MTP_LAYERS: the config.json does not say. */
const NUM_MTP_LAYERS = 1;

const MTP_NORMS = ['enorm', 'hnorm', 'input_layernorm', 'pre_mlp_layernorm', 'final_layernorm'];

/** The class names the backend itself where keys and values differ in width. */
function diffKvBackend(
  stage: StageBuilder,
  about: { headSize: number; headSizeV: number; hasSink: boolean },
): AttentionBackend | null {
  if (about.headSize === about.headSizeV) return null;
  const version = stage.flashAttnVersion({
    headSize: about.headSize,
    headSizeV: about.headSizeV,
    hasSinks: about.hasSink,
  });
  return version === 3 || version === 4 ? flashAttnDiffKv(about.headSizeV) : TRITON_ATTN_DIFFKV;
}

function buildAttention(
  stage: StageBuilder,
  text: HfConfig,
  about: { readonly name: string; readonly windowed: boolean; readonly quantizedOutput?: boolean },
): void {
  const hiddenSize = text.num('hidden_size');
  const key = (name: string): string => (about.windowed ? `swa_${name}` : name);
  const numHeads = text.num(key('num_attention_heads'));
  const numKvHeads = text.num(key('num_key_value_heads'));
  const headSize = text.num(key('head_dim'));
  const headSizeV = text.numOr(key('v_head_dim'), headSize);
  const hasSink = about.windowed && text.flag('add_swa_attention_sink_bias');
  const bias = text.flag('attention_bias');
  const name = `${about.name}.self_attn`;
  const heads = { hiddenSize, headSize, headSizeV, numHeads, numKvHeads, bias };
  stage.qkv(`${name}.qkv_proj`, heads);
  const quantized = about.quantizedOutput ?? true;
  stage.row(`${name}.o_proj`, numHeads * headSizeV, hiddenSize, { quantized });
  if (hasSink) {
    const sinks = stage.perRank(numHeads, 'the number of attention heads');
    stage.tensor(`${name}.attention_sink_bias`, [sinks]);
  }
  const backend = diffKvBackend(stage, { headSize, headSizeV, hasSink });
  stage.attention({
    name: `${name}.attn`,
    numHeads,
    numKvHeads,
    headSize,
    headSizeV,
    slidingWindow: about.windowed ? text.num('sliding_window_size') : null,
    ignoresModelWindow: true,
    hasSink,
    ...(backend === null ? {} : { backend }),
  });
}

function isMoeLayer(text: HfConfig, layer: number): boolean {
  const frequency = text.get('moe_layer_freq');
  return Array.isArray(frequency) && Boolean(frequency[layer]);
}

function buildLayer(stage: StageBuilder, text: HfConfig, layer: number): void {
  const hiddenSize = text.num('hidden_size');
  const windowed = text.numbers('hybrid_layer_pattern')[layer] === 1;
  const name = `model.layers.${layer}`;
  buildAttention(stage, text, { name, windowed });
  if (isMoeLayer(text, layer)) {
    const count = text.num('n_routed_experts');
    const dtype = text.strOr('moe_router_dtype', 'float32');
    stage.replicated(`${name}.mlp.gate`, hiddenSize, count, { dtype, quantized: false });
    stage.tensor(`${name}.mlp.gate.e_score_correction_bias`, [count], dtype);
    const intermediateSize = text.num('moe_intermediate_size');
    stage.experts(`${name}.mlp.experts`, { count, hiddenSize, intermediateSize });
  } else {
    stage.gatedMlp(`${name}.mlp`, hiddenSize, text.num('intermediate_size'));
  }
  stage.norm(`${name}.input_layernorm`, hiddenSize);
  stage.norm(`${name}.post_attention_layernorm`, hiddenSize);
}

export const MIMO_V2: ModelFamily = {
  name: 'mimo-v2',
  architectures: ['MiMoV2FlashForCausalLM'],
  kind: 'decoder',
  defaults: {
    mimo_v2_flash: {
      tie_word_embeddings: false,
      head_dim: 192,
      v_head_dim: 128,
      num_key_value_heads: 4,
      sliding_window: 129,
      max_position_embeddings: 131072,
    },
  },
  // The class clears attention_chunk_size and the model-wide window: the architecture uses neither.
  normalize: (text) => text.with({ attention_chunk_size: null }),
  build: (stage, { text }) => {
    embeddings(stage, text, {
      tiesHead: false,
    });
    for (const layer of stage.layerRange(text.num('num_hidden_layers'))) {
      buildLayer(stage, text, layer);
    }
    if (stage.isLast) stage.norm('model.norm', text.num('hidden_size'));
  },
  mtp: {
    layers: () => NUM_MTP_LAYERS,
    build: (stage, { text }) => {
      const hiddenSize = text.num('hidden_size');
      stage.embedding('model.embed_tokens', text.num('vocab_size'), hiddenSize);
      for (let layer = 0; layer < NUM_MTP_LAYERS; layer++) {
        const name = `model.mtp.layers.${layer}`;
        for (const norm of MTP_NORMS) stage.norm(`${name}.${norm}`, hiddenSize);
        stage.replicated(`${name}.eh_proj`, 2 * hiddenSize, hiddenSize, { quantized: false });
        buildAttention(stage, text, { name, windowed: true, quantizedOutput: false });
        stage.gatedMlp(`${name}.mlp`, hiddenSize, text.num('intermediate_size'));
      }
      stage.lmHead('lm_head', text.num('vocab_size'), hiddenSize, { quantized: false });
    },
  },
};

/** The Pro sizes: the same modules, whose checkpoints have queries, keys and values in one. */
export const MIMO_V2_PRO: ModelFamily = {
  ...MIMO_V2,
  architectures: ['MiMoV2ForCausalLM'],
  defaults: { mimo_v2: { tie_word_embeddings: false, max_position_embeddings: 131072 } },
  packedModules: { qkv_proj: ['qkv_proj'], gate_up_proj: ['gate_proj', 'up_proj'] },
};
