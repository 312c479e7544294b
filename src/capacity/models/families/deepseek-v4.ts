/**
 * DeepSeek V4: every layer keeps a window of latents, most also a compressed history and the state of the compressor; an
 * indexer picks from the less compressed ones. Weights come quantized. Source: vllm/models/deepseek_v4 (0.33.0, NVIDIA).
 * Leaves out: Blackwell's FlashInfer layout, the vision variant, bounded replay of V4.1, MTP and DSpark drafts.
 */

import { cdiv } from '../../../shared/integers.ts';
import { createSpec } from '../../spec/create-spec.ts';
import {
  DEEPSEEK_V4_INDEXER,
  V4_COMPRESSOR,
  V4_FLASHMLA,
  V4_SPARSE_SWA,
} from '../attention/mla-backends.ts';
import type { HfConfig } from '../hf-config.ts';
import type { ModelFamily } from '../model-family.ts';
import type { ResolvedModel } from '../resolved-model.ts';
import type { StageBuilder } from '../stage-builder.ts';
import { embeddings, refuse } from './common.ts';

/** The packed row: 448 fp8 values, 64 bfloat16, 8 bytes of scales. */
const PACKED_ROW_BYTES = 584;
/** Stride of FlashMLA's TMA loads, which pages are rounded up to. */
const PAGE_ALIGNMENT = 576;
const SWA_BLOCK_SIZE = 64;
const QUANT_BLOCK = 128;
/** fp4 weights: two to a byte, and one scale byte for 32. */
const FP4_GROUP = 32;
/** FlashMLA pads query heads, and with them the sinks. */
const PADDED_HEADS = 64;

/** Pages are rounded up to the alignment as soon as a spec is made. */
const LATENT = { maxTpShards: 1, numKvHeads: 1, alignment: PAGE_ALIGNMENT } as const;
const PACKED = {
  dtype: 'uint8',
  kvQuantMode: 'fp8_per_tensor',
  stateContentBytes: PACKED_ROW_BYTES,
  cacheDtypeStr: 'fp8_ds_mla',
  modelVersion: 'deepseek_v4',
} as const;

/** A linear layer in fp8 with one scale byte per block of 128 × 128. */
function fp8Linear(stage: StageBuilder, input: number, output: number): void {
  stage.tensor(input * output, 'float8_e4m3fn');
  stage.tensor(cdiv(input, QUANT_BLOCK) * cdiv(output, QUANT_BLOCK), 'float8_e8m0fnu');
}

function declareState(
  stage: StageBuilder,
  name: string,
  about: { readonly ratio: number; readonly width: number },
): void {
  const overlap = about.ratio === 4 ? 2 : 1;
  const blockSize = about.ratio === 4 ? 4 : 8;
  const headSize = 2 * overlap * about.width;
  stage.custom(`${name}.state_cache`, V4_COMPRESSOR, () =>
    createSpec({
      kind: 'sliding_window_mla',
      blockSize,
      ...LATENT,
      headSize,
      dtype: 'float32',
      slidingWindow: overlap * about.ratio,
    }),
  );
}

function buildCompressor(
  stage: StageBuilder,
  text: HfConfig,
  about: { readonly ratio: number; readonly width: number },
): void {
  const overlap = about.ratio === 4 ? 2 : 1;
  stage.tensor(about.ratio * overlap * about.width, 'float32');
  stage.replicated(text.num('hidden_size'), 2 * overlap * about.width);
  stage.norm(about.width);
}

function buildIndexer(stage: StageBuilder, text: HfConfig, name: string, ratio: number): void {
  const width = text.num('index_head_dim');
  const heads = text.num('index_n_heads');
  fp8Linear(stage, text.num('q_lora_rank'), heads * width);
  stage.replicated(text.num('hidden_size'), heads);
  buildCompressor(stage, text, { ratio, width });
  const headSize = width + Math.floor(width / QUANT_BLOCK) * 4;
  stage.custom(`${name}.k_cache`, DEEPSEEK_V4_INDEXER, (blockSize) =>
    createSpec({
      kind: 'mla_attention',
      blockSize,
      ...LATENT,
      headSize,
      dtype: 'uint8',
      tokensPerState: ratio,
    }),
  );
  declareState(stage, `${name}.compressor`, { ratio, width });
}

function declareWindow(stage: StageBuilder, text: HfConfig, name: string): void {
  stage.custom(`${name}.swa_cache`, V4_SPARSE_SWA, () =>
    createSpec({
      kind: 'sliding_window_mla',
      blockSize: SWA_BLOCK_SIZE,
      ...LATENT,
      ...PACKED,
      headSize: text.num('head_dim'),
      slidingWindow: text.num('sliding_window'),
    }),
  );
}

