/**
 * LongCat-Flash: two latent attentions and two feed-forward networks a layer, experts beside the first of them, of which some do
 * nothing. Source: vllm/model_executor/models/{longcat_flash,longcat_flash_ngram,longcat_flash_mtp}.py (0.33.0).
 */
import type { HfConfig } from '../hf-config.ts';
import type { ModelFamily, MtpDraft } from '../model-family.ts';
import type { StageBuilder } from '../stage-builder.ts';
import { embeddings, refuse } from './common.ts';
import { buildMlaProjections, mlaHeadSize } from './deepseek.ts';

/** Two of each in a layer. */
const HALVES = [0, 1];

function isQuantized(text: HfConfig, module: string): boolean {
  return (
    !text.has('disable_quant_module') || !text.strings('disable_quant_module').includes(module)
  );
}

function buildAttention(stage: StageBuilder, text: HfConfig, name: string): void {
  const quantized = isQuantized(text, 'self_attn');
  buildMlaProjections(stage, text, name, { quantized });
  const numHeads = text.num('num_attention_heads');
  stage.mla({ name: `${name}.attn`, numHeads, headSize: mlaHeadSize(text) });
}

/** The router is float32 and knows the experts that do nothing as well. */
function buildExperts(stage: StageBuilder, text: HfConfig, name: string): void {
  const hiddenSize = text.num('hidden_size');
  const count = text.num('n_routed_experts');
  const routed = count + text.num('zero_expert_num');
  const dtype = 'float32';
  stage.tensor(`${name}.router.e_score_correction_bias`, [routed], dtype);
  stage.replicated(`${name}.router.classifier`, hiddenSize, routed, { quantized: false, dtype });
  const intermediateSize = text.num('expert_ffn_hidden_size');
  stage.experts(`${name}.experts`, { count, hiddenSize, intermediateSize });
}

function buildLayer(stage: StageBuilder, text: HfConfig, layer: number): void {
  const hiddenSize = text.num('hidden_size');
  const prefix = `model.layers.${layer}`;
  for (const half of HALVES) buildAttention(stage, text, `${prefix}.self_attn.${half}`);
  for (const half of HALVES) {
    stage.norm(`${prefix}.input_layernorm.${half}`, hiddenSize);
    stage.norm(`${prefix}.post_attention_layernorm.${half}`, hiddenSize);
    const options = { quantized: isQuantized(text, 'mlps') };
    const width = text.num('ffn_hidden_size');
    stage.gatedMlp(`${prefix}.mlps.${half}`, hiddenSize, width, options);
  }
  buildExperts(stage, text, `${prefix}.mlp`);
}

/** Hashed n-grams beside the tokens. Source: longcat_flash_ngram.py NgramEmbedding. */
function buildNgrams(stage: StageBuilder, text: HfConfig): void {
  const first = Math.trunc(text.float('ngram_vocab_size_ratio') * text.num('vocab_size'));
  const tables = text.num('emb_split_num') * (text.num('emb_neighbor_num') - 1);
  const hiddenSize = text.num('hidden_size');
  const width = Math.floor(hiddenSize / tables);
  const rows = tables * first + tables * tables;
  const options = { quantized: false };
  stage.embedding('model.ngram_embeddings.oe_embedder', rows, width, options);
  stage.tensor('model.ngram_embeddings.oe_projection', [tables, width, hiddenSize]);
}

function build(stage: StageBuilder, text: HfConfig, hasNgrams: boolean): void {
  const hiddenSize = text.num('hidden_size');
  const vocabSize = text.num('vocab_size');
  // vLLM reads both without a default, and the experts that do nothing need their type.
  for (const key of ['mla_scale_q_lora', 'mla_scale_kv_lora', 'zero_expert_type']) {
    if (!text.hasKey(key)) refuse(text, `'LongcatFlashConfig' object has no attribute '${key}'`);
  }
  embeddings(stage, text, { vocabSize, tied: false });
  for (const layer of stage.layerRange(text.num('num_layers'))) buildLayer(stage, text, layer);
  if (hasNgrams && stage.isFirst && text.has('ngram_vocab_size_ratio')) buildNgrams(stage, text);
  if (stage.isLast) stage.norm('model.norm', hiddenSize);
}

/** One dense layer of DeepSeek's, numbered after all attentions. Source: longcat_flash_mtp.py. */
const MTP: MtpDraft = {
  layers: (text) => text.numOr('num_nextn_predict_layers', 1),
  build: (stage, { text }) => {
    const hiddenSize = text.num('hidden_size');
    const vocabSize = text.num('vocab_size');
    const quantized = isQuantized(text, 'mtp');
    const prefix = `model.layers.${2 * text.num('num_layers')}`;
    for (const norm of ['enorm', 'hnorm']) stage.norm(`${prefix}.${norm}`, hiddenSize);
    stage.replicated(`${prefix}.eh_proj`, 2 * hiddenSize, hiddenSize, { quantized });
    const attention = `${prefix}.self_attn`;
    buildMlaProjections(stage, text, attention);
    const numHeads = text.num('num_attention_heads');
    stage.mla({ name: `${attention}.attn`, numHeads, headSize: mlaHeadSize(text) });
    stage.gatedMlp(`${prefix}.mlp`, hiddenSize, text.num('ffn_hidden_size'));
    for (const norm of ['input_layernorm', 'post_attention_layernorm', 'final_layernorm']) {
      stage.norm(`${prefix}.${norm}`, hiddenSize);
    }
    stage.embedding('model.embed_tokens', vocabSize, hiddenSize, { quantized: false });
    stage.lmHead('lm_head', vocabSize, hiddenSize, { quantized });
  },
};

const DEFAULTS = {
  tie_word_embeddings: false,
  vocab_size: 131072,
  hidden_size: 6144,
  num_layers: 28,
  num_attention_heads: 64,
  max_position_embeddings: 131072,
  ffn_hidden_size: 12288,
  q_lora_rank: 1536,
  kv_lora_rank: 512,
  qk_nope_head_dim: 128,
  qk_rope_head_dim: 64,
  v_head_dim: 128,
  n_routed_experts: 512,
  zero_expert_num: 256,
  expert_ffn_hidden_size: 2048,
};

/** transformers says twice as many layers, since each attends twice. */
function normalize(text: HfConfig): HfConfig {
  return text.with({
    num_hidden_layers: 2 * text.num('num_layers'),
    // Two names each: attribute_map of LongcatFlashConfig.
    ffn_hidden_size: text.numOr('intermediate_size', text.num('ffn_hidden_size')),
    expert_ffn_hidden_size: text.numOr('moe_intermediate_size', text.num('expert_ffn_hidden_size')),
  });
}

function family(architecture: string, hasNgrams: boolean): ModelFamily {
  return {
    name: 'longcat-flash',
    architectures: [architecture],
    kind: 'decoder',
    defaults: { longcat_flash: DEFAULTS },
    normalize,
    usesMla: (text) => text.strOr('model_type', '') === 'longcat_flash',
    headSize: mlaHeadSize,
    build: (stage, { text }) => build(stage, text, hasNgrams),
    mtp: MTP,
  };
}

export const LONGCAT_FAMILIES = [
  family('LongcatFlashForCausalLM', false),
  family('LongcatFlashNgramForCausalLM', true),
];
