/**
 * DeciLM and Llama-Nemotron: Llama with layers whose sizes were searched one by one, and parts left out. Source:
 * vllm/model_executor/models/nemotron_nas.py (0.33.0).
 */
import { roundUp } from '../../../shared/integers.ts';
import type { HfConfig } from '../hf-config.ts';
import type { ModelFamily } from '../model-family.ts';
import type { StageBuilder } from '../stage-builder.ts';
import { embeddings, headDim } from './common.ts';

/** Widths are multiples of it. Source: _find_multiple. */
const WIDTH_MULTIPLE = 256;

function block(text: HfConfig, layer: number, part: 'attention' | 'ffn'): HfConfig {
  const blocks = text.list('block_configs');
  const config = text.with({ block: blocks[layer] }).sub('block');
  return config.sub(part);
}

function layerKvHeads(text: HfConfig, layer: number): number {
  const groups = block(text, layer, 'attention').num('n_heads_in_group');
  return Math.floor(text.num('num_attention_heads') / groups);
}

/** The first layer that attends counts for the model. */
function totalNumKvHeads(text: HfConfig): number {
  const layers = text.list('block_configs').map((_, layer) => layer);
  const attends = layers.find((layer) => !block(text, layer, 'attention').flag('no_op'));
  if (attends === undefined) text.fail('block_configs', 'a list with a layer that attends');
  return layerKvHeads(text, attends);
}

function buildAttention(stage: StageBuilder, text: HfConfig, name: string, layer: number): void {
  const hiddenSize = text.num('hidden_size');
  const heads = {
    numHeads: text.num('num_attention_heads'),
    numKvHeads: layerKvHeads(text, layer),
    headSize: headDim(text),
  };
  const bias = text.flag('attention_bias') || text.flag('bias');
  const qkvBias = text.hasKey('qkv_bias') ? text.flag('qkv_bias') : bias;
  stage.qkv(`${name}.self_attn.qkv_proj`, { hiddenSize, ...heads, bias: qkvBias });
  stage.row(`${name}.self_attn.o_proj`, heads.numHeads * heads.headSize, hiddenSize, { bias });
  stage.attention({ name: `${name}.self_attn.attn`, ...heads });
  stage.norm(`${name}.input_layernorm`, hiddenSize);
}

function feedForwardSize(text: HfConfig, ffn: HfConfig): number {
  if (!ffn.has('ffn_mult')) return ffn.num('intermediate_size');
  const size = Math.trunc((2 * ffn.float('ffn_mult') * text.num('hidden_size')) / 3);
  return roundUp(size, WIDTH_MULTIPLE);
}

export const DECILM: ModelFamily = {
  name: 'decilm',
  architectures: ['DeciLMForCausalLM'],
  kind: 'decoder',
  defaults: {
    'nemotron-nas': { tie_word_embeddings: false },
    deci: { tie_word_embeddings: false },
  },
  totalNumKvHeads,
  build: (stage, { text }) => {
    const hiddenSize = text.num('hidden_size');
    embeddings(stage, text);
    for (const layer of stage.layerRange(text.num('num_hidden_layers'))) {
      const name = `model.layers.${layer}`;
      if (!block(text, layer, 'attention').flag('no_op')) buildAttention(stage, text, name, layer);
      const ffn = block(text, layer, 'ffn');
      if (ffn.flag('no_op')) continue;
      const bias = text.flag('mlp_bias');
      stage.gatedMlp(`${name}.mlp`, hiddenSize, feedForwardSize(text, ffn), { bias });
      stage.norm(`${name}.post_attention_layernorm`, hiddenSize);
    }
    if (stage.isLast) stage.norm('model.norm', hiddenSize);
  },
};
