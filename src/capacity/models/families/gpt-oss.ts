/** gpt-oss: experts with biases, attention sinks, every other layer windowed. Source: vllm/model_executor/models/gpt_oss.py. */
import type { ModelFamily } from '../model-family.ts';
import { embeddings, headDim, kvHeads } from './common.ts';

export const GPT_OSS: ModelFamily = {
  name: 'gpt-oss',
  architectures: ['GptOssForCausalLM'],
  kind: 'decoder',
  packedModules: { qkv_proj: ['q_proj', 'k_proj', 'v_proj'] },
  defaults: {
    gpt_oss: {
      tie_word_embeddings: false,
      head_dim: 64,
      num_key_value_heads: 8,
      sliding_window: 128,
      max_position_embeddings: 131072,
    },
  },
  // transformers lists the types, so that no window is the whole model's.
  normalize: (text) => {
    if (text.has('layer_types')) return text;
    const layer_types = Array.from({ length: text.num('num_hidden_layers') }, (_, layer) =>
      layer % 2 === 0 ? 'sliding_attention' : 'full_attention',
    );
    return text.with({ layer_types });
  },
  build: (stage, { text }) => {
    const hiddenSize = text.num('hidden_size');
    const headSize = headDim(text);
    const numHeads = text.num('num_attention_heads');
    const numKvHeads = kvHeads(text);
    const numExperts = text.num('num_local_experts');
    embeddings(stage, {
      vocabSize: text.num('vocab_size'),
      width: hiddenSize,
      tied: false,
      everyStage: true,
      headOnEveryStage: true,
      embeddingName: 'model.embedding',
    });
    for (const layer of stage.layerRange(text.num('num_hidden_layers'))) {
      const name = `model.layers.${layer}`;
      stage.tensor(`${name}.attn.sinks`, [
        stage.perRank(numHeads, 'the number of attention heads'),
      ]);
      const heads = { hiddenSize, headSize, numHeads, numKvHeads };
      stage.qkv(`${name}.attn.qkv_proj`, { ...heads, bias: true });
      stage.row(`${name}.attn.o_proj`, numHeads * headSize, hiddenSize, { bias: true });
      const router = { bias: true, quantized: false };
      stage.replicated(`${name}.mlp.router`, hiddenSize, numExperts, router);
      stage.experts(`${name}.mlp.experts`, {
        count: numExperts,
        hiddenSize,
        intermediateSize: text.num('intermediate_size'),
        bias: true,
        activation: 'swigluoai',
      });
      stage.norm(`${name}.input_layernorm`, hiddenSize);
      stage.norm(`${name}.post_attention_layernorm`, hiddenSize);
      stage.attention({
        name: `${name}.attn.attn`,
        numHeads,
        numKvHeads,
        headSize,
        // By the index alone: the class does not read layer_types.
        slidingWindow: layer % 2 === 0 ? text.numOr('sliding_window', null) : null,
        hasSink: true,
      });
    }
    stage.norm('model.norm', hiddenSize);
  },
};
