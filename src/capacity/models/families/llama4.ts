/** Llama 4: chunked attention with every fourth layer global, experts. Source: vllm/…/models/{llama4,mllama4}.py (0.33.0). */
import type { HfConfig } from '../hf-config.ts';
import type { ModelFamily } from '../model-family.ts';
import type { StageBuilder } from '../stage-builder.ts';
import { embeddings, headDim, kvHeads } from './common.ts';
import { buildLlama4Vision } from './vision-towers.ts';

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

function buildLayer(stage: StageBuilder, text: HfConfig, prefix: string, layer: number): void {
  const hiddenSize = text.num('hidden_size');
  const headSize = headDim(text);
  const numHeads = text.num('num_attention_heads');
  const numKvHeads = kvHeads(text);
  const step = text.num('interleave_moe_layer_step');
  stage.qkv({ hiddenSize, headSize, numHeads, numKvHeads });
  stage.row(numHeads * headSize, hiddenSize);
  if (step > 0 && (layer + 1) % step === 0) {
    const count = text.num('num_local_experts');
    const intermediateSize = text.num('intermediate_size');
    stage.replicated(hiddenSize, count);
    stage.gatedMlp(hiddenSize, intermediateSize);
    stage.experts({ count, hiddenSize, intermediateSize });
  } else {
    stage.gatedMlp(hiddenSize, text.num('intermediate_size_mlp'));
  }
  stage.norm(2 * hiddenSize);
  const isChunked = !isGlobal(text, layer) && text.has('attention_chunk_size');
  stage.attention({
    name: `${prefix}model.layers.${layer}.self_attn.attn`,
    numHeads,
    numKvHeads,
    headSize,
    attentionChunkSize: isChunked ? text.num('attention_chunk_size') : null,
  });
}

function buildText(stage: StageBuilder, text: HfConfig, prefix: string): void {
  embeddings(stage, {
    vocabSize: text.num('vocab_size'),
    width: text.num('hidden_size'),
    tied: text.flag('tie_word_embeddings'),
  });
  for (const layer of stage.layerRange(text.num('num_hidden_layers'))) {
    buildLayer(stage, text, prefix, layer);
  }
  if (stage.isLast) stage.norm(text.num('hidden_size'));
}

export const LLAMA4_TEXT: ModelFamily = {
  name: 'llama-4',
  architectures: ['Llama4ForCausalLM'],
  kind: 'decoder',
  defaults: { llama4_text: DEFAULTS },
  build: (stage, { text }) => buildText(stage, text, ''),
};

export const LLAMA4_MULTIMODAL: ModelFamily = {
  name: 'llama-4',
  architectures: ['Llama4ForConditionalGeneration'],
  kind: 'decoder',
  defaults: { llama4_text: DEFAULTS },
  build: (stage, { text, root }) => {
    // Encoders run on the first stage only.
    if (stage.isFirst) buildLlama4Vision(stage, root.sub('vision_config'), text.num('hidden_size'));
    buildText(stage, text, 'language_model.');
  },
};
