/** gpt-oss: experts with biases, attention sinks, every other layer windowed. Source: vllm/model_executor/models/gpt_oss.py. */
import type { ModelFamily } from '../model-family.ts';
import { embeddings, headDim, kvHeads } from './common.ts';

export const GPT_OSS: ModelFamily = {
  name: 'gpt-oss',
  architectures: ['GptOssForCausalLM'],
  kind: 'decoder',
  defaults: {
    gpt_oss: {
      tie_word_embeddings: false,
      head_dim: 64,
      num_key_value_heads: 8,
      sliding_window: 128,
      max_position_embeddings: 131072,
    },
  },
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
    });
    for (const layer of stage.layerRange(text.num('num_hidden_layers'))) {
      stage.tensor(stage.perRank(numHeads, 'the number of attention heads'));
      stage.qkv({ hiddenSize, headSize, numHeads, numKvHeads, bias: true });
      stage.row(numHeads * headSize, hiddenSize, { bias: true });
      stage.replicated(hiddenSize, numExperts, { bias: true });
      stage.experts({
        count: numExperts,
        hiddenSize,
        intermediateSize: text.num('intermediate_size'),
        bias: true,
      });
      stage.norm(2 * hiddenSize);
      stage.attention({
        name: `model.layers.${layer}.attn.attn`,
        numHeads,
        numKvHeads,
        headSize,
        // The class goes by the index, whatever layer_types says.
        slidingWindow: layer % 2 === 0 ? text.num('sliding_window') : null,
        hasSink: true,
      });
    }
    stage.norm(hiddenSize);
  },
};
