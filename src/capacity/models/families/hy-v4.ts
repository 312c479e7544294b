/**
 * HY V4: latent attention with a gated output and a learned sink, experts, hyper-connections of several residual channels.
 * Source: vllm/models/hy_v4/nvidia (0.33.0).
 */
import { HYV4_FLASHMLA_SPARSE } from '../attention/mla-backends.ts';
import type { HfConfig } from '../hf-config.ts';
import type { ModelFamily, MtpDraft } from '../model-family.ts';
import type { StageBuilder } from '../stage-builder.ts';
import { embeddings, refuse } from './common.ts';
import { buildIndexer, buildMlaProjections, mlaHeadSize } from './deepseek.ts';

const SPARSE_TYPES = [
  'sparse_attention',
  'sparse',
  'indexed_attention',
  'deepseek_sparse_attention',
];

/** Drafts after the target's layers are like the last of them. Source: mtp.py _extend_layer_types. */
function typeOf(text: HfConfig, key: string, layer: number): string {
  const types = text.strings(key);
  return types[layer] ?? types.at(-1) ?? '';
}

/** Layers are dense unless `layer_types` says otherwise. */
function isSparseAttention(text: HfConfig, layer: number): boolean {
  if (!text.has('index_topk') || !text.has('layer_types')) return false;
  return SPARSE_TYPES.includes(typeOf(text, 'layer_types', layer));
}

/** Shared indexers reuse the indices of the layer before. Source: attention.py compute_skip_topk_layers. */
function hasIndexer(text: HfConfig, layer: number): boolean {
  // Drafts pick their own.
  if (layer >= text.num('num_hidden_layers')) return true;
  return text.strings('indexer_types')[layer] === 'full';
}

/** The backend that reads the sinks; dense layers have none, and their sinks go unread. */
function sinkBackend(stage: StageBuilder, isSparse: boolean): boolean {
  return isSparse && [9, 10].includes(stage.run.capability.major);
}

function buildAttention(stage: StageBuilder, text: HfConfig, name: string, layer: number): void {
  const hiddenSize = text.num('hidden_size');
  const numHeads = text.num('num_attention_heads');
  const isSparse = isSparseAttention(text, layer);
  const indexed = isSparse && hasIndexer(text, layer);
  const readsSinks = text.flag('learnable_sink') && sinkBackend(stage, isSparse);
  buildMlaProjections(stage, text, name);
  if (indexed) buildIndexer(stage, text, `${name}.indexer`);
  if (text.flag('gated_mla')) {
    const width = text.str('gating_type') === 'headwise' ? 1 : text.num('v_head_dim');
    stage.column(`${name}.linear_gate`, hiddenSize, numHeads * width);
  }
  if (text.flag('learnable_sink')) {
    const heads = stage.perRank(numHeads, 'the number of attention heads');
    const dtype = readsSinks ? 'float32' : 'bfloat16';
    stage.tensor(`${name}.learnable_sink_param`, [heads], dtype);
  }
  stage.mla({
    name: `${name}.attn`,
    numHeads,
    headSize: mlaHeadSize(text),
    topkBufferWidth: text.numOr('index_topk', null),
    isSparse,
    isIndexGroupLeader: indexed,
    ...(readsSinks ? { backend: HYV4_FLASHMLA_SPARSE } : {}),
  });
}

function buildExperts(stage: StageBuilder, text: HfConfig, name: string): void {
  const hiddenSize = text.num('hidden_size');
  const count = text.num('n_routed_experts');
  if (stage.tp > count) {
    refuse(
      text,
      `Tensor parallel size ${stage.tp} is greater than the number of experts ${count}.`,
    );
  }
  const intermediateSize = text.num('moe_intermediate_size');
  stage.tensor(`${name}.expert_bias`, [count], 'float32');
  const router = { quantized: false, dtype: 'float32' };
  stage.replicated(`${name}.gate`, hiddenSize, count, router);
  const shared = intermediateSize * text.num('n_shared_experts');
  if (shared > 0) stage.gatedMlp(`${name}.shared_experts`, hiddenSize, shared);
  stage.experts(`${name}.experts`, { count, hiddenSize, intermediateSize });
}

/** The mixing of residual channels before and after a block, in float32. Source: hc.py HYV4HCPreLayer. */
function buildConnection(
  stage: StageBuilder,
  text: HfConfig,
  names: readonly [string, string],
  about: { readonly rows: number; readonly scales: number },
): void {
  const [name, prefix] = names;
  const dtype = 'float32';
  const width = text.num('hc_mult') * text.num('hidden_size');
  stage.tensor(`${name}.${prefix}_scale`, [about.scales], dtype);
  stage.tensor(`${name}.${prefix}_base`, [about.rows], dtype);
  stage.replicated(`${name}.${prefix}_fn`, width, about.rows, { quantized: false, dtype });
}

