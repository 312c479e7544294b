/**
 * IQuest LoopCoder: Llama's layers run in loops, each with a cache of its own; after the first, a short window and a gate that
 * mixes both. Source: vllm/model_executor/models/iquest_loopcoder.py (0.33.0).
 */
import type { ModelFamily } from '../model-family.ts';
import { embeddings, kvHeads } from './common.ts';

export const LOOP_CODER: ModelFamily = {
  name: 'loop coder',
  architectures: ['IQuestLoopCoderForCausalLM'],
  kind: 'decoder',
  packedModules: {},
  defaults: { iquestloopcoder: { tie_word_embeddings: false, loop_num: 2, loop_window_size: 64 } },
  build: (stage, { text }) => {
    const hiddenSize = text.num('hidden_size');
    const numHeads = text.num('num_attention_heads');
    const headSize = Math.floor(hiddenSize / numHeads);
    const heads = { numHeads, numKvHeads: kvHeads(text), headSize };
    const count = text.num('num_hidden_layers');
    embeddings(stage, text, {
      everyStage: true,
      headOnEveryStage: true,
    });
    for (let layer = 0; layer < count; layer++) {
      const gate = `model.gate_projections.${layer}.gate_proj`;
      stage.column(gate, headSize, numHeads, { bias: true });
    }
    for (let layer = 0; layer < count; layer++) {
      const name = `model.layers.${layer}`;
      stage.qkv(`${name}.self_attn.qkv_proj`, { hiddenSize, ...heads });
      stage.row(`${name}.self_attn.o_proj`, numHeads * headSize, hiddenSize);
      for (let loop = 0; loop < text.numOr('loop_num', 2); loop++) {
        stage.attention({
          name: `model.layers.${loop * count + layer}.self_attn.attn`,
          ...heads,
          slidingWindow: loop === 0 ? null : text.numOr('loop_window_size', 64),
        });
      }
      stage.gatedMlp(`${name}.mlp`, hiddenSize, text.num('intermediate_size'));
      stage.norm(`${name}.input_layernorm`, hiddenSize);
      stage.norm(`${name}.post_attention_layernorm`, hiddenSize);
    }
    stage.norm('model.norm', hiddenSize);
  },
};
