/**
 * Kimi-Linear: Kimi delta attention with a latent-attention layer now and then, experts. Source: vllm/models/kimi_k3 and
 * vllm/model_executor/layers/mamba/gdn (0.33.0). Leaves out: Kimi-K3.
 */
import { cacheElementType } from '../../spec/dtypes.ts';
import type { HfConfig } from '../hf-config.ts';
import type { ModelFamily } from '../model-family.ts';
import type { ResolvedModel } from '../resolved-model.ts';
import type { RunConfig, StateShape } from '../run-config.ts';
import type { StageBuilder } from '../stage-builder.ts';
import { embeddings } from './common.ts';
import { mlaHeadSize } from './deepseek.ts';

/** Source: mamba_utils.py kda_state_shape and kda_state_dtype: the recurrence is float32 unless asked otherwise. */
function state({ text, dtype }: ResolvedModel, run: RunConfig): StateShape {
  const linear = text.sub('linear_attn_config');
  const heads = linear.num('num_heads');
  const width = linear.num('head_dim');
  const tp = run.tensorParallelSize;
  const ssmDtype = run.mambaSsmCacheDtype;
  return {
    mambaType: 'gdn_attn',
    shapes: [
      [
        linear.num('short_conv_kernel_size') - 1 + run.numSpeculativeTokens,
        (3 * heads * width) / tp,
      ],
      [heads / tp, width, width],
    ],
    dtypes: [
      cacheElementType(run.mambaCacheDtype, dtype),
      ssmDtype === 'auto' ? 'float32' : ssmDtype,
    ],
  };
}

function buildDelta(stage: StageBuilder, text: HfConfig): void {
  const linear = text.sub('linear_attn_config');
  const hiddenSize = text.num('hidden_size');
  const width = linear.num('head_dim');
  const heads = stage.perRank(linear.num('num_heads'), 'linear_attn_config.num_heads');
  const projected = heads * width;
  stage.tensor(projected + heads, 'float32');
  // One projection to queries, keys, values, the decay's low rank and the betas.
  stage.replicated(hiddenSize, 3 * projected + width + heads);
  stage.replicated(width, projected);
  stage.tensor(linear.num('short_conv_kernel_size') * 3 * projected, 'float32');
  stage.replicated(hiddenSize, width);
  stage.replicated(width, projected);
  stage.norm(width);
  stage.replicated(projected, hiddenSize);
}

/** Latent attention without rotated dimensions in the query's low rank. */
function buildLatent(stage: StageBuilder, text: HfConfig): void {
  const hiddenSize = text.num('hidden_size');
  const numHeads = text.num('num_attention_heads');
  const latent = text.num('kv_lora_rank');
  const queryWidth = text.num('qk_nope_head_dim') + text.num('qk_rope_head_dim');
  if (text.has('q_lora_rank')) {
    stage.replicated(hiddenSize, text.num('q_lora_rank') + mlaHeadSize(text));
    stage.norm(text.num('q_lora_rank'));
    stage.column(text.num('q_lora_rank'), numHeads * queryWidth);
  } else {
    stage.column(hiddenSize, numHeads * queryWidth);
    stage.replicated(hiddenSize, mlaHeadSize(text));
  }
  stage.norm(latent);
  stage.column(latent, numHeads * (text.num('qk_nope_head_dim') + text.num('v_head_dim')));
  stage.row(numHeads * text.num('v_head_dim'), hiddenSize);
}

/** Ranks hold at least 256 of an expert's width, with zeros where it has less. */
function paddedWidth(stage: StageBuilder, text: HfConfig): number {
  const width = text.num('moe_intermediate_size');
  const least = text.numOr('min_moe_intermediate_per_partition', 256);
  return stage.tp === 1 ? width : Math.max(width, least * stage.tp);
}

function buildFeedForward(stage: StageBuilder, text: HfConfig, layer: number): void {
  const hiddenSize = text.num('hidden_size');
  const count = text.numOr('num_experts', 0);
  const isSparse =
    count > 0 &&
    layer >= text.numOr('first_k_dense_replace', 0) &&
    layer % text.numOr('moe_layer_freq', 1) === 0;
  if (!isSparse) {
    stage.gatedMlp(hiddenSize, text.num('intermediate_size'));
    return;
  }
  const intermediateSize = text.num('moe_intermediate_size');
  stage.replicated(hiddenSize, count);
  stage.tensor(count, 'float32');
  stage.experts({ count, hiddenSize, intermediateSize: paddedWidth(stage, text) });
  const shared = text.numOr('num_shared_experts', 0);
  if (shared > 0) stage.gatedMlp(hiddenSize, intermediateSize * shared);
}

export const KIMI_LINEAR: ModelFamily = {
  name: 'kimi-linear',
  architectures: ['KimiLinearForCausalLM'],
  kind: 'hybrid',
  defaults: { kimi_linear: { tie_word_embeddings: false, moe_layer_freq: 1 } },
  usesMla: (text) => text.has('kv_lora_rank'),
  headSize: mlaHeadSize,
  state,
  build: (stage, model) => {
    const { text } = model;
    const hiddenSize = text.num('hidden_size');
    const deltaLayers = text.sub('linear_attn_config').numbers('kda_layers');
    embeddings(stage, { vocabSize: text.num('vocab_size'), width: hiddenSize, tied: false });
    for (const layer of stage.layerRange(text.num('num_hidden_layers'))) {
      const name = `model.layers.${layer}.self_attn`;
      // The lists count layers from 1.
      if (deltaLayers.includes(layer + 1)) {
        buildDelta(stage, text);
        // The layer does not ask for --mamba-ssm-cache-dtype; only the size of the blocks goes by it.
        stage.state(name, state(model, { ...stage.run, mambaSsmCacheDtype: 'auto' }));
      } else {
        buildLatent(stage, text);
        const numHeads = text.num('num_attention_heads');
        stage.mla({ name, numHeads, headSize: mlaHeadSize(text) });
      }
      buildFeedForward(stage, text, layer);
      stage.norm(2 * hiddenSize);
    }
    if (stage.isLast) stage.norm(hiddenSize);
  },
};
