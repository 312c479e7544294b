/**
 * FLOPs and memory traffic of a step on one GPU, added up over the model's parts by vLLM's formulas; products are cut to whole
 * numbers where vLLM cuts them. Source: vllm/v1/metrics/perf.py AttentionMetrics, MLAAttentionMetrics, FfnMetrics,
 * UnembedMetrics (0.33.0).
 */
import type {
  FfnFacts,
  LatentAttentionFacts,
  PerfFacts,
  PlainAttentionFacts,
} from '../../capacity/models/perf-facts.ts';
import type { PerfStats } from '../../shared/protocol/stats.ts';
import type { PerfBatch } from './perf-batch.ts';

/** FLOPs, bytes read, bytes written. */
type Work = readonly [flops: number, read: number, written: number];

/** The estimate of a step; all zero where vLLM knows no part of the model. */
export function estimatePerf(facts: PerfFacts, batch: PerfBatch): PerfStats {
  const parts = [attentionWork(facts, batch), ffnWork(facts, batch), unembedWork(facts, batch)];
  const sum = (index: 0 | 1 | 2): number | bigint => {
    const total = parts.reduce((before, part) => before + part[index], 0);
    return Number.isSafeInteger(total) ? total : BigInt(Math.floor(total));
  };
  return {
    numFlopsPerGpu: sum(0),
    numReadBytesPerGpu: sum(1),
    numWriteBytesPerGpu: sum(2),
    debugStats: null,
  };
}

const NOTHING: Work = [0, 0, 0];

function whole(...values: readonly number[]): number {
  return values.reduce((sum, value) => sum + Math.floor(value), 0);
}

function attentionWork(facts: PerfFacts, batch: PerfBatch): Work {
  const { attention, weightBytes } = facts;
  if (attention === null || weightBytes === null) return NOTHING;
  return attention.kind === 'mla'
    ? latentAttentionWork(facts, attention, weightBytes, batch)
    : plainAttentionWork(facts, attention, weightBytes, batch);
}

function plainAttentionWork(
  facts: PerfFacts,
  attention: PlainAttentionFacts,
  weightBytes: number,
  batch: PerfBatch,
): Work {
  const { hiddenSize: D, tensorParallelSize: tp, pipelineParallelSize: pp } = facts;
  const { activationBytes: act, cacheBytes } = facts;
  const d = attention.headDim;
  const q = Math.max(1, Math.floor(facts.numAttentionHeads / tp));
  const kv = Math.max(1, Math.floor(attention.numKvHeads / tp));
  const T = batch.numTokens;
  const layers = facts.numLayers / pp;
  const sliding = attention.numSlidingLayers / pp;
  // Layers that look back on everything, and layers with a window.
  const kinds = [
    { count: (facts.numLayers - attention.numSlidingLayers) / pp, window: undefined },
    { count: sliding, window: attention.slidingWindow ?? undefined },
  ];
  let attended = 0;
  let attentionInput = 0;
  for (const { count, window } of kinds) {
    if (count <= 0) continue;
    attended += 2 * q * batch.tokenContextProduct(window) * d * count;
    const prefill = batch.prefillTokens * q + 2 * batch.contextLen(true, window) * kv;
    if (batch.prefillTokens > 0) attentionInput += prefill * d * act * count;
    if (batch.decodeTokens > 0)
      attentionInput +=
        batch.decodeTokens * q * d * act * count +
        2 * batch.contextLen(false, window) * kv * d * cacheBytes * count;
  }
  const projected = (q + 2 * kv) * d;
  return [
    whole(2 * T * D * projected * layers, 2 * T * D * q * d * layers, attended, attended),
    whole(
      T * D * act * layers,
      D * projected * weightBytes * layers,
      attentionInput,
      T * q * d * act * layers,
      q * d * D * weightBytes * layers,
    ),
    whole(T * projected * act * layers, 2 * T * kv * d * cacheBytes * layers, T * D * act * layers),
  ];
}

