/** The layers of CLIP's and SigLIP's vision models. Source: vllm/model_executor/models/{clip,siglip}.py (0.33.0). */
import type { HfConfig } from '../hf-config.ts';
import type { StageBuilder } from '../stage-builder.ts';
import { conv } from './encoder-layer.ts';

export interface VisionEncoderOptions {
  /** Layers that are built, where the language model reads an earlier one than the last. */
  readonly layers?: number;
  /** The norm after the last layer; default: where all layers are built. */
  readonly postNorm?: boolean;
  /** The model class hands its quantization on; default: it does. */
  readonly quantized?: boolean;
}

/** Patches of the image and a position for each of them and of `tokens` more. */
export function buildPatchEmbeddings(
  stage: StageBuilder,
  vision: HfConfig,
  name: string,
  { tokens, bias }: { readonly tokens: number; readonly bias: boolean },
): void {
  const width = vision.num('hidden_size');
  const patch = vision.num('patch_size');
  const patches = Math.floor(vision.num('image_size') / patch) ** 2;
  const channels = vision.numOr('num_channels', 3);
  conv(stage, `${name}.patch_embedding`, [width, channels, patch, patch], bias);
  stage.tensor(`${name}.position_embedding.weight`, [patches + tokens, width]);
}

/** As many layers as asked for, and the norm after them. */
export function buildVisionLayers(
  stage: StageBuilder,
  vision: HfConfig,
  name: string,
  { layers, postNorm }: VisionEncoderOptions,
  buildLayer: (layer: string) => void,
): void {
  const all = vision.num('num_hidden_layers');
  const count = layers ?? all;
  for (let layer = 0; layer < count; layer++) buildLayer(`${name}.encoder.layers.${layer}`);
  if (postNorm ?? count === all) {
    stage.norm(`${name}.post_layernorm`, vision.num('hidden_size'), { bias: true });
  }
}