function buildLayer(stage: StageBuilder, text: HfConfig, layer: number): void {
  const hiddenSize = text.num('hidden_size');
  const prefix = `model.layers.${layer}`;
  buildAttention(stage, text, `${prefix}.self_attn`, layer);
  if (typeOf(text, 'mlp_layer_types', layer) === 'dense') {
    stage.gatedMlp(`${prefix}.mlp`, hiddenSize, text.num('intermediate_size'));
  } else {
    buildExperts(stage, text, `${prefix}.mlp`);
  }
  stage.norm(`${prefix}.input_layernorm`, hiddenSize);
  stage.norm(`${prefix}.post_attention_layernorm`, hiddenSize);
  if (!text.flag('enable_ihc')) return;
  for (const block of ['hc_attn_layer', 'hc_mlp_layer']) {
    const rows = 2 * text.num('hc_mult');
    buildConnection(stage, text, [`${prefix}.${block}.hc_pre`, 'hc'], { rows, scales: 2 });
  }
}

/** Lists that the file may leave out. Source: transformers' HYV4Config. */
function normalize(text: HfConfig): HfConfig {
  const layers = text.num('num_hidden_layers');
  const list = (pick: (layer: number) => string): string[] =>
    Array.from({ length: layers }, (_, layer) => pick(layer));
  const mlp_layer_types = text.has('mlp_layer_types')
    ? text.strings('mlp_layer_types')
    : list((layer) => (layer === 0 ? 'dense' : 'sparse'));
  const indexer_types = text.has('indexer_types')
    ? text.strings('indexer_types')
    : list((layer) => (layer === 0 || (layer - 1) % 4 === 0 ? 'full' : 'shared'));
  return text.with({ mlp_layer_types, indexer_types });
}

/** Blocks with a single residual stream. Source: mtp.py. */
const MTP: MtpDraft = {
  layers: (text) => text.numOr('num_nextn_predict_layers', 0),
  build: (stage, { text }) => {
    const hiddenSize = text.num('hidden_size');
    const vocabSize = text.num('vocab_size');
    const plain = text.with({ enable_ihc: false });
    const first = text.num('num_hidden_layers');
    for (let offset = 0; offset < text.num('num_nextn_predict_layers'); offset++) {
      const prefix = `model.layers.${first + offset}`;
      for (const norm of ['enorm', 'hnorm', 'final_layernorm']) {
        stage.norm(`${prefix}.${norm}`, hiddenSize);
      }
      stage.tensor(`${prefix}.eh_proj.weight`, [hiddenSize, 2 * hiddenSize]);
      stage.lmHead(`${prefix}.shared_head.head`, vocabSize, hiddenSize);
      buildLayer(stage, plain, first + offset);
    }
    stage.embedding('model.embed_tokens', vocabSize, hiddenSize, { quantized: false });
  },
};

export const HY_V4: ModelFamily = {
  name: 'hy-v4',
  architectures: ['HYV4ForCausalLM'],
  kind: 'decoder',
  defaults: {
    hy_v4: {
      tie_word_embeddings: false,
      vocab_size: 120832,
      hidden_size: 2816,
      intermediate_size: 6912,
      moe_intermediate_size: 768,
      num_hidden_layers: 34,
      num_attention_heads: 32,
      num_key_value_heads: 32,
      max_position_embeddings: 262144,
      n_routed_experts: 256,
      n_shared_experts: 1,
      q_lora_rank: 1536,
      kv_lora_rank: 512,
      qk_nope_head_dim: 192,
      qk_rope_head_dim: 64,
      v_head_dim: 256,
      index_topk: 2048,
      index_head_dim: 128,
      index_n_heads: 16,
      enable_ihc: true,
      hc_mult: 4,
      gated_mla: true,
      gating_type: 'elementwise',
      learnable_sink: true,
      num_nextn_predict_layers: 1,
    },
  },
  normalize,
  usesMla: (text) => text.has('kv_lora_rank'),
  headSize: mlaHeadSize,
  build: (stage, { text }) => {
    const hiddenSize = text.num('hidden_size');
    embeddings(stage, text);
    for (const layer of stage.layerRange(text.num('num_hidden_layers'))) {
      buildLayer(stage, text, layer);
    }
    if (!stage.isLast) return;
    stage.norm('model.norm', hiddenSize);
    if (!text.flag('enable_ihc')) return;
    const rows = text.num('hc_mult');
    buildConnection(stage, text, ['model.hc_head', 'hc_head'], { rows, scales: 1 });
  },
  mtp: MTP,
};
