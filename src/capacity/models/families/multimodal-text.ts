/**
 * Language models that vLLM builds within multimodal models only: Aria's, Cosmos 3 Edge's, Muse Glimmer's.
 * Source: vllm/model_executor/models/{aria,cosmos3_edge,muse_glimmer}.py (0.33.0).
 */
import type { HfConfig } from '../hf-config.ts';
import type { ModelFamily } from '../model-family.ts';
import type { StageBuilder } from '../stage-builder.ts';
import { embeddings, headDim, kvHeads, slidingLayerWindow } from './common.ts';

function attentionSizes(text: HfConfig) {
  return {
    hiddenSize: text.num('hidden_size'),
    headSize: headDim(text),
    numHeads: text.num('num_attention_heads'),
    numKvHeads: kvHeads(text),
  };
}

function buildAriaLayer(stage: StageBuilder, text: HfConfig, name: string): void {
  const { hiddenSize, ...heads } = attentionSizes(text);
  const bias = text.flag('attention_bias');
  const count = text.num('moe_num_experts');
  const intermediateSize = text.num('intermediate_size');
  stage.qkv(`${name}.self_attn.qkv_proj`, { hiddenSize, ...heads, bias });
  const output = { bias };
  stage.row(`${name}.self_attn.o_proj`, heads.numHeads * heads.headSize, hiddenSize, output);
  stage.attention({ name: `${name}.self_attn.attn`, ...heads });
  stage.tensor(`${name}.mlp.router_weight`, [count, hiddenSize]);
  const shared = intermediateSize * text.num('moe_num_shared_experts');
  const options = { bias: text.flag('mlp_bias') };
  stage.gatedMlp(`${name}.mlp.shared_experts`, hiddenSize, shared, options);
  stage.experts(`${name}.mlp.experts`, { count, hiddenSize, intermediateSize });
  stage.norm(`${name}.input_layernorm`, hiddenSize);
  stage.norm(`${name}.post_attention_layernorm`, hiddenSize);
}

export const ARIA_TEXT: ModelFamily = {
  name: 'aria',
  architectures: [],
  kind: 'decoder',
  build: (stage, { text }) => {
    const width = text.num('hidden_size');
    embeddings(stage, text, { tied: false });
    for (let layer = 0; layer < text.num('num_hidden_layers'); layer++)
      buildAriaLayer(stage, text, `model.layers.${layer}`);
    stage.norm('model.norm', width);
  },
};

/** Embedding and head are two tables on every stage, whatever the config.json says of ties. */
const WHOLE = { tied: false, everyStage: true, headOnEveryStage: true } as const;

/** Attention and feed-forward network are layers of their own, one after the other. */
function buildCosmosLayer(stage: StageBuilder, text: HfConfig, layer: number): void {
  const { hiddenSize, ...heads } = attentionSizes(text);
  const prefix = `model.layers.${layer}`;
  const name = `${prefix}.mixer`;
  stage.norm(`${prefix}.norm`, hiddenSize);
  if (layer % 2 === 0) {
    stage.qkv(`${name}.qkv_proj`, { hiddenSize, ...heads });
    stage.row(`${name}.o_proj`, heads.numHeads * heads.headSize, hiddenSize);
    stage.attention({ name: `${name}.attn`, ...heads });
    return;
  }
  const intermediate = text.num('intermediate_size');
  const options = { bias: text.flag('mlp_bias') };
  stage.column(`${name}.up_proj`, hiddenSize, intermediate, options);
  stage.row(`${name}.down_proj`, intermediate, hiddenSize, options);
}

export const COSMOS3_EDGE_TEXT: ModelFamily = {
  name: 'cosmos-3-edge',
  architectures: [],
  kind: 'decoder',
  build: (stage, { text }) => {
    const width = text.num('hidden_size');
    embeddings(stage, text, { ...WHOLE });
    for (const layer of stage.layerRange(2 * text.num('num_hidden_layers')))
      buildCosmosLayer(stage, text, layer);
    stage.norm('model.norm_f', width);
  },
};

const MUSE_NORMS = [
  'input_layernorm',
  'post_attention_layernorm',
  'pre_feedforward_layernorm',
  'post_feedforward_layernorm',
];

function buildMuseLayer(stage: StageBuilder, text: HfConfig, layer: number): void {
  const { hiddenSize, ...heads } = attentionSizes(text);
  const prefix = `model.layers.${layer}`;
  const name = `${prefix}.self_attn`;
  const width = heads.numHeads * heads.headSize;
  stage.qkv(`${name}.qkv_proj`, { hiddenSize, ...heads });
  stage.row(`${name}.o_proj`, width, hiddenSize);
  stage.column(`${name}.output_gate_proj`, hiddenSize, width);
  stage.attention({
    name: `${name}.attn`,
    ...heads,
    slidingWindow: slidingLayerWindow(text, layer),
  });
  stage.gatedMlp(`${prefix}.mlp`, hiddenSize, text.num('intermediate_size'));
  for (const norm of MUSE_NORMS) stage.norm(`${prefix}.${norm}`, hiddenSize);
}

export const MUSE_GLIMMER_TEXT: ModelFamily = {
  name: 'muse-glimmer',
  architectures: [],
  kind: 'decoder',
  build: (stage, { text }) => {
    const width = text.num('hidden_size');
    embeddings(stage, text, { ...WHOLE });
    for (const layer of stage.layerRange(text.num('num_hidden_layers')))
      buildMuseLayer(stage, text, layer);
    stage.norm('model.norm', width);
  },
};
