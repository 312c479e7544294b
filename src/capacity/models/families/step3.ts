/**
 * Step-3 (queries through a shared low rank, one key and value head) and Step-3.5 (windowed layers with heads of their own, a
 * gate a head), both with experts. Source: vllm/model_executor/models/{step3_text,step3p5}.py (0.33.0).
 */
import { isJsonObject } from '../../../shared/json-object.ts';
import type { HfConfig } from '../hf-config.ts';
import type { ModelFamily } from '../model-family.ts';
import type { StageBuilder } from '../stage-builder.ts';
import { embeddings, layerType } from './common.ts';
import { decoderFamilies, type HeadSizes, llamaHeads } from './decoder.ts';

/** The layers with experts: listed as a list or a text with commas, else all but the first. */
function expertLayers(text: HfConfig): readonly number[] {
  const listed = text.get('moe_layers_enum');
  if (typeof listed === 'string') return listed.split(',').map(Number);
  if (Array.isArray(listed)) return text.numbers('moe_layers_enum');
  return Array.from({ length: text.num('num_hidden_layers') - 1 }, (_, layer) => layer + 1);
}

function buildStep3Attention(stage: StageBuilder, text: HfConfig, name: string): void {
  const hiddenSize = text.num('hidden_size');
  const headSize = text.num('head_dim');
  const numHeads = text.num('num_attention_heads');
  const rank = text.numOr('share_q_dim', headSize);
  stage.replicated(`${name}.qkv_proj`, hiddenSize, rank + 2 * headSize);
  stage.row(`${name}.o_proj`, numHeads * headSize, hiddenSize);
  stage.norm(`${name}.inter_norm`, rank);
  stage.column(`${name}.wq`, rank, numHeads * headSize);
  stage.attention({ name: `${name}.attn`, numHeads, numKvHeads: 1, headSize, quantized: false });
}

/** The experts of a layer, beside the one that every token passes. */
function buildExperts(stage: StageBuilder, text: HfConfig, layer: string, shared: string): void {
  const hiddenSize = text.num('hidden_size');
  const count = text.num('moe_num_experts');
  const intermediateSize = text.num('moe_intermediate_size');
  stage.experts(`${layer}.moe.experts`, { count, hiddenSize, intermediateSize });
  stage.gatedMlp(shared, hiddenSize, text.num('share_expert_dim'));
}

export const STEP3_TEXT: ModelFamily = {
  name: 'step-3',
  architectures: ['Step3TextForCausalLM'],
  kind: 'decoder',
  defaults: {
    step3_text: {
      tie_word_embeddings: false,
      num_attention_groups: 1,
      head_dim: 256,
      share_q_dim: 2048,
      max_position_embedding: 65536,
      max_seq_len: 65536,
    },
  },
  build: (stage, { text }) => {
    const hiddenSize = text.num('hidden_size');
    embeddings(stage, text, {
      tiesHead: false,
      quantizedHead: false,
    });
    const sparse = expertLayers(text);
    for (const layer of stage.layerRange(text.num('num_hidden_layers'))) {
      // The class hands its own prefix, which is empty, to its modules.
      const name = `.layers.${layer}`;
      buildStep3Attention(stage, text, `${name}.self_attn`);
      if (sparse.includes(layer)) {
        const count = text.num('moe_num_experts');
        stage.replicated(`${name}.moe.gate`, hiddenSize, count, { quantized: false });
        buildExperts(stage, text, name, `${name}.share_expert`);
      } else {
        stage.gatedMlp(`${name}.mlp`, hiddenSize, text.num('intermediate_size'));
      }
      stage.norm(`model.layers.${layer}.input_layernorm`, hiddenSize);
      stage.norm(`model.layers.${layer}.post_attention_layernorm`, hiddenSize);
    }
    if (stage.isLast) stage.norm('model.norm', hiddenSize);
  },
};

function isWindowed(text: HfConfig, layer: number): boolean {
  return layerType(text, layer) === 'sliding_attention';
}

function step35Heads(text: HfConfig, layer: number): HeadSizes {
  const heads = { ...llamaHeads(text), numKvHeads: text.num('num_attention_groups') };
  if (!isWindowed(text, layer)) return heads;
  const named = text.numOr('num_sliding_attention_heads', 0);
  if (named > 0) return { ...heads, numHeads: named };
  const other = text.get('attention_other_setting');
  if (!isJsonObject(other) || other['attention_type'] !== 'sliding_attention') return heads;
  return { ...heads, numHeads: text.sub('attention_other_setting').num('num_attention_heads') };
}

function isStep35Sparse(text: HfConfig, layer: number): boolean {
  if (text.has('mlp_layer_types')) return text.strings('mlp_layer_types')[layer] === 'sparse';
  return expertLayers(text).includes(layer);
}

function buildStep35Experts(
  stage: StageBuilder,
  text: HfConfig,
  name: string,
  layer: number,
): boolean {
  if (!isStep35Sparse(text, layer)) return false;
  const moe = name.replace(/mlp$/, 'moe');
  const count = text.num('moe_num_experts');
  const gate = { quantized: false, dtype: 'float32' };
  stage.replicated(`${moe}.gate`, text.num('hidden_size'), count, gate);
  stage.tensor(`${moe}.router_bias`, [count], 'float32');
  buildExperts(stage, text, name.replace(/\.mlp$/, ''), `${moe}.share_expert`);
  return true;
}

export const STEP3P5_FAMILIES = decoderFamilies('step-3.5', [
  {
    architectures: ['Step3p5ForCausalLM'],
    modelTypes: { step3p5: { tie_word_embeddings: false } },
    heads: step35Heads,
    qkvBias: (text) => text.flag('attention_bias'),
    qkNorm: () => 'head',
    attentionParts: (stage, text, name, layer) => {
      if (!text.flag('use_head_wise_attn_gate')) return;
      const { numHeads } = step35Heads(text, layer);
      stage.column(`${name}.g_proj`, text.num('hidden_size'), numHeads);
    },
    window: (text, layer) => (isWindowed(text, layer) ? text.numOr('sliding_window', null) : null),
    // The class clears the model-wide window.
    attention: () => ({ ignoresModelWindow: true }),
    feedForward: buildStep35Experts,
    tiesHead: false,
    family: {
      // transformers' names for what the repository's own code counts.
      normalize: (text) =>
        text.with({
          num_attention_groups: text.numOr(
            'num_attention_groups',
            text.numOr('num_key_value_heads', 8),
          ),
          moe_num_experts: text.numOr('moe_num_experts', text.numOr('n_routed_experts', null)),
        }),
    },
  },
]);
