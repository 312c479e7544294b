/**
 * The assistant of Gemma 4: layers that ask the target's cache and keep nothing of their own, in a narrower hidden size.
 * Source: vllm/model_executor/models/gemma4_mtp.py (0.33.0).
 */
import { layerType, slidingLayerWindow } from '../families/common.ts';
import { GEMMA4, GEMMA4_NORMS, gemma4HeadSize, gemma4KvHeads } from '../families/gemma4.ts';
import type { HfConfig } from '../hf-config.ts';
import type { StageBuilder } from '../stage-builder.ts';
import type { DraftFamily } from './draft-family.ts';

function languageConfig(draft: HfConfig): HfConfig {
  const text = draft.has('text_config') ? draft.sub('text_config') : draft;
  const known = text.withDefaults(GEMMA4.defaults?.['gemma4_text'] ?? {});
  return GEMMA4.normalize?.(known, draft) ?? known;
}

function buildLayer(stage: StageBuilder, text: HfConfig, layer: number): void {
  const name = `draft_model.layers.${layer}`;
  const attention = `${name}.self_attn`;
  const hiddenSize = text.num('hidden_size');
  const headSize = gemma4HeadSize(text, layer);
  const numHeads = text.num('num_attention_heads');
  const bias = text.flag('attention_bias');
  stage.column(`${attention}.q_proj`, hiddenSize, numHeads * headSize, { bias });
  stage.row(`${attention}.o_proj`, numHeads * headSize, hiddenSize, { bias });
  stage.norm(`${attention}.q_norm`, headSize);
  stage.gatedMlp(`${name}.mlp`, hiddenSize, text.num('intermediate_size'));
  for (const norm of GEMMA4_NORMS) stage.norm(`${name}.${norm}`, hiddenSize);
  const isWindowed = layerType(text, layer) === 'sliding_attention';
  stage.attention({
    name: `${attention}.attn`,
    numHeads,
    numKvHeads: gemma4KvHeads(text, layer),
    headSize,
    slidingWindow: isWindowed ? slidingLayerWindow(text, layer) : null,
    sharesCache: true,
  });
}

function build(stage: StageBuilder, draft: HfConfig): void {
  const text = languageConfig(draft);
  const hiddenSize = text.num('hidden_size');
  const vocabSize = text.num('vocab_size');
  const width = draft.numOr('backbone_hidden_size', hiddenSize);
  stage.embedding('draft_model.embed_tokens', vocabSize, hiddenSize);
  stage.column('draft_model.pre_projection', 2 * width, hiddenSize);
  stage.row('draft_model.post_projection', hiddenSize, width);
  for (let layer = 0; layer < text.num('num_hidden_layers'); layer++) {
    buildLayer(stage, text, layer);
  }
  stage.norm('draft_model.norm', hiddenSize);
  if (draft.hasKey('tie_word_embeddings') && !draft.flag('tie_word_embeddings')) {
    stage.lmHead('lm_head', vocabSize, hiddenSize);
  }
  if (draft.flag('use_ordered_embeddings')) {
    const centroids = draft.numOr('num_centroids', 2048);
    stage.tensor('masked_embedding.centroids.weight', [centroids, hiddenSize]);
  }
}

export const GEMMA4_MTP: DraftFamily = {
  architectures: ['Gemma4MTPModel'],
  isQuantizedApart: true,
  build,
};
