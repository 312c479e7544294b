/**
 * Laguna: as many query heads as the layer needs, a gate behind the attention, experts. Source:
 * vllm/model_executor/models/laguna.py (0.33.0).
 */
import type { HfConfig } from '../hf-config.ts';
import type { StageBuilder } from '../stage-builder.ts';
import { slidingLayerWindow } from './common.ts';
import { decoderFamilies, type HeadSizes, llamaHeads } from './decoder.ts';

/** The gate of Laguna's attention: one number a head, or one an element. */
function lagunaGateWidth(text: HfConfig, { numHeads, headSize }: HeadSizes): number {
  const gating = text.get('gating');
  if (gating === true || gating === 'per-head') return numHeads;
  return text.flag('gating') ? numHeads * headSize : 0;
}

function lagunaHeads(text: HfConfig, layer: number): HeadSizes {
  const heads = llamaHeads(text);
  if (!text.has('num_attention_heads_per_layer')) return heads;
  const numHeads = text.numbers('num_attention_heads_per_layer')[layer];
  return { ...heads, numHeads: numHeads ?? heads.numHeads };
}

/** Gate and up are two modules. */
function buildLagunaMlp(stage: StageBuilder, name: string, hiddenSize: number, width: number) {
  stage.column(`${name}.gate_proj`, hiddenSize, width);
  stage.column(`${name}.up_proj`, hiddenSize, width);
  stage.row(`${name}.down_proj`, width, hiddenSize);
}

function buildLagunaFeedForward(
  stage: StageBuilder,
  text: HfConfig,
  name: string,
  layer: number,
): true {
  const hiddenSize = text.num('hidden_size');
  const count = text.numOr('num_experts', 0);
  if (count === 0 || text.strings('mlp_layer_types')[layer] !== 'sparse') {
    buildLagunaMlp(stage, name, hiddenSize, text.num('intermediate_size'));
    return true;
  }
  stage.replicated(`${name}.gate`, hiddenSize, count, { quantized: false });
  const shared = text.numOr('shared_expert_intermediate_size', 0);
  if (shared > 0) buildLagunaMlp(stage, `${name}.shared_expert`, hiddenSize, shared);
  const experts = `${name}.experts`;
  stage.tensor(`${experts}.routed_experts.e_score_correction_bias`, [count], 'float32');
  const intermediateSize = text.num('moe_intermediate_size');
  stage.experts(experts, { count, hiddenSize, intermediateSize });
  return true;
}

export const LAGUNA_FAMILIES = decoderFamilies('mixture of experts', [
  {
    architectures: ['LagunaForCausalLM'],
    modelTypes: {
      laguna: { tie_word_embeddings: false, gating: true, max_position_embeddings: 131072 },
    },
    heads: lagunaHeads,
    qkvBias: (text) => text.flag('attention_bias'),
    outputBias: (text) => text.flag('attention_bias'),
    qkNorm: () => 'head',
    attentionParts: (stage, text, name, layer) => {
      const width = lagunaGateWidth(text, lagunaHeads(text, layer));
      if (width > 0) stage.column(`${name}.g_proj`, text.num('hidden_size'), width);
    },
    window: slidingLayerWindow,
    feedForward: buildLagunaFeedForward,
  },
]);
