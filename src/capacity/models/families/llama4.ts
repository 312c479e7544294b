/** Llama 4: chunked attention with every fourth layer global, experts. Source: vllm/…/models/{llama4,mllama4}.py (0.33.0). */
import type { HfConfig } from '../hf-config.ts';
import type { ModelFamily } from '../model-family.ts';
import type { StageBuilder } from '../stage-builder.ts';
import { embeddings, headDim, kvHeads } from './common.ts';

const DEFAULTS = {
  tie_word_embeddings: false,
  head_dim: 128,
  num_key_value_heads: 8,
  attention_chunk_size: 8192,
  interleave_moe_layer_step: 1,
  intermediate_size_mlp: 16384,
  num_local_experts: 16,
  max_position_embeddings: 131072,
};

/** A layer is global where `no_rope_layers` has a 0: every fourth by default. */
function isGlobal(text: HfConfig, layer: number): boolean {
  const listed = text.has('no_rope_layers') ? text.numbers('no_rope_layers') : [];
  if (listed.length > 0) return listed[layer] === 0;
  return (layer + 1) % text.numOr('no_rope_layer_interval', 4) === 0;
}

function buildLayer(stage: StageBuilder, text: HfConfig, layer: number): void {
  const hiddenSize = text.num('hidden_size');
  const headSize = headDim(text);
  const numHeads = text.num('num_attention_heads');
  const numKvHeads = kvHeads(text);
  const step = text.num('interleave_moe_layer_step');
  const prefix = `model.layers.${layer}`;
  const mlp = `${prefix}.feed_forward`;
  stage.qkv(`${prefix}.self_attn.qkv_proj`, { hiddenSize, headSize, numHeads, numKvHeads });
  stage.row(`${prefix}.self_attn.o_proj`, numHeads * headSize, hiddenSize);
  if (step > 0 && (layer + 1) % step === 0) {
    const count = text.num('num_local_experts');
    const intermediateSize = text.num('intermediate_size');
    stage.replicated(`${mlp}.router`, hiddenSize, count, { quantized: false });
    stage.gatedMlp(`${mlp}.shared_expert`, hiddenSize, intermediateSize);
    stage.experts(`${mlp}.experts`, { count, hiddenSize, intermediateSize });
  } else {
    stage.gatedMlp(mlp, hiddenSize, text.num('intermediate_size_mlp'));
  }
  stage.norm(`${prefix}.input_layernorm`, hiddenSize);
  stage.norm(`${prefix}.post_attention_layernorm`, hiddenSize);
  const isChunked = !isGlobal(text, layer) && text.has('attention_chunk_size');
  stage.attention({
    name: `${prefix}.self_attn.attn`,
    numHeads,
    numKvHeads,
    headSize,
    attentionChunkSize: isChunked ? text.num('attention_chunk_size') : null,
  });
}

function buildText(stage: StageBuilder, text: HfConfig): void {
  embeddings(stage, text);
  for (const layer of stage.layerRange(text.num('num_hidden_layers'))) {
    buildLayer(stage, text, layer);
  }
  if (stage.isLast) stage.norm('model.norm', text.num('hidden_size'));
}

export const LLAMA4_TEXT: ModelFamily = {
  name: 'llama-4',
  architectures: ['Llama4ForCausalLM'],
  kind: 'decoder',
  defaults: { llama4_text: DEFAULTS },
  build: (stage, { text }) => buildText(stage, text),
};
