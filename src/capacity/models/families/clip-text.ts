/**
 * The text encoders of CLIP and SigLIP, beside whose vision encoders no language model stands.
 * Source: vllm/model_executor/models/{clip,siglip}.py (0.33.0).
 */
import type { HfConfig } from '../hf-config.ts';
import type { ModelFamily } from '../model-family.ts';
import type { StageBuilder } from '../stage-builder.ts';
import { buildEncoderLayer } from '../towers/encoder-layer.ts';

const NAME = 'text_model';

function buildEncoder(
  stage: StageBuilder,
  text: HfConfig,
  attends: 'decoder' | 'encoder_only',
): void {
  const width = text.num('hidden_size');
  const heads = text.num('num_attention_heads');
  stage.embedding(`${NAME}.embeddings.token_embedding`, text.num('vocab_size'), width, WHOLE);
  const positions = text.num('max_position_embeddings');
  stage.embedding(`${NAME}.embeddings.position_embedding`, positions, width, WHOLE);
  for (let layer = 0; layer < text.num('num_hidden_layers'); layer++) {
    const name = `${NAME}.encoder.layers.${layer}`;
    buildEncoderLayer(stage, name, { width, heads, intermediate: text.num('intermediate_size') });
    stage.attention({
      name: `${name}.self_attn.attn`,
      numHeads: heads,
      numKvHeads: heads,
      headSize: Math.floor(width / heads),
      attnType: attends,
      ignoresCacheConfig: true,
    });
  }
  stage.norm(`${NAME}.final_layer_norm`, width, { bias: true });
}

/** Neither table is quantized. */
const WHOLE = { quantized: false } as const;

/** A text sees what comes before only, so that its layers have a cache. */
export const CLIP_TEXT: ModelFamily = {
  name: 'clip',
  architectures: [],
  kind: 'pooling',
  isPoolingClass: true,
  build: (stage, { root, text }) => {
    buildEncoder(stage, text, 'decoder');
    const sizes = [root.numOr('projection_dim', 512), text.num('hidden_size')];
    stage.tensor('text_projection.weight', sizes);
  },
};

export const SIGLIP_TEXT: ModelFamily = {
  name: 'siglip',
  architectures: [],
  kind: 'pooling',
  isPoolingClass: true,
  build: (stage, { text }) => {
    buildEncoder(stage, text, 'encoder_only');
    const width = text.num('hidden_size');
    const projection = text.numOr('projection_size', width);
    stage.tensor(`${NAME}.head.weight`, [projection, width]);
    stage.tensor(`${NAME}.head.bias`, [projection]);
  },
};
