/** Language models of their own. Source: vllm/model_executor/models/{aria,cosmos3_edge,muse_glimmer}.py. */

import { isJsonObject } from '../../../shared/json-object.ts';
import { ARIA_TEXT, COSMOS3_EDGE_TEXT, MUSE_GLIMMER_TEXT } from '../families/multimodal-text.ts';
import type { HfConfig } from '../hf-config.ts';
import { linear } from '../linear.ts';
import type { StageBuilder } from '../stage-builder.ts';
import { buildEncoderLayer } from '../towers/encoder-layer.ts';
import { buildIdeficsVision } from '../towers/idefics.ts';
import { buildSiglip2Bare } from '../towers/siglip2.ts';
import type { MultimodalArchitecture, MultimodalConfig } from './multimodal-architecture.ts';

/** The most queries of any number of patches. */
function ariaQueries(root: HfConfig): number {
  const table = root.get('projector_patch_to_query_dict');
  if (!isJsonObject(table)) return root.num('max_value_projector_patch_to_query_dict');
  return Math.max(...Object.values(table).map(Number));
}

function buildAria(stage: StageBuilder, { root, text, sub }: MultimodalConfig): void {
  const vision = sub('vision_config');
  const width = vision.num('hidden_size');
  const output = text.num('hidden_size');
  // It reads the layer before the norm.
  buildIdeficsVision(stage, vision, 'vision_tower', { postNorm: false });
  const name = 'multi_modal_projector';
  const attention = `${name}.cross_attn`;
  stage.tensor(`${name}.query`, [ariaQueries(root), width]);
  for (const part of ['q_proj', 'k_proj', 'v_proj'])
    linear(stage, `${attention}.${part}`, width, width, { bias: false });
  stage.tensor(`${attention}.multihead_attn.in_proj_weight`, [3 * width, width]);
  stage.tensor(`${attention}.multihead_attn.in_proj_bias`, [3 * width]);
  linear(stage, `${attention}.multihead_attn.out_proj`, width, width);
  linear(stage, `${attention}.linear`, width, width);
  stage.norm(`${attention}.layer_norm`, width, { bias: true });
  stage.norm(`${attention}.layer_norm_kv`, width, { bias: true });
  stage.norm(`${name}.layer_norm`, width, { bias: true });
  const options = { quantized: false };
  stage.column(`${name}.feed_forward.linear_in`, width, output, options);
  stage.row(`${name}.feed_forward.linear_out`, output, output, options);
}

function buildCosmosVision(stage: StageBuilder, { root, text, sub }: MultimodalConfig): void {
  const vision = sub('vision_config');
  const width = vision.num('hidden_size');
  const merged = width * vision.num('spatial_merge_size') ** 2;
  const inner = root.num('projector_hidden_size');
  buildSiglip2Bare(stage, vision, 'visual.encoder');
  const name = 'visual.projector';
  stage.norm(`${name}.norm`, width, { bias: true });
  stage.column(`${name}.linear_fc1`, merged, inner, { bias: true });
  stage.row(`${name}.linear_fc2`, inner, text.num('hidden_size'), { bias: true });
}

function buildMuseVision(stage: StageBuilder, { root, text, sub }: MultimodalConfig): void {
  const vision = sub('vision_config');
  const width = vision.num('hidden_size');
  const name = 'vision_encoder';
  const positions = vision.num('pos_emb_height') * vision.num('pos_emb_width');
  const pixels = 3 * vision.num('patch_temporal') * vision.num('patch_size') ** 2;
  stage.tensor(`${name}.positional_embedding_vlm`, [positions, width]);
  linear(stage, `${name}.conv1_linear`, pixels, width, { bias: false });
  stage.norm(`${name}.ln_pre`, width, { bias: true });
  for (let layer = 0; layer < vision.num('num_hidden_layers'); layer++) {
    buildEncoderLayer(stage, `${name}.transformer.${layer}`, {
      width,
      heads: vision.num('num_attention_heads'),
      intermediate: vision.num('intermediate_size'),
      attention: 'attn',
      output: 'o_proj',
      norms: ['ln_1', 'ln_2'],
      mlpProjections: ['c_fc', 'c_proj'],
      mlpSplit: false,
      quantized: false,
    });
  }
  stage.norm(`${name}.ln_post`, width, { bias: true });
  const inner = root.num('projector_hidden_size');
  linear(stage, 'vision_adapter.c_fc', root.num('out_hidden_size'), inner, { bias: false });
  linear(stage, 'vision_adapter.c_proj', inner, inner, { bias: false });
  linear(stage, 'vision_projection', inner, text.num('hidden_size'), { bias: false });
}

export const OWN_TEXT_ARCHITECTURES: readonly MultimodalArchitecture[] = [
  {
    architectures: ['AriaForConditionalGeneration'],
    textFamily: ARIA_TEXT,
    supportsPp: false,
    rename: (name) => (name.startsWith('model.') ? `language_model.${name}` : name),
    towers: [{ modalities: ['image'], build: buildAria }],
  },
  {
    architectures: ['Cosmos3EdgeForConditionalGeneration'],
    textFamily: COSMOS3_EDGE_TEXT,
    towers: [{ modalities: ['image', 'video'], build: buildCosmosVision }],
  },
  {
    architectures: ['MuseGlimmerForConditionalGeneration'],
    textFamily: MUSE_GLIMMER_TEXT,
    rename: (name) => name,
    towers: [{ modalities: ['image', 'video'], build: buildMuseVision }],
  },
];
