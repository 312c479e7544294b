/** Decoders with learned positions: GPT-2 and OPT. Source: vllm/model_executor/models/{gpt2,opt}.py (0.33.0). */
import type { ModelFamily } from '../model-family.ts';
import { embeddings, weightNamer } from './common.ts';

/** OPT's positions start at two. */
const OPT_POSITION_OFFSET = 2;

const BIAS = { bias: true };

export const GPT2: ModelFamily = {
  name: 'gpt-2',
  architectures: ['GPT2LMHeadModel'],
  kind: 'decoder',
  packedModules: {},
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
    embeddings(stage, text, {
      everyStage: true,
      headOnEveryStage: true,
      embeddingName: 'transformer.wte',
    });
    const positions = text.num('max_position_embeddings');
    stage.tensor('transformer.wpe.weight', [positions, hiddenSize]);
    const heads = { numHeads, numKvHeads: numHeads, headSize };
    for (const layer of stage.layerRange(text.num('num_hidden_layers'))) {
      const name = `transformer.h.${layer}`;
      stage.norm(`${name}.ln_1`, hiddenSize, BIAS);
      stage.qkv(`${name}.attn.c_attn`, { hiddenSize, ...heads, ...BIAS });
      stage.row(`${name}.attn.c_proj`, hiddenSize, hiddenSize, BIAS);
      stage.attention({ name: `${name}.attn.attn`, ...heads });
      stage.norm(`${name}.ln_2`, hiddenSize, BIAS);
      stage.column(`${name}.mlp.c_fc`, hiddenSize, intermediateSize, BIAS);
      stage.row(`${name}.mlp.c_proj`, intermediateSize, hiddenSize, BIAS);
    }
    stage.norm('transformer.ln_f', hiddenSize, BIAS);
  },
};

export const OPT: ModelFamily = {
  name: 'opt',
  architectures: ['OPTForCausalLM'],
  vllmName: weightNamer([['decoder.', 'model.decoder.']]),
  kind: 'decoder',
  packedModules: { qkv_proj: ['q_proj', 'k_proj', 'v_proj'] },
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
    const inner = { bias: text.flag('enable_bias') };
    const isAffine = text.flag('layer_norm_elementwise_affine');
    const norm = (name: string): void => {
      if (isAffine) stage.norm(name, hiddenSize, BIAS);
    };
    embeddings(stage, text, {
      width,
      everyStage: true,
      headOnEveryStage: true,
      embeddingName: 'model.decoder.embed_tokens',
      quantizedHead: false,
    });
    const positions = text.num('max_position_embeddings') + OPT_POSITION_OFFSET;
    stage.tensor('model.decoder.embed_positions.weight', [positions, hiddenSize]);
    if (width !== hiddenSize) {
      stage.replicated('model.decoder.project_out', hiddenSize, width);
      stage.replicated('model.decoder.project_in', width, hiddenSize);
    }
    const hasFinalNorm =
      text.flag('do_layer_norm_before') && !text.flag('_remove_final_layer_norm');
    if (hasFinalNorm) norm('model.decoder.final_layer_norm');
    const heads = { numHeads, numKvHeads: numHeads, headSize };
    for (const layer of stage.layerRange(text.num('num_hidden_layers'))) {
      const name = `model.decoder.layers.${layer}`;
      stage.qkv(`${name}.self_attn.qkv_proj`, { hiddenSize, ...heads, ...inner });
      stage.row(`${name}.self_attn.out_proj`, hiddenSize, hiddenSize, inner);
      stage.attention({ name: `${name}.self_attn.attn`, ...heads });
      norm(`${name}.self_attn_layer_norm`);
      stage.column(`${name}.fc1`, hiddenSize, intermediateSize, inner);
      stage.row(`${name}.fc2`, intermediateSize, hiddenSize, inner);
      norm(`${name}.final_layer_norm`);
    }
  },
};