function declareHistory(stage: StageBuilder, text: HfConfig, name: string, ratio: number): void {
  stage.custom(name, V4_FLASHMLA, (blockSize) =>
    createSpec({
      kind: 'mla_attention',
      blockSize,
      ...LATENT,
      ...PACKED,
      headSize: text.num('head_dim'),
      tokensPerState: ratio,
    }),
  );
}

function buildAttention(stage: StageBuilder, text: HfConfig, layer: number): void {
  const name = `model.layers.${layer}.attn`;
  const hiddenSize = text.num('hidden_size');
  const width = text.num('head_dim');
  const numHeads = text.num('num_attention_heads');
  const rank = text.num('q_lora_rank');
  const groups = text.num('o_groups');
  const outputRank = groups * text.num('o_lora_rank');
  const heads = stage.perRank(numHeads, 'the number of attention heads');
  const ratio = text.numbers('compress_ratios')[layer] ?? 0;
  stage.tensor(cdiv(heads, PADDED_HEADS) * PADDED_HEADS, 'float32');
  fp8Linear(stage, hiddenSize, rank + width);
  stage.norm(rank + width);
  fp8Linear(stage, rank, heads * width);
  fp8Linear(stage, (numHeads * width) / groups, stage.perRank(outputRank, 'o_lora_rank'));
  fp8Linear(stage, stage.perRank(outputRank, 'o_lora_rank'), hiddenSize);
  if (ratio === 4) buildIndexer(stage, text, `${name}.indexer`, ratio);
  declareWindow(stage, text, name);
  if (ratio <= 1) return;
  declareHistory(stage, text, name, ratio);
  buildCompressor(stage, text, { ratio, width });
  declareState(stage, `${name}.compressor`, { ratio, width });
}

function buildExperts(stage: StageBuilder, text: HfConfig, layer: number): void {
  const hiddenSize = text.num('hidden_size');
  const count = text.num('n_routed_experts');
  const intermediate = stage.perRank(text.num('moe_intermediate_size'), 'moe_intermediate_size');
  const shared = intermediate * text.numOr('n_shared_experts', 1);
  stage.replicated(hiddenSize, count);
  if (layer < text.numOr('num_hash_layers', 0)) {
    stage.tensor(text.num('vocab_size') * text.num('num_experts_per_tok'), 'int32');
  } else {
    stage.tensor(count, 'float32');
  }
  fp8Linear(stage, hiddenSize, 2 * shared);
  fp8Linear(stage, shared, hiddenSize);
  const elements = 3 * count * intermediate * hiddenSize;
  stage.tensor(elements / 2 + elements / FP4_GROUP, 'uint8');
}

/** Hyper-connections: a mixing matrix, its base and scale, in float32. */
function buildHyperConnection(
  stage: StageBuilder,
  text: HfConfig,
  about: { readonly rows: number; readonly scales: number },
): void {
  const width = text.num('hc_mult') * text.num('hidden_size');
  stage.tensor(about.rows * width + about.rows + about.scales, 'float32');
}

function build(stage: StageBuilder, { text }: ResolvedModel): void {
  if (stage.run.capability.major !== 9) {
    refuse(text, 'this architecture is known on compute capability 9.x only');
  }
  stage.setCacheDtype('fp8_ds_mla');
  const copies = text.num('hc_mult');
  embeddings(stage, {
    vocabSize: text.num('vocab_size'),
    width: text.num('hidden_size'),
    tied: false,
  });
  for (const layer of stage.layerRange(text.num('num_hidden_layers'))) {
    const mixing = { rows: copies * (copies + 2), scales: 3 };
    buildHyperConnection(stage, text, mixing);
    buildHyperConnection(stage, text, mixing);
    buildAttention(stage, text, layer);
    buildExperts(stage, text, layer);
    stage.norm(2 * text.num('hidden_size'));
  }
  if (!stage.isLast) return;
  buildHyperConnection(stage, text, { rows: copies, scales: 1 });
  stage.norm(text.num('hidden_size'));
}

export const DEEPSEEK_V4: ModelFamily = {
  name: 'deepseek-v4',
  architectures: ['DeepseekV4ForCausalLM'],
  kind: 'decoder',
  defaults: { deepseek_v4: { tie_word_embeddings: false, head_dim: 512 } },
  usesMla: () => true,
  headSize: (text) => text.num('head_dim'),
  build,
};
