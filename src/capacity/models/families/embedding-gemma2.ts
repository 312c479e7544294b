/**
 * EmbeddingGemma 2's text layers: seen from both sides, with inputs of their own, heads as wide as each layer says.
 * Source: vllm/model_executor/models/embedding_gemma2.py EmbeddingGemma2TextModel (0.33.0).
 */
import { isJsonObject } from '../../../shared/json-object.ts';
import { HfConfig } from '../hf-config.ts';
import type { ModelFamily } from '../model-family.ts';
import type { StageBuilder } from '../stage-builder.ts';
import { buildQkNorm, headDim, kvHeads, slidingLayerWindow } from './common.ts';

const NORMS = [
  'input_layernorm',
  'post_attention_layernorm',
  'pre_feedforward_layernorm',
  'post_feedforward_layernorm',
];

/** What `per_layer_config` says of the layer, whose key may have leading zeros; the whole model's values where it says nothing. */
function layerConfig(text: HfConfig, layer: number): HfConfig {
  const all = text.get('per_layer_config');
  const entries = isJsonObject(all) ? Object.entries(all) : [];
  const own = entries.find(([key]) => Number(key) === layer)?.[1];
  return isJsonObject(own) ? new HfConfig(own, text.label, text.values()) : text;
}

function buildLayer(stage: StageBuilder, text: HfConfig, layer: number): void {
  const name = `layers.${layer}`;
  const hiddenSize = text.num('hidden_size');
  const own = layerConfig(text, layer);
  const numHeads = text.num('num_attention_heads');
  const heads = { numHeads, numKvHeads: kvHeads(own), headSize: headDim(own) };
  const bias = text.flag('attention_bias');
  stage.qkv(`${name}.self_attn.qkv_proj`, { hiddenSize, ...heads, bias });
  stage.row(`${name}.self_attn.o_proj`, numHeads * heads.headSize, hiddenSize, { bias });
  buildQkNorm(stage, `${name}.self_attn`, 'head', heads);
  const window = slidingLayerWindow(text, layer);
  stage.attention({
    name: `${name}.self_attn.attn`,
    ...heads,
    attnType: 'encoder_only',
    // The window's far end counts on either side.
    slidingWindow: window === null ? null : window + 1,
  });
  stage.gatedMlp(`${name}.mlp`, hiddenSize, text.num('intermediate_size'));
  const inputWidth = text.num('hidden_size_per_layer_input');
  stage.replicated(`${name}.ple_block.per_layer_input_gate`, hiddenSize, inputWidth);
  stage.replicated(`${name}.ple_block.per_layer_projection`, inputWidth, hiddenSize);
  stage.norm(`${name}.ple_block.post_per_layer_input_norm`, hiddenSize);
  for (const norm of NORMS) stage.norm(`${name}.${norm}`, hiddenSize);
}

export const EMBEDDING_GEMMA2_TEXT: ModelFamily = {
  name: 'embedding-gemma-2',
  architectures: [],
  kind: 'pooling',
  isPoolingClass: true,
  adjustRun: () => ({ forcedBackend: 'TRITON_ATTN' }),
  build: (stage, { text }) => {
    const width = text.num('hidden_size');
    const layers = text.num('num_hidden_layers');
    stage.embedding('embed_tokens', text.num('vocab_size'), width);
    for (let layer = 0; layer < layers; layer++) buildLayer(stage, text, layer);
    stage.norm('norm', width);
    const inputWidth = text.num('hidden_size_per_layer_input');
    stage.column('ple.per_layer_model_projection', width, layers * inputWidth);
    stage.norm('ple.per_layer_projection_norm', inputWidth);
    stage.replicated('embedding_projection', width, text.num('embedding_dim'));
  },
};
