/** Decoders with learned positions: GPT-2 and OPT. Source: vllm/model_executor/models/{gpt2,opt}.py (0.33.0). */
import type { ModelFamily } from '../model-family.ts';
import { embeddings } from './common.ts';

/** OPT's positions start at two. */
const OPT_POSITION_OFFSET = 2;

export const GPT2: ModelFamily = {
  name: 'gpt-2',
  architectures: ['GPT2LMHeadModel'],
  kind: 'decoder',
  defaults: { gpt2: { tie_word_embeddings: true, vocab_size: 50257, n_positions: 1024 } },
  normalize: (text) =>
    text.with({
      hidden_size: text.numOr('hidden_size', text.numOr('n_embd', 768)),
      num_hidden_layers: text.numOr('num_hidden_layers', text.numOr('n_layer', 12)),
      num_attention_heads: text.numOr('num_attention_heads', text.numOr('n_head', 12)),
      max_position_embeddings: text.numOr('max_position_embeddings', text.num('n_positions')),
      n_positions: text.numOr('max_position_embeddings', text.num('n_positions')),
    }),
  build: (stage, { text }) => {
    const hiddenSize = text.num('hidden_size');
    const numHeads = text.num('num_attention_heads');
    const headSize = Math.floor(hiddenSize / numHeads);
    const intermediateSize = text.numOr('n_inner', 4 * hiddenSize);
    embeddings(stage, {
      vocabSize: text.num('vocab_size'),
      width: hiddenSize,
      tied: text.flag('tie_word_embeddings'),
      everyStage: true,
      headOnEveryStage: true,
    });
    stage.tensor(text.num('max_position_embeddings') * hiddenSize);
    for (const layer of stage.layerRange(text.num('num_hidden_layers'))) {
      stage.qkv({ hiddenSize, headSize, numHeads, numKvHeads: numHeads, bias: true });
      stage.row(hiddenSize, hiddenSize, { bias: true });
      stage.column(hiddenSize, intermediateSize, { bias: true });
      stage.row(intermediateSize, hiddenSize, { bias: true });
      stage.norm(2 * hiddenSize, { bias: true });
      const name = `transformer.h.${layer}.attn.attn`;
      stage.attention({ name, numHeads, numKvHeads: numHeads, headSize });
    }
    stage.norm(hiddenSize, { bias: true });
  },
};

export const OPT: ModelFamily = {
  name: 'opt',
  architectures: ['OPTForCausalLM'],
  kind: 'decoder',
  defaults: {
    opt: {
      tie_word_embeddings: true,
      vocab_size: 50272,
      enable_bias: true,
      layer_norm_elementwise_affine: true,
      do_layer_norm_before: true,
      max_position_embeddings: 2048,
    },
  },
  build: (stage, { text }) => {
    const hiddenSize = text.num('hidden_size');
    const width = text.numOr('word_embed_proj_dim', hiddenSize);
    const numHeads = text.num('num_attention_heads');
    const headSize = Math.floor(hiddenSize / numHeads);
    const intermediateSize = text.num('ffn_dim');
    const bias = text.flag('enable_bias');
    const normSize = text.flag('layer_norm_elementwise_affine') ? hiddenSize : 0;
    embeddings(stage, {
      vocabSize: text.num('vocab_size'),
      width,
      tied: text.flag('tie_word_embeddings'),
      everyStage: true,
      headOnEveryStage: true,
    });
    stage.tensor((text.num('max_position_embeddings') + OPT_POSITION_OFFSET) * hiddenSize);
    if (width !== hiddenSize) {
      stage.replicated(hiddenSize, width);
      stage.replicated(width, hiddenSize);
    }
    const hasFinalNorm =
      text.flag('do_layer_norm_before') && !text.flag('_remove_final_layer_norm');
    if (hasFinalNorm) stage.norm(normSize, { bias: true });
    for (const layer of stage.layerRange(text.num('num_hidden_layers'))) {
      stage.qkv({ hiddenSize, headSize, numHeads, numKvHeads: numHeads, bias });
      stage.row(hiddenSize, hiddenSize, { bias });
      stage.column(hiddenSize, intermediateSize, { bias });
      stage.row(intermediateSize, hiddenSize, { bias });
      stage.norm(2 * normSize, { bias: true });
      const name = `model.decoder.layers.${layer}.self_attn.attn`;
      stage.attention({ name, numHeads, numKvHeads: numHeads, headSize });
    }
  },
};
