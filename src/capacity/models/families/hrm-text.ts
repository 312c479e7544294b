/**
 * HRM-Text: two stacks of layers that run in turn, again and again, each pass with caches of its own; a gate in the attention's
 * projection, norms without weights. Source: vllm/model_executor/models/hrm_text.py (0.33.0).
 */
import type { HfConfig } from '../hf-config.ts';
import type { ModelFamily } from '../model-family.ts';
import type { StageBuilder } from '../stage-builder.ts';
import { embeddings, headDim } from './common.ts';

/** The passes of a stack among all passes: so many of the low one, then one of the high one, and again. */
function passes(text: HfConfig, stack: 'L' | 'H'): number[] {
  const low = text.num('L_cycles');
  return Array.from({ length: text.num('H_cycles') }, (_, cycle) => {
    const first = cycle * (low + 1);
    return stack === 'H'
      ? [first + low]
      : Array.from({ length: low }, (__, index) => first + index);
  }).flat();
}

function buildStack(stage: StageBuilder, text: HfConfig, stack: 'L' | 'H'): void {
  const hiddenSize = text.num('hidden_size');
  const numHeads = text.num('num_attention_heads');
  const headSize = headDim(text);
  const width = numHeads * headSize;
  const count = text.num('num_layers_per_stack');
  const attentionBias = { bias: text.flag('attention_bias') };
  for (let layer = 0; layer < count; layer++) {
    const module = `model.${stack}_module.layers`;
    const name = `${module}.${layer}`;
    const parts = [width, width, width, width];
    stage.column(`${name}.self_attn.gqkv_proj`, hiddenSize, parts, attentionBias);
    stage.row(`${name}.self_attn.o_proj`, width, hiddenSize, attentionBias);
    for (const pass of passes(text, stack)) {
      stage.attention({
        name: `${module}.${pass * count + layer}.self_attn.attn`,
        numHeads,
        numKvHeads: numHeads,
        headSize,
        isPrefixLm: true,
      });
    }
    const bias = text.flag('mlp_bias');
    stage.gatedMlp(`${name}.mlp`, hiddenSize, text.num('intermediate_size'), { bias });
  }
}

export const HRM_TEXT: ModelFamily = {
  name: 'hrm-text',
  architectures: ['HrmTextForCausalLM'],
  kind: 'decoder',
  defaults: {
    hrm_text: {
      tie_word_embeddings: false,
      head_dim: 128,
      H_cycles: 2,
      L_cycles: 3,
      num_layers_per_stack: 16,
      max_position_embeddings: 2048,
    },
  },
  build: (stage, { text }) => {
    const hiddenSize = text.num('hidden_size');
    stage.tensor('model.z_L_init', [hiddenSize]);
    embeddings(stage, text, {
      everyStage: true,
      headOnEveryStage: true,
    });
    buildStack(stage, text, 'L');
    buildStack(stage, text, 'H');
  },
};
