/**
 * What the layers of a decoder with latent attention hold, by its row in the table of architectures: projections, experts, the
 * indexer of sparse ones, MTP drafts. Source: vllm/model_executor/models/{deepseek_v2,deepseek_mtp}.py,
 * vllm/models/deepseek_v32 (0.33.0).
 */

import { createSpec } from '../../spec/create-spec.ts';
import { DEEPSEEK_V32_INDEXER } from '../attention/mla-backends.ts';
import type { HfConfig } from '../hf-config.ts';
import type { ModelFamily, MtpDraft } from '../model-family.ts';
import type { ResolvedModel } from '../resolved-model.ts';
import type { StageBuilder } from '../stage-builder.ts';
import { embeddings, splitsSharedExperts } from './common.ts';
import { MLA_ARCHITECTURES, type MlaArchitecture } from './deepseek-architectures.ts';

/** Bytes beside a quantized index key: one float32 scale per 128 values. */
const INDEX_SCALE_GROUP = 128;

export function mlaHeadSize(text: HfConfig): number {
  return text.num('kv_lora_rank') + text.num('qk_rope_head_dim');
}

interface MlaProjections {
  /** q_a_proj and kv_a_proj_with_mqa apart from each other. */
  readonly hasSeparateQuery?: boolean;
  /** Where it is not the hidden size. */
  readonly inputSize?: number;
  readonly quantized?: boolean;
}

/** The projections of latent attention in the module `name`, without the layer itself. */
export function buildMlaProjections(
  stage: StageBuilder,
  text: HfConfig,
  name: string,
  about: MlaProjections = {},
): void {
  const hiddenSize = text.num('hidden_size');
  const input = about.inputSize ?? hiddenSize;
  const numHeads = text.num('num_attention_heads');
  const latent = text.num('kv_lora_rank');
  const queryWidth = text.num('qk_nope_head_dim') + text.num('qk_rope_head_dim');
  const options = { quantized: about.quantized ?? true };
  const hasLowRank = text.has('q_lora_rank');
  if (hasLowRank) {
    const rank = text.num('q_lora_rank');
    if (about.hasSeparateQuery === true) {
      stage.replicated(`${name}.q_a_proj`, input, rank, options);
    } else {
      stage.replicated(`${name}.fused_qkv_a_proj`, input, [rank, mlaHeadSize(text)], options);
    }
    stage.norm(`${name}.q_a_layernorm`, rank);
    stage.column(`${name}.q_b_proj`, rank, numHeads * queryWidth, options);
  } else {
    stage.column(`${name}.q_proj`, input, numHeads * queryWidth, options);
  }
  if (!hasLowRank || about.hasSeparateQuery === true) {
    stage.replicated(`${name}.kv_a_proj_with_mqa`, input, mlaHeadSize(text), options);
  }
  const width = text.num('qk_nope_head_dim') + text.num('v_head_dim');
  stage.norm(`${name}.kv_a_layernorm`, latent);
  stage.column(`${name}.kv_b_proj`, latent, numHeads * width, options);
  stage.row(`${name}.o_proj`, numHeads * text.num('v_head_dim'), hiddenSize, options);
}

function isSparseLayer(text: HfConfig, about: MlaArchitecture, layer: number): boolean {
  if (numExperts(text, about) === 0) return false;
  return (
    about.isSparse?.(text, layer) ??
    (layer >= text.num('first_k_dense_replace') && layer % text.numOr('moe_layer_freq', 1) === 0)
  );
}

function numExperts(text: HfConfig, about: MlaArchitecture): number {
  return about.numExperts?.(text) ?? text.numOr('n_routed_experts', 0);
}

function buildExperts(
  stage: StageBuilder,
  text: HfConfig,
  about: MlaArchitecture,
  name: string,
): void {
  const hiddenSize = text.num('hidden_size');
  const count = numExperts(text, about);
  const intermediateSize = text.num('moe_intermediate_size');
  about.checkExperts?.(text);
  const dtype = about.routerDtype === undefined ? {} : { dtype: about.routerDtype };
  stage.replicated(`${name}.gate`, hiddenSize, count, { quantized: false, ...dtype });
  if (about.correctionBias(text)) {
    stage.tensor(`${name}.gate.e_score_correction_bias`, [count], 'float32');
  }
  stage.experts(`${name}.experts`, { count, hiddenSize, intermediateSize });
  const shared = about.sharedSize?.(text) ?? intermediateSize * text.numOr('n_shared_experts', 0);
  if (shared === 0) return;
  const split = splitsSharedExperts(stage);
  stage.gatedMlp(`${name}.shared_experts`, hiddenSize, shared, { split });
}

/** Some layers reuse the indices of the layer before. Source: vllm/models/deepseek_v32/attention.py. */
function hasIndexer(text: HfConfig, layer: number): boolean {
  if (text.has('index_topk_pattern')) {
    const pattern = text.get('index_topk_pattern');
    return !(typeof pattern === 'string' || Array.isArray(pattern)) || pattern[layer] !== 'S';
  }
  const frequency = text.numOr('index_topk_freq', 1);
  const offset = text.numOr('index_skip_topk_offset', 2);
  return Math.max(layer - offset + 1, 0) % frequency === 0;
}

