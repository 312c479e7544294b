/**
 * MiniMax-M3: attention over blocks that an indexer picks, in all layers but the first, with a cache of index keys beside each;
 * experts. Source: vllm/models/minimax_m3/{nvidia/model,common/indexer,common/sparse_attention}.py (0.33.0). Leaves out: ROCm,
 * FP8 index keys, the vision model.
 */

import { createSpec } from '../../spec/create-spec.ts';
import { cacheElementType, kvQuantMode } from '../../spec/dtypes.ts';
import { defineBackend } from '../attention/backend.ts';
import type { HfConfig } from '../hf-config.ts';
import type { ModelFamily } from '../model-family.ts';
import type { StageBuilder } from '../stage-builder.ts';
import { buildQkNorm, embeddings } from './common.ts';
import { llamaHeads } from './decoder.ts';

/** One block of the cache is one block of the selection. */
const kernelBlockSizes = () => [128] as const;

const SPARSE = {
  plain: defineBackend({
    name: 'MINIMAX_M3_SPARSE',
    className: 'MiniMaxM3SparseBackend',
    kernelBlockSizes,
  }),
  msa: defineBackend({
    name: 'MINIMAX_M3_SPARSE_MSA',
    className: 'MiniMaxM3SparseMSABackend',
    kernelBlockSizes,
  }),
};

const INDEXER = {
  plain: defineBackend({
    name: 'MINIMAX_M3_SPARSE_INDEXER',
    className: 'MiniMaxM3IndexerBackend',
    kernelBlockSizes,
  }),
  msa: defineBackend({
    name: 'MINIMAX_M3_SPARSE_INDEXER_MSA',
    className: 'MiniMaxM3IndexerMSABackend',
    kernelBlockSizes,
  }),
};

const MSA_BLOCK_COUNTS = [4, 8, 16, 32];

/** Blackwell has kernels of its own for some numbers of blocks. */
function kernels(stage: StageBuilder, sparse: HfConfig): 'msa' | 'plain' {
  const hasKernels =
    stage.run.capability.major === 10 &&
    MSA_BLOCK_COUNTS.includes(sparse.num('sparse_topk_blocks')) &&
    stage.cacheDtype !== 'fp8_e5m2';
  return hasKernels ? 'msa' : 'plain';
}

interface Place {
  readonly stage: StageBuilder;
  readonly text: HfConfig;
  readonly dtype: string;
}

function buildSparseAttention({ stage, text, dtype }: Place, name: string): void {
  const hiddenSize = text.num('hidden_size');
  const { numHeads, numKvHeads, headSize } = llamaHeads(text);
  const sparse = text.sub('sparse_attention_config');
  const indexSize = sparse.num('sparse_index_dim');
  const indexHeads = stage.kvHeadsPerRank(sparse.num('sparse_num_index_heads')) * stage.tp;
  const kvWidth = stage.kvHeadsPerRank(numKvHeads) * stage.tp * headSize;
  // Index queries are split as key heads are; index keys are whole on every rank.
  const index = [indexHeads * indexSize, indexSize * stage.tp];
  const width = numHeads * headSize;
  stage.column(`${name}.qkv_proj`, hiddenSize, [width, kvWidth, kvWidth, ...index]);
  stage.row(`${name}.o_proj`, width, hiddenSize);
  buildQkNorm(stage, name, 'head', { numHeads, numKvHeads, headSize });
  stage.norm(`${name}.index_q_norm`, indexSize);
  stage.norm(`${name}.index_k_norm`, indexSize);
  const kind = kernels(stage, sparse);
  const cacheDtype = stage.cacheDtype;
  stage.custom(`${name}.attn.index_cache`, INDEXER[kind], (blockSize) =>
    createSpec({
      kind: 'mla_attention',
      blockSize,
      numKvHeads: 1,
      headSize: indexSize,
      headSizeV: 0,
      dtype: 'bfloat16',
      cacheRole: 'indexer',
    }),
  );
  stage.custom(`${name}.attn`, SPARSE[kind], (blockSize) =>
    createSpec({
      kind: 'full_attention',
      blockSize,
      numKvHeads: stage.kvHeadsPerRank(numKvHeads),
      headSize,
      headSizeV: headSize,
      dtype: cacheElementType(cacheDtype, dtype),
      kvQuantMode: kvQuantMode(cacheDtype),
    }),
  );
}

function buildAttention({ stage, text }: Place, name: string): void {
  const hiddenSize = text.num('hidden_size');
  const heads = llamaHeads(text);
  stage.qkv(`${name}.qkv_proj`, { hiddenSize, ...heads });
  stage.row(`${name}.o_proj`, heads.numHeads * heads.headSize, hiddenSize);
  buildQkNorm(stage, name, 'head', heads);
  stage.attention({ name: `${name}.attn`, ...heads });
}

/** Listed by 0 and 1; without a list all layers are. */
function isListed(config: HfConfig, key: string, layer: number): boolean {
  return !config.has(key) || config.numbers(key)[layer] !== 0;
}

function buildFeedForward(stage: StageBuilder, text: HfConfig, name: string, layer: number): void {
  const hiddenSize = text.num('hidden_size');
  if (!isListed(text, 'moe_layer_freq', layer)) {
    stage.gatedMlp(`${name}.mlp`, hiddenSize, text.num('dense_intermediate_size'));
    return;
  }
  const moe = `${name}.block_sparse_moe`;
  const count = text.num('num_local_experts');
  const intermediateSize = text.num('intermediate_size');
  if (text.flag('use_routing_bias')) {
    stage.tensor(`${moe}.e_score_correction_bias`, [count], 'float32');
  }
  stage.replicated(`${moe}.gate`, hiddenSize, count, { dtype: 'float32', quantized: false });
  const shared = text.numOr('n_shared_experts', 0) * intermediateSize;
  if (shared > 0) stage.gatedMlp(`${moe}.shared_experts`, hiddenSize, shared);
  const activation = 'swigluoai_uninterleave';
  stage.experts(`${moe}.experts`, { count, hiddenSize, intermediateSize, activation });
}

export const MINIMAX_M3: ModelFamily = {
  name: 'minimax-m3',
  architectures: ['MiniMaxM3SparseForCausalLM'],
  kind: 'decoder',
  defaults: {
    minimax_m3_text: {
      tie_word_embeddings: false,
      vocab_size: 200064,
      hidden_size: 6144,
      intermediate_size: 3072,
      dense_intermediate_size: 12288,
      num_hidden_layers: 60,
      num_attention_heads: 64,
      num_key_value_heads: 4,
      head_dim: 128,
      num_local_experts: 128,
      n_shared_experts: 1,
      use_routing_bias: true,
      max_position_embeddings: 524288,
    },
  },
  build: (stage, { text, dtype }) => {
    const hiddenSize = text.num('hidden_size');
    embeddings(stage, text, { tied: false });
    const sparse = text.sub('sparse_attention_config');
    for (const layer of stage.layerRange(text.num('num_hidden_layers'))) {
      const name = `model.layers.${layer}`;
      const isSparse =
        sparse.flag('use_sparse_attention') && isListed(sparse, 'sparse_attention_freq', layer);
      if (isSparse) buildSparseAttention({ stage, text, dtype }, `${name}.self_attn`);
      else buildAttention({ stage, text, dtype }, `${name}.self_attn`);
      buildFeedForward(stage, text, name, layer);
      stage.norm(`${name}.input_layernorm`, hiddenSize);
      stage.norm(`${name}.post_attention_layernorm`, hiddenSize);
    }
    if (stage.isLast) stage.norm('model.norm', hiddenSize);
  },
};
