/**
 * What vLLM's estimates of FLOPs and memory traffic read of a model: totals over the model, and over how many GPUs its parts
 * are spread. Source: vllm/v1/metrics/perf.py, the config parsers (0.33.0).
 */

import { dtypeBytes } from '../spec/dtypes.ts';
import type { KVCacheSpec } from '../spec/spec.ts';
import type { DerivedLayers } from './derive-layers.ts';
import type { ModelOptions } from './model-options.ts';
import type { ResolvedModel } from './resolved-model.ts';

export interface PlainAttentionFacts {
  readonly kind: 'plain';
  readonly numKvHeads: number;
  readonly headDim: number;
  readonly slidingWindow: number | null;
  readonly numSlidingLayers: number;
}

export interface LatentAttentionFacts {
  readonly kind: 'mla';
  readonly kvLoraRank: number;
  readonly qkNopeHeadDim: number;
  readonly qkRopeHeadDim: number;
  readonly vHeadDim: number;
  readonly qLoraRank: number | null;
}

export interface FfnFacts {
  readonly intermediateSize: number;
  readonly numExperts: number;
  readonly numExpertsPerTok: number;
  readonly moeIntermediateSize: number;
  readonly numSharedExperts: number;
  readonly numMoeLayers: number;
  readonly tensorParallelSize: number;
  readonly expertParallelSize: number;
}

export interface PerfFacts {
  readonly hiddenSize: number;
  readonly vocabSize: number;
  readonly numLayers: number;
  readonly numAttentionHeads: number;
  /** Bytes of an activation, which are those of an unquantized weight. */
  readonly activationBytes: number;
  /** Bytes of a weight of attention and MLP, maybe half a one; null where vLLM does not know the quantization. */
  readonly weightBytes: number | null;
  /** Bytes of one element of the KV cache. */
  readonly cacheBytes: number;
  readonly tensorParallelSize: number;
  readonly pipelineParallelSize: number;
  readonly attention: PlainAttentionFacts | LatentAttentionFacts | null;
  readonly ffn: FfnFacts | null;
}

/** Source: _QUANT_WEIGHT_BYTE_SIZE. */
const WEIGHT_BYTES: Readonly<Record<string, number>> = {
  fp8: 1,
  fbgemm_fp8: 1,
  ptpc_fp8: 1,
  fp_quant: 1,
  modelopt: 1,
  modelopt_mxfp8: 1,
  experts_int8: 1,
  mxfp4: 0.5,
  awq: 0.5,
  awq_marlin: 0.5,
  gptq: 0.5,
  gptq_marlin: 0.5,
  modelopt_fp4: 0.5,
  petit_nvfp4: 0.5,
  'compressed-tensors': 0.5,
  torchao: 0.5,
  quark: 0.5,
  moe_wna16: 0.5,
  inc: 0.5,
};

export function perfFactsOf(
  model: ResolvedModel,
  derived: Pick<DerivedLayers, 'stages' | 'cacheDtype' | 'quantization' | 'config'>,
  options: ModelOptions,
): PerfFacts {
  const { text, root } = model;
  const hiddenSize = text.numOr('hidden_size', text.numOr('d_model', text.numOr('n_embd', 0)));
  const activationBytes = dtypeBytes(model.dtype);
  const { quantization, cacheDtype } = derived;
  return {
    hiddenSize,
    vocabSize: text.numOr('vocab_size', root.numOr('vocab_size', 0)),
    numLayers: text.numOr('num_hidden_layers', text.numOr('n_layer', 0)),
    numAttentionHeads: model.totalNumAttentionHeads,
    activationBytes,
    weightBytes:
      quantization === null ? activationBytes : (WEIGHT_BYTES[quantization.name] ?? null),
    // Every quantized cache is stored in bytes.
    cacheBytes: cacheDtype === 'auto' || /float16|half/.test(cacheDtype) ? activationBytes : 1,
    tensorParallelSize: derived.config.tensorParallelSize,
    pipelineParallelSize: derived.config.pipelineParallelSize,
    attention: attentionOf(model, derived),
    ffn: ffnOf(model, hiddenSize, options),
  };
}

function attentionOf(
  model: ResolvedModel,
  { stages }: Pick<DerivedLayers, 'stages'>,
): PerfFacts['attention'] {
  const { text } = model;
  if (model.totalNumAttentionHeads === 0) return null;
  if (model.useMla) {
    const qLoraRank = text.numOr('q_lora_rank', 0);
    return {
      kind: 'mla',
      kvLoraRank: text.numOr('kv_lora_rank', 0),
      qkNopeHeadDim: text.numOr('qk_nope_head_dim', 0),
      qkRopeHeadDim: text.numOr('qk_rope_head_dim', 0),
      vHeadDim: text.numOr('v_head_dim', 0),
      qLoraRank: qLoraRank === 0 ? null : qLoraRank,
    };
  }
  const specs = stages.flatMap((layers) => [...layers.values()]);
  const windows = specs.filter(({ isDraft }) => !isDraft).flatMap(windowOf);
  return {
    kind: 'plain',
    numKvHeads: model.totalNumKvHeads,
    headDim: model.headSize,
    slidingWindow: windows[0] ?? null,
    numSlidingLayers: windows.length,
  };
}

function windowOf(spec: KVCacheSpec): readonly number[] {
  return 'slidingWindow' in spec && spec.slidingWindow !== null ? [spec.slidingWindow] : [];
}

function ffnOf(
  { text, numExperts }: ResolvedModel,
  hiddenSize: number,
  { tensorParallelSize: tp = 1, dataParallelSize: dp = 1, enableExpertParallel }: ModelOptions,
): FfnFacts | null {
  // A size per layer is none that vLLM's estimate takes.
  if (Array.isArray(text.get('intermediate_size'))) return null;
  const intermediateSize = text.numOr('intermediate_size', 4 * hiddenSize);
  const numExpertsPerTok = text.numOr(
    'num_experts_per_tok',
    text.numOr('num_experts_per_token', text.numOr('moe_topk', 0)),
  );
  const numLayers = text.numOr('num_hidden_layers', text.numOr('n_layer', 0));
  const facts = {
    intermediateSize,
    numExperts,
    numExpertsPerTok,
    moeIntermediateSize: text.numOr('moe_intermediate_size', text.numOr('intermediate_size', 0)),
    numSharedExperts: text.numOr('n_shared_experts', text.numOr('num_shared_experts', 0)),
    numMoeLayers: numExperts === 0 ? 0 : numMoeLayersOf(text, numLayers),
    tensorParallelSize: enableExpertParallel === true ? 1 : dp * tp,
    expertParallelSize: enableExpertParallel === true ? dp * tp : 1,
  };
  const isKnown = numExpertsPerTok > 0 && facts.moeIntermediateSize > 0;
  return facts.numMoeLayers > 0 && !isKnown ? null : facts;
}

/** Source: InterleaveMoeLayerStepParser, MoeLayerFreqParser. */
function numMoeLayersOf(text: ResolvedModel['text'], numLayers: number): number {
  const layers = Array.from({ length: numLayers }, (_, layer) => layer);
  if (text.has('moe_layer_freq') && text.has('first_k_dense_replace')) {
    const freq = text.numOr('moe_layer_freq', 1);
    const first = text.numOr('first_k_dense_replace', 0);
    return layers.filter((layer) => layer >= first && layer % freq === 0).length;
  }
  const step = text.numOr('interleave_moe_layer_step', 0);
  return step > 0 ? layers.filter((layer) => (layer + 1) % step === 0).length : numLayers;
}