/** The indexer `prefix`: its projections and its cache of keys. */
export function buildIndexer(stage: StageBuilder, text: HfConfig, prefix: string): void {
  const hiddenSize = text.num('hidden_size');
  const width = text.num('index_head_dim');
  const heads = text.num('index_n_heads');
  stage.replicated(`${prefix}.wq_b`, text.num('q_lora_rank'), heads * width);
  stage.replicated(`${prefix}.wk_weights_proj`, hiddenSize, [width, heads], { quantized: false });
  stage.norm(`${prefix}.k_norm`, width, { bias: true, dtype: 'float32' });
  const headSize = width + Math.floor(width / INDEX_SCALE_GROUP) * 4;
  stage.custom(`${prefix}.k_cache`, DEEPSEEK_V32_INDEXER, (blockSize) =>
    createSpec({
      kind: 'mla_attention',
      blockSize,
      maxTpShards: 1,
      numKvHeads: 1,
      headSize,
      dtype: 'uint8',
      cacheRole: 'indexer',
    }),
  );
}

/** One decoder layer of a row of the table; drafts have such layers too. */
export function buildMlaLayer(
  stage: StageBuilder,
  text: HfConfig,
  about: MlaArchitecture,
  { layer, isMtp }: { readonly layer: number; readonly isMtp: boolean },
): void {
  const hiddenSize = text.num('hidden_size');
  const prefix = `model.layers.${layer}`;
  const attention = `${prefix}.self_attn`;
  const isIndexed = text.has('index_topk');
  const indexed = isIndexed && (isMtp || hasIndexer(text, layer));
  const isPlain = about.attendsPlainly?.(text) ?? false;
  buildMlaProjections(stage, text, attention, {
    hasSeparateQuery: isPlain || about.hasSeparateQuery === true,
  });
  if (indexed) buildIndexer(stage, text, `${attention}.indexer`);
  const mlp = `${prefix}.mlp`;
  if (isSparseLayer(text, about, layer)) buildExperts(stage, text, about, mlp);
  else {
    const bias = about.mlpBias === true && text.flag('mlp_bias');
    stage.gatedMlp(mlp, hiddenSize, text.num('intermediate_size'), { bias });
  }
  const norms = [
    'input_layernorm',
    'post_attention_layernorm',
    ...(about.extraNorms?.(text) ?? []),
  ];
  for (const norm of norms) stage.norm(`${prefix}.${norm}`, hiddenSize);
  const numHeads = text.num('num_attention_heads');
  const name = `${attention}.attn`;
  if (isPlain) {
    const headSize = text.num('qk_nope_head_dim') + text.num('qk_rope_head_dim');
    stage.attention({ name, numHeads, numKvHeads: numHeads, headSize });
    return;
  }
  stage.mla({
    name,
    numHeads,
    headSize: mlaHeadSize(text),
    topkBufferWidth: isIndexed ? text.num('index_topk') : null,
    isIndexGroupLeader: indexed,
  });
}

function build(stage: StageBuilder, { text }: ResolvedModel, about: MlaArchitecture): void {
  embeddings(stage, text, {
    tied: about.canTie === true && text.flag('tie_word_embeddings'),
    sharesWithDraft: about.sharesEmbedding ?? false,
  });
  for (const layer of stage.layerRange(text.num('num_hidden_layers'))) {
    buildMlaLayer(stage, text, about, { layer, isMtp: false });
  }
  if (stage.isLast) stage.norm('model.norm', text.num('hidden_size'));
}

/** The row of an architecture. */
export function mlaArchitecture(architecture: string): MlaArchitecture {
  const about = MLA_ARCHITECTURES.find(({ architectures }) => architectures.includes(architecture));
  if (about === undefined) throw new Error(`no row for ${architecture}`);
  return about;
}

/** Modules after the target's layers, with an embedding and heads of their own. Source: deepseek_mtp.py. */
function mtpDraft(about: MlaArchitecture): MtpDraft {
  return {
    layers: (text) => text.numOr('num_nextn_predict_layers', 0),
    build: (stage, { text }) => {
      const hiddenSize = text.num('hidden_size');
      const vocabSize = text.num('vocab_size');
      const first = text.num('num_hidden_layers');
      for (let offset = 0; offset < text.num('num_nextn_predict_layers'); offset++) {
        const prefix = `model.layers.${first + offset}`;
        stage.norm(`${prefix}.enorm`, hiddenSize);
        stage.norm(`${prefix}.hnorm`, hiddenSize);
        stage.tensor(`${prefix}.eh_proj.weight`, [hiddenSize, 2 * hiddenSize]);
        stage.norm(`${prefix}.shared_head.norm`, hiddenSize);
        stage.lmHead(`${prefix}.shared_head.head`, vocabSize, hiddenSize);
        buildMlaLayer(stage, text, about, { layer: first + offset, isMtp: true });
      }
      stage.embedding('model.embed_tokens', vocabSize, hiddenSize);
    },
  };
}

const PACKED_MODULES = {
  gate_up_proj: ['gate_proj', 'up_proj'],
  fused_qkv_a_proj: ['q_a_proj', 'kv_a_proj_with_mqa'],
};

export const MLA_FAMILIES: readonly ModelFamily[] = MLA_ARCHITECTURES.map((about) => ({
  name: about.name,
  architectures: about.architectures,
  kind: 'decoder',
  defaults: about.modelTypes,
  packedModules: PACKED_MODULES,
  usesMla: about.usesMla ?? ((text) => text.has('kv_lora_rank')),
  headSize: mlaHeadSize,
  build: (stage, model) => build(stage, model, about),
  ...(about.normalize === undefined ? {} : { normalize: about.normalize }),
  ...(about.adjustRun === undefined ? {} : { adjustRun: about.adjustRun }),
  ...(about.hasMtp === true ? { mtp: mtpDraft(about) } : {}),
}));
