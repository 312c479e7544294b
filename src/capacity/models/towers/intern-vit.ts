/** InternViT in its own form and in transformers'. Source: vllm/model_executor/models/{intern_vit,interns1_vit}.py (0.33.0). */
import type { HfConfig } from '../hf-config.ts';
import { linear } from '../linear.ts';
import type { StageBuilder } from '../stage-builder.ts';
import { conv } from './encoder-layer.ts';

export interface InternVitOptions {
  /** Layers that are built; default: all. */
  readonly layers?: number;
  /** Heads beside the model's own. */
  readonly dummyHeads?: number;
}

/** InternVisionModel as the module `name`. */
export function buildInternVit(
  stage: StageBuilder,
  vision: HfConfig,
  name: string,
  { layers, dummyHeads = 0 }: InternVitOptions = {},
): void {
  const width = vision.num('hidden_size');
  const patch = vision.num('patch_size');
  const patches = Math.floor(vision.num('image_size') / patch) ** 2;
  stage.tensor(`${name}.embeddings.class_embedding`, [1, 1, width]);
  conv(stage, `${name}.embeddings.patch_embedding`, [width, 3, patch, patch]);
  stage.tensor(`${name}.embeddings.position_embedding`, [1, patches + 1, width]);
  const normBias = vision.strOr('norm_type', 'rms_norm') === 'layer_norm';
  const own = vision.num('num_attention_heads');
  const heads = own + dummyHeads;
  const headWidth = heads * Math.floor(width / own);
  const count = layers ?? vision.num('num_hidden_layers');
  for (let layer = 0; layer < count; layer++) {
    const prefix = `${name}.encoder.layers.${layer}`;
    stage.tensor(`${prefix}.ls1`, [width]);
    stage.tensor(`${prefix}.ls2`, [width]);
    if (vision.flag('qk_normalization')) {
      stage.norm(`${prefix}.attn.q_norm`, headWidth);
      stage.norm(`${prefix}.attn.k_norm`, headWidth);
    }
    buildAttentionAndMlp(stage, vision, prefix, { width, heads, headWidth, normBias });
  }
}

/** Heads that do not divide are whole on every rank; the feed-forward network is split all the same. */
function buildAttentionAndMlp(
  stage: StageBuilder,
  vision: HfConfig,
  name: string,
  about: {
    readonly width: number;
    readonly heads: number;
    /** Of all heads. */
    readonly headWidth: number;
    readonly normBias: boolean;
  },
): void {
  const { width, heads, headWidth, normBias } = about;
  const bias = vision.flag('qkv_bias');
  const intermediate = vision.num('intermediate_size');
  if (heads % stage.tp === 0) {
    const sizes = { hiddenSize: width, headSize: headWidth / heads, numHeads: heads };
    stage.qkv(`${name}.attn.qkv`, { ...sizes, numKvHeads: heads, bias });
    stage.row(`${name}.attn.proj`, headWidth, width, { bias: true });
  } else {
    stage.replicated(`${name}.attn.qkv`, width, [headWidth, headWidth, headWidth], { bias });
    stage.replicated(`${name}.attn.proj`, headWidth, width, { bias: true });
  }
  stage.column(`${name}.mlp.fc1`, width, intermediate, { bias: true });
  stage.row(`${name}.mlp.fc2`, intermediate, width, { bias: true });
  stage.norm(`${name}.norm1`, width, { bias: normBias });
  stage.norm(`${name}.norm2`, width, { bias: normBias });
}

/** InternS1VisionModel as the module `name`: attention is whole on every rank and never quantized. */
export function buildInternS1Vit(stage: StageBuilder, vision: HfConfig, name: string): void {
  const width = vision.num('hidden_size');
  const [patchHeight, patchWidth] = pair(vision, 'patch_size');
  const [height, imageWidth] = pair(vision, 'image_size');
  const patches = Math.floor(height / patchHeight) * Math.floor(imageWidth / patchWidth);
  const channels = vision.numOr('num_channels', 3);
  const embeddings = `${name}.embeddings`;
  stage.tensor(`${embeddings}.cls_token`, [1, 1, width]);
  if (vision.flag('use_mask_token')) stage.tensor(`${embeddings}.mask_token`, [1, 1, width]);
  if (vision.flag('use_absolute_position_embeddings'))
    stage.tensor(`${embeddings}.position_embeddings`, [1, patches + 1, width]);
  const projection = `${embeddings}.patch_embeddings.projection`;
  conv(stage, projection, [width, channels, patchHeight, patchWidth]);
  const normBias = vision.strOr('norm_type', 'layer_norm') === 'layer_norm';
  for (let layer = 0; layer < vision.num('num_hidden_layers'); layer++) {
    buildInternS1Layer(stage, vision, `${name}.encoder.layer.${layer}`, normBias);
  }
  if (!vision.flag('use_mean_pooling')) stage.norm(`${name}.layernorm`, width, { bias: true });
}

function buildInternS1Layer(
  stage: StageBuilder,
  vision: HfConfig,
  name: string,
  normBias: boolean,
): void {
  const width = vision.num('hidden_size');
  const bias = vision.flag('attention_bias');
  const intermediate = vision.num('intermediate_size');
  for (const part of ['q_proj', 'k_proj', 'v_proj'])
    linear(stage, `${name}.attention.${part}`, width, width, { bias });
  if (vision.flag('use_qk_norm')) {
    stage.norm(`${name}.attention.q_norm`, width);
    stage.norm(`${name}.attention.k_norm`, width);
  }
  linear(stage, `${name}.attention.projection_layer`, width, width);
  stage.column(`${name}.mlp.fc1`, width, intermediate, { bias: true });
  stage.row(`${name}.mlp.fc2`, intermediate, width, { bias: true });
  stage.norm(`${name}.layernorm_before`, width, { bias: normBias });
  stage.norm(`${name}.layernorm_after`, width, { bias: normBias });
  stage.tensor(`${name}.lambda_1`, [width]);
  stage.tensor(`${name}.lambda_2`, [width]);
}

/** One number for both sides, or both. */
function pair(vision: HfConfig, key: string): readonly [number, number] {
  const value = vision.get(key);
  if (!Array.isArray(value)) return [vision.num(key), vision.num(key)];
  const [height = 0, width = height] = vision.numbers(key);
  return [height, width];
}
