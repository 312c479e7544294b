/** Flint: Qwen3's experts with learned attention sinks and windows in some layers. Source: vllm/models/flint/model.py (0.33.0). */
import { refused } from '../checks/refused.ts';
import { slidingLayerWindow } from './common.ts';
import { decoderFamilies, EVERYWHERE } from './decoder.ts';

export const FLINT_FAMILIES = decoderFamilies('mixture of experts', [
  {
    architectures: ['FlintForCausalLM'],
    modelTypes: {
      flint: {
        tie_word_embeddings: false,
        vocab_size: 150144,
        head_dim: 128,
        num_key_value_heads: 4,
        num_experts: 256,
        moe_intermediate_size: 512,
        shared_expert_intermediate_size: 1024,
        sliding_window: 513,
        max_position_embeddings: 262144,
      },
    },
    qkvBias: (text) => text.flag('attention_bias'),
    qkNorm: () => 'head',
    attentionParts: (stage, text, name) => {
      const heads = text.num('num_attention_heads');
      const sinks = stage.perRank(heads, 'the number of attention heads');
      stage.tensor(`${name}.softmax_offset`, [sinks], 'float32');
    },
    attention: () => ({ hasSink: true }),
    window: slidingLayerWindow,
    experts: (text, layer) => {
      const dense = text.has('mlp_only_layers') ? text.numbers('mlp_only_layers') : [];
      if (dense.includes(layer)) return null;
      return {
        count: text.num('num_experts'),
        size: text.num('moe_intermediate_size'),
        sharedSize: text.num('shared_expert_intermediate_size'),
        shared: 'shared_expert',
      };
    },
    modelParts: ({ layers }) => {
      if (layers.every(({ backend }) => backend.name === 'FLASHINFER')) return;
      throw refused('Flint requires FlashInfer attention');
    },
    tied: () => false,
    everywhere: EVERYWHERE,
    family: {
      normalize: (text) => {
        const isWindowed = !text.hasKey('use_sliding_window') || text.flag('use_sliding_window');
        const typed = text.has('layer_types')
          ? text
          : text.with({
              layer_types: Array.from(
                { length: text.num('num_hidden_layers') },
                () => 'full_attention',
              ),
            });
        return isWindowed ? typed : typed.with({ sliding_window: null });
      },
    },
  },
]);
