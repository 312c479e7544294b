/**
 * A layer of DeepSeek V4: it keeps a window of latents, most also a compressed history and the state of the compressor; an
 * indexer picks from the less compressed ones. Source: vllm/models/deepseek_v4 (0.33.0, NVIDIA). Leaves out: FlashInfer's plain
 * rows, which SM 10.x takes only when asked, MegaMoE, the vision variant.
 */

import { roundUp } from '../../../shared/integers.ts';
import { createSpec } from '../../spec/create-spec.ts';
import {
  DEEPSEEK_V4_INDEXER,
  V4_COMPRESSOR,
  V4_FLASHINFER,
  V4_FLASHINFER_SWA,
  V4_FLASHMLA,
  V4_SPARSE_SWA,
} from '../attention/mla-backends.ts';
import type { HfConfig } from '../hf-config.ts';
import type { StageBuilder } from '../stage-builder.ts';
import { refuse, splitsSharedExperts } from './common.ts';

/** The packed row: 448 fp8 values, 64 bfloat16, 8 bytes of scales. */
const PACKED_ROW_BYTES = 584;
/** Stride of FlashMLA's TMA loads, which pages are rounded up to. */
const PAGE_ALIGNMENT = 576;
const SWA_BLOCK_SIZE = 64;
const QUANT_BLOCK = 128;
/** Kernels pad query heads, and with them the sinks. */
const FLASHMLA_HEADS = [64, 128];
const FLASHINFER_HEADS = [8, 16, 32, 64, 128];
/** Pages are rounded up to the alignment as soon as a spec is made. */
const LATENT = { maxTpShards: 1, numKvHeads: 1, alignment: PAGE_ALIGNMENT } as const;
const PACKED = {
  dtype: 'uint8',
  kvQuantMode: 'fp8_per_tensor',
  stateContentBytes: PACKED_ROW_BYTES,
  cacheDtypeStr: 'fp8_ds_mla',
  modelVersion: 'deepseek_v4',
} as const;

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
  name: string,
  about: { readonly ratio: number; readonly width: number },
): void {
  const width = (about.ratio === 4 ? 2 : 1) * about.width;
  const hiddenSize = text.num('hidden_size');
  stage.tensor(`${name}.ape`, [about.ratio, width], 'float32');
  stage.replicated(`${name}.fused_wkv_wgate`, hiddenSize, [width, width], { quantized: false });
  stage.norm(`${name}.norm`, about.width);
}

