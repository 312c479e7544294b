/** LFM2: short convolutions with an attention layer now and then. Source: vllm/model_executor/models/{lfm2,lfm2_moe}.py. */
import { cacheElementType } from '../../spec/dtypes.ts';
import type { HfConfig } from '../hf-config.ts';
import type { ModelFamily } from '../model-family.ts';
import type { ResolvedModel } from '../resolved-model.ts';
import type { RunConfig, StateShape } from '../run-config.ts';
import type { StageBuilder } from '../stage-builder.ts';
import { embeddings, kvHeads, layerType } from './common.ts';

/** Source: mamba_utils.py short_conv_state_shape. */
function state({ text, dtype }: ResolvedModel, run: RunConfig): StateShape {
  const width = text.numOr('conv_dim', text.num('hidden_size')) / run.tensorParallelSize;
  return {
    mambaType: 'short_conv',
    shapes: [[text.num('conv_L_cache') - 1, width]],
    dtypes: [cacheElementType(run.mambaCacheDtype, dtype)],
  };
}

function buildConv(stage: StageBuilder, text: HfConfig): void {
  const hiddenSize = text.num('hidden_size');
  const bias = text.flag('conv_bias');
  stage.column(text.num('conv_L_cache'), hiddenSize, { bias });
  stage.column(hiddenSize, 3 * hiddenSize, { bias });
  stage.row(hiddenSize, hiddenSize, { bias });
}

function buildAttention(stage: StageBuilder, text: HfConfig, layer: number): void {
  const hiddenSize = text.num('hidden_size');
  const numHeads = text.num('num_attention_heads');
  const numKvHeads = kvHeads(text);
  const headSize = Math.floor(hiddenSize / numHeads);
  stage.qkv({ hiddenSize, headSize, numHeads, numKvHeads });
  stage.row(numHeads * headSize, hiddenSize);
  stage.norm(2 * headSize);
  const name = `model.layers.${layer}.self_attn.attn`;
  stage.attention({ name, numHeads, numKvHeads, headSize });
}

/** Two thirds, scaled and rounded up, if the file asks for it. */
function feedForwardSize(text: HfConfig): number {
  const size = text.num('intermediate_size');
  if (!text.flag('block_auto_adjust_ff_dim')) return size;
  const scaled = Math.floor(
    text.floatOr('block_ffn_dim_multiplier', 1) * Math.floor((2 * size) / 3),
  );
  const multiple = text.num('block_multiple_of');
  return multiple * Math.ceil(scaled / multiple);
}

function buildMoe(stage: StageBuilder, text: HfConfig, layer: number): void {
  const hiddenSize = text.num('hidden_size');
  if (layer < text.numOr('num_dense_layers', 0)) {
    stage.gatedMlp(hiddenSize, text.num('intermediate_size'));
    return;
  }
  const count = text.num('num_experts');
  stage.replicated(hiddenSize, count);
  if (text.flag('use_expert_bias')) stage.tensor(count, 'float32');
  stage.experts({ count, hiddenSize, intermediateSize: text.num('moe_intermediate_size') });
}

function build(stage: StageBuilder, model: ResolvedModel): void {
  const { text } = model;
  const hiddenSize = text.num('hidden_size');
  embeddings(stage, {
    vocabSize: text.num('vocab_size'),
    width: hiddenSize,
    tied: text.flag('tie_word_embeddings'),
    everyStage: true,
  });
  for (const layer of stage.layerRange(text.num('num_hidden_layers'))) {
    if (layerType(text, layer) === 'full_attention') {
      buildAttention(stage, text, layer);
    } else {
      buildConv(stage, text);
      stage.state(`model.layers.${layer}.short_conv`, state(model, stage.run));
    }
    if (model.architecture === 'Lfm2MoeForCausalLM') buildMoe(stage, text, layer);
    else stage.gatedMlp(hiddenSize, feedForwardSize(text));
    stage.norm(2 * hiddenSize);
  }
  if (stage.isLast) stage.norm(hiddenSize);
}

export const LFM2: ModelFamily = {
  name: 'lfm2',
  architectures: ['Lfm2ForCausalLM', 'Lfm2MoeForCausalLM'],
  kind: 'hybrid',
  defaults: {
    lfm2: {
      tie_word_embeddings: true,
      num_key_value_heads: 8,
      conv_L_cache: 3,
      block_multiple_of: 256,
      block_ffn_dim_multiplier: 1,
      block_auto_adjust_ff_dim: true,
      max_position_embeddings: 128000,
    },
    lfm2_moe: {
      tie_word_embeddings: true,
      num_key_value_heads: 8,
      conv_L_cache: 3,
      use_expert_bias: true,
      num_dense_layers: 2,
      num_experts: 32,
      moe_intermediate_size: 1792,
      max_position_embeddings: 128000,
    },
  },
  normalize: (text, root) => {
    // transformers calls the tie by another name and lists attention by index in old files.
    const tie = root.has('tie_embedding')
      ? { tie_word_embeddings: root.flag('tie_embedding') }
      : {};
    const size = text.numOr('block_ff_dim', null);
    const changes = size === null ? tie : { ...tie, intermediate_size: size };
    if (text.has('layer_types')) return text.with(changes);
    const attends = text.has('full_attn_idxs') ? text.numbers('full_attn_idxs') : [];
    const layer_types = Array.from({ length: text.num('num_hidden_layers') }, (_, layer) =>
      attends.length === 0 || attends.includes(layer) ? 'full_attention' : 'conv',
    );
    return text.with({ ...changes, layer_types });
  },
  state,
  build,
};