function latentAttentionWork(
  facts: PerfFacts,
  attention: LatentAttentionFacts,
  weightBytes: number,
  batch: PerfBatch,
): Work {
  const { hiddenSize: D, activationBytes: act } = facts;
  const { kvLoraRank: c, qLoraRank, vHeadDim: v } = attention;
  const L = Math.floor(facts.numLayers / facts.pipelineParallelSize);
  const q = Math.max(1, Math.floor(facts.numAttentionHeads / facts.tensorParallelSize));
  const qk = attention.qkNopeHeadDim + attention.qkRopeHeadDim;
  const compressed = c + attention.qkRopeHeadDim;
  const up = q * (attention.qkNopeHeadDim + v);
  const T = batch.numTokens;
  // Pairs of widths that a projection leads from and to.
  const query: readonly (readonly [number, number])[] =
    qLoraRank === null
      ? [[D, q * qk]]
      : [
          [D, qLoraRank],
          [qLoraRank, q * qk],
        ];
  const projections: readonly (readonly [number, number])[] = [
    ...query,
    [D, compressed],
    [c, up],
    [q * v, D],
  ];
  let flops = 2 * q * batch.tokenContextProduct() * (qk + v) * L;
  let read = 0;
  let written = T * compressed * facts.cacheBytes * L;
  for (const [from, to] of projections) {
    flops += 2 * T * from * to * L;
    read += T * from * act * L + whole(from * to * weightBytes * L);
    written += T * to * act * L;
  }
  read += batch.numTokens * q * qk * act * L;
  read += batch.contextLen(true) * q * (qk + v) * act * L;
  read += batch.contextLen(false) * compressed * facts.cacheBytes * L;
  return [flops, read, written];
}

function ffnWork(facts: PerfFacts, batch: PerfBatch): Work {
  const { ffn, weightBytes } = facts;
  if (ffn === null || weightBytes === null) return NOTHING;
  const pp = facts.pipelineParallelSize;
  const T = batch.numTokens;
  const { hiddenSize: D, activationBytes: act } = facts;
  const width = Math.floor(ffn.intermediateSize / ffn.tensorParallelSize);
  const expertWidth = Math.floor(ffn.moeIntermediateSize / ffn.tensorParallelSize);
  const dense = Math.floor((facts.numLayers - ffn.numMoeLayers) / pp);
  const moe = Math.floor(ffn.numMoeLayers / pp);
  const sizes = { D, act, weightBytes };
  const parts: Work[] = [];
  if (dense > 0) parts.push(mlpWork(sizes, { width, tokens: T, experts: 1, layers: dense }));
  if (moe > 0 && ffn.numExpertsPerTok > 0) parts.push(routedWork(sizes, ffn, T, expertWidth, moe));
  if (moe > 0 && ffn.numSharedExperts > 0)
    parts.push(sharedWork(sizes, { S: ffn.numSharedExperts, T, expertWidth, moe }));
  return parts.reduce<Work>(([f, r, w], part) => [f + part[0], r + part[1], w + part[2]], NOTHING);
}

interface Sizes {
  readonly D: number;
  readonly act: number;
  readonly weightBytes: number;
}

/** Gate, up and down of a gated MLP; `experts` of them are read. */
function mlpWork(
  { D, act, weightBytes }: Sizes,
  mlp: { width: number; tokens: number; experts: number; layers: number },
): Work {
  const { width, tokens, experts, layers } = mlp;
  return [
    2 * D * 3 * width * tokens * layers,
    whole(
      tokens * D * act * layers,
      2 * D * width * experts * weightBytes * layers,
      2 * tokens * width * act * layers,
      tokens * width * act * layers,
      D * width * experts * weightBytes * layers,
    ),
    whole(
      2 * tokens * width * act * layers,
      tokens * width * act * layers,
      tokens * D * act * layers,
    ),
  ];
}

function routedWork(sizes: Sizes, ffn: FfnFacts, T: number, width: number, layers: number): Work {
  const tokens = Math.floor((T * ffn.numExpertsPerTok) / ffn.expertParallelSize);
  const experts = Math.min(tokens, Math.floor(ffn.numExperts / ffn.expertParallelSize));
  return mlpWork(sizes, { width, tokens, experts, layers });
}

/** All shared experts run for every token; vLLM reads their common input, and the input of down, once. */
function sharedWork(
  { D, act, weightBytes }: Sizes,
  { S, T, expertWidth: width, moe }: { S: number; T: number; expertWidth: number; moe: number },
): Work {
  return [
    2 * D * 3 * width * S * T * moe,
    whole(
      T * D * act * moe,
      2 * D * width * S * weightBytes * moe,
      2 * T * width * S * act * moe,
      T * width * act * moe,
      D * width * S * weightBytes * moe,
    ),
    whole(2 * T * S * width * act * moe, T * S * width * act * moe, T * S * D * act * moe),
  ];
}

function unembedWork(facts: PerfFacts, batch: PerfBatch): Work {
  const { hiddenSize: D, activationBytes: act } = facts;
  const V = Math.floor(facts.vocabSize / facts.tensorParallelSize);
  const T = batch.numLogitsTokens;
  return [2 * T * D * V, T * D * act + D * V * act, T * V * act];
}
