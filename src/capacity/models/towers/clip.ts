/** CLIP's vision model. Source: vllm/model_executor/models/clip.py CLIPVisionModel (0.33.0). */
import type { HfConfig } from '../hf-config.ts';
import type { StageBuilder } from '../stage-builder.ts';
import { buildEncoderLayer } from './encoder-layer.ts';
import {
  buildPatchEmbeddings,
  buildVisionLayers,
  type VisionEncoderOptions,
} from './vision-encoder.ts';

/** Declares the tower as the module `name`. */
export function buildClip(
  stage: StageBuilder,
  vision: HfConfig,
  name: string,
  options: VisionEncoderOptions = {},
): void {
  buildClipTransformer(stage, vision, `${name}.vision_model`, options);
}

/** What is within `vision_model`; CLIP itself takes it bare. */
export function buildClipTransformer(
  stage: StageBuilder,
  vision: HfConfig,
  prefix: string,
  options: VisionEncoderOptions = {},
): void {
  const width = vision.num('hidden_size');
  stage.tensor(`${prefix}.embeddings.class_embedding`, [width]);
  buildPatchEmbeddings(stage, vision, `${prefix}.embeddings`, { tokens: 1, bias: false });
  // vLLM's own spelling.
  stage.norm(`${prefix}.pre_layrnorm`, width, { bias: true });
  buildVisionLayers(stage, vision, prefix, options, (name) => {
    buildEncoderLayer(stage, name, {
      width,
      heads: vision.num('num_attention_heads'),
      intermediate: vision.num('intermediate_size'),
      quantized: options.quantized ?? true,
    });
  });
}