function buildIndexer(stage: StageBuilder, text: HfConfig, name: string, ratio: number): void {
  const width = text.num('index_head_dim');
  const heads = text.num('index_n_heads');
  stage.replicated(`${name}.wq_b`, text.num('q_lora_rank'), heads * width);
  const hiddenSize = text.num('hidden_size');
  stage.replicated(`${name}.weights_proj`, hiddenSize, heads, { quantized: false });
  buildCompressor(stage, text, `${name}.compressor`, { ratio, width });
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
  const backend = usesFlashInfer(stage) ? V4_FLASHINFER_SWA : V4_SPARSE_SWA;
  stage.custom(`${name}.swa_cache`, backend, () =>
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
  const backend = usesFlashInfer(stage) ? V4_FLASHINFER : V4_FLASHMLA;
  stage.custom(name, backend, (blockSize) =>
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

function paddedHeads(stage: StageBuilder, text: HfConfig, heads: number): number {
  const counts = usesFlashInfer(stage) ? FLASHINFER_HEADS : FLASHMLA_HEADS;
  const padded = counts.find((count) => heads <= count);
  return padded ?? refuse(text, `kernels take at most ${counts.at(-1)} heads, not ${heads}`);
}

/** Consumer Blackwell has kernels of its own. Source: nvidia/model.py _select_dsv4_attn_cls. */
function usesFlashInfer(stage: StageBuilder): boolean {
  return stage.run.capability.major === 12;
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
  // Drafts after the target's layers compress nothing.
  const isDraft = layer >= text.num('num_hidden_layers');
  const ratio = isDraft ? 0 : (text.numbers('compress_ratios')[layer] ?? 0);
  stage.tensor(`${name}.attn_sink`, [paddedHeads(stage, text, heads)], 'float32');
  stage.replicated(`${name}.fused_wqa_wkv`, hiddenSize, [rank, width]);
  stage.norm(`${name}.q_norm`, rank);
  stage.column(`${name}.wq_b`, rank, numHeads * width);
  stage.norm(`${name}.kv_norm`, width);
  stage.column(`${name}.wo_a`, Math.floor((numHeads * width) / groups), outputRank);
  stage.row(`${name}.wo_b`, outputRank, hiddenSize);
  if (ratio === 4) buildIndexer(stage, text, `${name}.indexer`, ratio);
  declareWindow(stage, text, name);
  if (ratio <= 1) return;
  declareHistory(stage, text, name, ratio);
  buildCompressor(stage, text, `${name}.compressor`, { ratio, width });
  declareState(stage, `${name}.compressor`, { ratio, width });
}

function buildExperts(stage: StageBuilder, text: HfConfig, layer: number): void {
  const name = `model.layers.${layer}.ffn`;
  const hiddenSize = text.num('hidden_size');
  const count = text.num('n_routed_experts');
  const intermediateSize = text.num('moe_intermediate_size');
  stage.replicated(`${name}.gate`, hiddenSize, count, { quantized: false });
  if (layer < text.numOr('num_hash_layers', 0)) {
    const shape = [text.num('vocab_size'), text.num('num_experts_per_tok')];
    stage.tensor(`${name}.gate.tid2eid`, shape, 'int32');
  } else if (text.strOr('topk_method', '') === 'noaux_tc') {
    stage.tensor(`${name}.gate.e_score_correction_bias`, [count], 'float32');
  }
  buildSharedExperts(stage, text, `${name}.shared_experts`);
  stage.experts(`${name}.experts`, { count, hiddenSize, intermediateSize });
}

/** Ranks take whole blocks of an fp8 checkpoint, the last ones zeros. Source: nvidia/model.py DeepseekV4MLP. */
function buildSharedExperts(stage: StageBuilder, text: HfConfig, name: string): void {
  const count = text.numOr('n_shared_experts', 0);
  if (count === 0) return;
  const width = text.num('moe_intermediate_size') * count;
  const hiddenSize = text.num('hidden_size');
  const split = splitsSharedExperts(stage) || stage.run.pipelineParallelSize > 1;
  const block = weightBlock(text);
  const padded =
    split && block !== null ? roundUp(Math.floor(width / block), stage.tp) * block : width;
  stage.gatedMlp(name, hiddenSize, padded, { split });
}

/** Rows of a block with one scale, or null for a checkpoint without blocks. */
function weightBlock(text: HfConfig): number | null {
  if (!text.has('quantization_config')) return null;
  const quantization = text.sub('quantization_config');
  if (!quantization.has('weight_block_size')) return null;
  return quantization.numbers('weight_block_size')[0] ?? null;
}

/** Hyper-connections: a mixing matrix, its base and scale, in float32. */
export function buildHyperConnection(
  stage: StageBuilder,
  text: HfConfig,
  name: string,
  about: { readonly rows: number; readonly scales: number },
): void {
  const width = text.num('hc_mult') * text.num('hidden_size');
  stage.tensor(`${name}_fn`, [about.rows, width], 'float32');
  stage.tensor(`${name}_base`, [about.rows], 'float32');
  stage.tensor(`${name}_scale`, [about.scales], 'float32');
}

/** One decoder layer; drafts have such layers after the target's. */
export function buildV4Layer(stage: StageBuilder, text: HfConfig, layer: number): void {
  const copies = text.num('hc_mult');
  const mixing = { rows: copies * (copies + 2), scales: 3 };
  const prefix = `model.layers.${layer}`;
  buildAttention(stage, text, layer);
  buildExperts(stage, text, layer);
  stage.norm(`${prefix}.attn_norm`, text.num('hidden_size'));
  stage.norm(`${prefix}.ffn_norm`, text.num('hidden_size'));
  buildHyperConnection(stage, text, `${prefix}.hc_attn`, mixing);
  buildHyperConnection(stage, text, `${prefix}.hc_ffn`, mixing);
}
