/** Vision encoders beside a language model: weights only, no cache. Source: vllm/model_executor/models/{siglip,llama4}…py. */
import type { HfConfig } from '../hf-config.ts';
import type { StageBuilder } from '../stage-builder.ts';

/** SigLIP, split over the ranks like a decoder. Source: vllm/model_executor/models/siglip.py. */
export function buildSiglip(stage: StageBuilder, vision: HfConfig): void {
  const width = vision.num('hidden_size');
  const intermediate = vision.num('intermediate_size');
  const heads = vision.num('num_attention_heads');
  const patch = vision.num('patch_size');
  const patches = Math.floor(vision.num('image_size') / patch) ** 2;
  stage.tensor(width * vision.numOr('num_channels', 3) * patch * patch + width);
  stage.tensor(patches * width);
  for (let layer = 0; layer < vision.num('num_hidden_layers'); layer++) {
    stage.qkv({
      hiddenSize: width,
      headSize: Math.floor(width / heads),
      numHeads: heads,
      numKvHeads: heads,
      bias: true,
    });
    stage.row(width, width, { bias: true });
    stage.column(width, intermediate, { bias: true });
    stage.row(intermediate, width, { bias: true });
    stage.norm(2 * width, { bias: true });
  }
  stage.norm(width, { bias: true });
}

/** Llama 4's vision model, adapter and projector. Source: vllm/model_executor/models/mllama4.py. */
export function buildLlama4Vision(stage: StageBuilder, vision: HfConfig, textWidth: number): void {
  const width = vision.num('hidden_size');
  const intermediate = vision.num('intermediate_size');
  const heads = vision.num('num_attention_heads');
  const patch = vision.num('patch_size');
  const patches = Math.floor(vision.num('image_size') / patch) ** 2 + 1;
  stage.tensor(width + patches * width);
  stage.column(vision.numOr('num_channels', 3) * patch * patch, width);
  stage.norm(2 * width, { bias: true });
  for (let layer = 0; layer < vision.num('num_hidden_layers'); layer++) {
    stage.qkv({
      hiddenSize: width,
      headSize: Math.floor(width / heads),
      numHeads: heads,
      numKvHeads: heads,
      bias: true,
    });
    stage.row(width, width, { bias: true });
    stage.column(width, intermediate, { bias: true });
    stage.row(intermediate, width, { bias: true });
    stage.norm(2 * width, { bias: true });
  }
  const projected = vision.num('projector_input_dim');
  stage.column(intermediate, projected);
  stage.row(projected, vision.num('projector_output_dim'));
  stage.column(vision.num('vision_output_dim'), textWidth);
}
