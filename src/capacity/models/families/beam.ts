/** Beam: a gate in the attention's projection, norms on both sides, experts. Source: vllm/models/beam/nvidia (0.33.0). */
import type { HfConfig } from '../hf-config.ts';
import type { ModelFamily } from '../model-family.ts';
import type { StageBuilder } from '../stage-builder.ts';
import { buildQkNorm, embeddings, slidingLayerWindow } from './common.ts';
import { llamaHeads } from './decoder.ts';

const NORMS = [
  'input_layernorm',
  'pre_feedforward_layernorm',
  'post_attention_layernorm',
  'post_feedforward_layernorm',
];

function buildAttention(stage: StageBuilder, text: HfConfig, name: string, layer: number): void {
  const hiddenSize = text.num('hidden_size');
  const heads = llamaHeads(text);
  const width = heads.numHeads * heads.headSize;
  const kvWidth = heads.numKvHeads * heads.headSize;
  // One projection where every rank has key and value heads of its own.
  if (heads.numKvHeads % stage.tp === 0) {
    stage.column(`${name}.qkv_gate_proj`, hiddenSize, [width, kvWidth, kvWidth, width]);
  } else {
    stage.qkv(`${name}.qkv_proj`, { hiddenSize, ...heads });
    stage.column(`${name}.output_gate_proj`, hiddenSize, width);
  }
  stage.row(`${name}.o_proj`, width, hiddenSize);
  buildQkNorm(stage, name, 'head', heads);
  stage.tensor(`${name}.gate_bias`, [
    stage.perRank(heads.numHeads, 'the number of attention heads'),
  ]);
  stage.attention({
    name: `${name}.attn`,
    ...heads,
    slidingWindow: slidingLayerWindow(text, layer),
    // The class clears the model-wide window.
    ignoresModelWindow: true,
  });
}

function buildFeedForward(stage: StageBuilder, text: HfConfig, name: string, layer: number): void {
  const hiddenSize = text.num('hidden_size');
  if (text.strings('mlp_layer_types')[layer] === 'dense') {
    stage.gatedMlp(name, hiddenSize, text.num('intermediate_size'));
    return;
  }
  const count = text.num('num_experts');
  const gate = `${name}.gate`;
  stage.replicated(gate, hiddenSize, count, { dtype: 'float32', quantized: false });
  stage.tensor(`${gate}.e_score_correction_bias`, [count], 'float32');
  const intermediateSize = text.num('moe_intermediate_size');
  stage.experts(`${name}.experts`, { count, hiddenSize, intermediateSize });
}

export const BEAM: ModelFamily = {
  name: 'beam',
  architectures: ['BeamForCausalLM'],
  kind: 'decoder',
  defaults: {
    beam: {
      tie_word_embeddings: false,
      head_dim: 128,
      num_key_value_heads: 8,
      sliding_window: 512,
      max_position_embeddings: 8192,
    },
  },
  build: (stage, { text }) => {
    const hiddenSize = text.num('hidden_size');
    embeddings(stage, text, { tied: false });
    for (const layer of stage.layerRange(text.num('num_hidden_layers'))) {
      const name = `model.layers.${layer}`;
      buildAttention(stage, text, `${name}.self_attn`, layer);
      buildFeedForward(stage, text, `${name}.mlp`, layer);
      for (const norm of NORMS) stage.norm(`${name}.${norm}`, hiddenSize);
    }
    if (stage.isLast) stage.norm('model.norm', hiddenSize);
  },
};
