/** Llama 4's vision model, adapter and projector; never quantized. Source: vllm/model_executor/models/mllama4.py (0.33.0). */
import type { HfConfig } from '../hf-config.ts';
import type { StageBuilder } from '../stage-builder.ts';

/** Declares the tower as the module `name`, and the projector beside it. */
export function buildLlama4Vision(
  stage: StageBuilder,
  vision: HfConfig,
  textWidth: number,
  name: string,
): void {
  const width = vision.num('hidden_size');
  const intermediate = vision.num('intermediate_size');
  const patch = vision.num('patch_size');
  const patches = Math.floor(vision.num('image_size') / patch) ** 2 + 1;
  const plain = { quantized: false };
  stage.tensor(`${name}.class_embedding`, [width]);
  stage.tensor(`${name}.positional_embedding_vlm`, [patches, width]);
  const pixels = vision.numOr('num_channels', 3) * patch * patch;
  stage.column(`${name}.patch_embedding.linear`, pixels, width, plain);
  stage.norm(`${name}.layernorm_pre`, width, { bias: true });
  stage.norm(`${name}.layernorm_post`, width, { bias: true });
  for (let layer = 0; layer < vision.num('num_hidden_layers'); layer++) {
    buildLayer(stage, vision, `${name}.model.layers.${layer}`);
  }
  const projected = vision.num('projector_input_dim');
  const adapter = `${name}.vision_adapter.mlp`;
  const options = { bias: vision.flag('multi_modal_projector_bias'), ...plain };
  stage.column(`${adapter}.fc1`, intermediate, projected, options);
  stage.row(`${adapter}.fc2`, projected, vision.num('projector_output_dim'), options);
  const output = vision.num('vision_output_dim');
  stage.column('multi_modal_projector.linear_1', output, textWidth, plain);
}

function buildLayer(stage: StageBuilder, vision: HfConfig, name: string): void {
  const width = vision.num('hidden_size');
  const intermediate = vision.num('intermediate_size');
  const heads = vision.num('num_attention_heads');
  const options = { bias: true, quantized: false };
  stage.qkv(`${name}.self_attn.qkv_proj`, {
    hiddenSize: width,
    headSize: Math.floor(width / heads),
    numHeads: heads,
    numKvHeads: heads,
    ...options,
  });
  stage.row(`${name}.self_attn.o_proj`, width, width, options);
  stage.column(`${name}.mlp.fc1`, width, intermediate, options);
  stage.row(`${name}.mlp.fc2`, intermediate, width, options);
  stage.norm(`${name}.input_layernorm`, width, { bias: true });
  stage.norm(`${name}.post_attention_layernorm`, width, { bias: true });
}
