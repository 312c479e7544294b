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

function buildConv(stage: StageBuilder, text: HfConfig, name: string): void {
  const hiddenSize = text.num('hidden_size');
  const bias = text.flag('conv_bias');
  const kernel = text.num('conv_L_cache');
  stage.column(`${name}.conv`, kernel, hiddenSize, { bias, quantized: false });
  stage.column(`${name}.in_proj`, hiddenSize, [hiddenSize, hiddenSize, hiddenSize], { bias });
  stage.row(`${name}.out_proj`, hiddenSize, hiddenSize, { bias });
}

function buildAttention(stage: StageBuilder, text: HfConfig, name: string): void {
  const hiddenSize = text.num('hidden_size');
  const numHeads = text.num('num_attention_heads');
  const numKvHeads = kvHeads(text);
  const headSize = Math.floor(hiddenSize / numHeads);
  stage.qkv(`${name}.qkv_proj`, { hiddenSize, headSize, numHeads, numKvHeads });
  stage.row(`${name}.out_proj`, numHeads * headSize, hiddenSize);
  stage.norm(`${name}.q_layernorm`, headSize);
  stage.norm(`${name}.k_layernorm`, headSize);
  stage.attention({ name: `${name}.attn`, numHeads, numKvHeads, headSize, quantized: false });
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

function buildMlp(
  stage: StageBuilder,
  name: string,
  width: number,
  intermediateSize: number,
): void {
  stage.column(`${name}.w13`, width, [intermediateSize, intermediateSize]);
  stage.row(`${name}.w2`, intermediateSize, width);
}

function buildExperts(stage: StageBuilder, text: HfConfig, name: string): void {
  const hiddenSize = text.num('hidden_size');
  const count = text.num('num_experts');
  stage.replicated(`${name}.gate`, hiddenSize, count);
  if (text.flag('use_expert_bias')) {
    stage.tensor(`${name}.gate.e_score_correction_bias`, [count], 'float32');
  }
  const intermediateSize = text.num('moe_intermediate_size');
  stage.experts(`${name}.experts`, { count, hiddenSize, intermediateSize });
}

function build(stage: StageBuilder, model: ResolvedModel): void {
  const { text } = model;
  const hiddenSize = text.num('hidden_size');
  embeddings(stage, text, {
    everyStage: true,
  });
  for (const layer of stage.layerRange(text.num('num_hidden_layers'))) {
    const name = `model.layers.${layer}`;
    if (layerType(text, layer) === 'full_attention') {
      buildAttention(stage, text, `${name}.self_attn`);
    } else {
      buildConv(stage, text, `${name}.short_conv`);
      // Both ways at once, a convolution keeps no state. Source: Lfm2BidirectionalShortConv.
      const isCausal = text.get('is_causal') !== false;
      if (isCausal) stage.state(`${name}.short_conv`, state(model, stage.run));
    }
    const isMoe = model.architecture === 'Lfm2MoeForCausalLM';
    if (isMoe && layer >= text.numOr('num_dense_layers', 0)) {
      buildExperts(stage, text, `${name}.feed_forward`);
    } else {
      const size = isMoe ? text.num('intermediate_size') : feedForwardSize(text);
      const width = isMoe ? hiddenSize : text.numOr('block_dim', hiddenSize);
      buildMlp(stage, `${name}.feed_forward`, width, size);
    }
    stage.norm(`${name}.operator_norm`, hiddenSize);
    stage.norm(`${name}.ffn_norm`, hiddenSize);
  }
  if (stage.isLast) stage.norm('model.embedding_norm', hiddenSize);
}

export const LFM2: ModelFamily = {
  name: 'lfm2',
  architectures: ['Lfm2ForCausalLM', 'Lfm2MoeForCausalLM'],
  kind: 'hybrid',
  packedModules: {
    qkv_proj: ['q_proj', 'k_proj', 'v_proj'],
    w13: ['w1', 'w3'],
    in_proj: ['in_proj'],
  },
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
