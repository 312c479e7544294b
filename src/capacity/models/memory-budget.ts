/**
 * What a worker's profiler finds free for the KV cache, in the order in which vLLM comes to it: requested memory, less what
 * stays (weights, kernels, buffers), less the peak of the profiling pass, less an estimate of the CUDA graphs. The CUDA
 * context, NCCL and cuBLAS are older than the first snapshot and cost nothing. Each number is a formula here unless a flag
 * gives it. Source: vllm/v1/worker/gpu_worker.py init_device, determine_available_memory, vllm/v1/worker/utils.py
 * request_memory, vllm/v1/worker/gpu/cudagraph_utils.py profile_cudagraph_memory (0.33.0).
 */

import { type CudagraphCapture, planCapture } from './cudagraph-capture.ts';
import type { GpuFacts } from './gpus.ts';
import {
  FIRST_CAPTURE_BYTES,
  GRAPH_BYTES_PER_LAYER,
  MIN_FULL_GRAPH_BYTES,
  RESIDENT_BYTES,
  UNIFIED_MEMORY_BYTES,
} from './measured-memory.ts';
import type { ModelOptions } from './model-options.ts';
import { DEFAULT_GPU_MEMORY_UTILIZATION } from './model-options.ts';
import {
  type ProfiledBytes,
  type ProfileInputs,
  profilePeak,
  samplerStateBytes,
} from './profile-peak.ts';
import type { ResolvedModel } from './resolved-model.ts';
import { pipelineRange } from './stage-builder.ts';

const MIB = 2 ** 20;

/** A further rank holds a little more. */
const BYTES_PER_TENSOR_RANK = 3 * MIB;

export interface MemoryBudget {
  readonly stage: number;
  readonly tensorRank: number;
  readonly totalBytes: number;
  readonly utilization: number;
  /** ceil(total × utilization). */
  readonly requestedBytes: number;
  readonly weightsBytes: number;
  readonly peakActivationBytes: number;
  readonly nonTorchBytes: number;
  /** What is taken from the KV cache for CUDA graphs: the estimate, or nothing. */
  readonly cudaGraphBytes: number;
  /** What the graphs are estimated to take, taken from the KV cache or not. */
  readonly cudaGraphEstimateBytes: number;
  readonly capture: CudagraphCapture;
  /** What is left for the KV cache; may be negative. */
  readonly availableBytes: number;
  /** How each number came about, in words. */
  readonly formulas: Readonly<Record<'weights' | 'activation' | 'nonTorch' | 'cudaGraphs', string>>;
}

export interface BudgetInputs {
  readonly model: ResolvedModel;
  readonly gpu: GpuFacts;
  readonly options: ModelOptions;
  readonly maxNumBatchedTokens: number;
  readonly maxNumSeqs: number;
  readonly numSpeculativeTokens: number;
  readonly numHiddenLayers: number;
  /** Counted weights of one rank, per stage. */
  readonly weightsBytes: readonly number[];
}

/** One budget per worker in rank order: stage by stage, tensor ranks within. */
export function memoryBudgets(inputs: BudgetInputs): MemoryBudget[] {
  const { options, gpu } = inputs;
  const tensorRanks = options.tensorParallelSize ?? 1;
  const totalBytes = options.gpuMemory ?? gpu.memoryBytes;
  const utilization = options.gpuMemoryUtilization ?? DEFAULT_GPU_MEMORY_UTILIZATION;
  const requestedBytes = options.requestedMemoryBytes ?? Math.ceil(totalBytes * utilization);
  const capture = captureOf(inputs);
  const budgets: MemoryBudget[] = [];
  for (let stage = 0; stage < (options.pipelineParallelSize ?? 1); stage++) {
    const own = weights(inputs, stage);
    const peak = activation(inputs, stage);
    const outside = nonTorch(inputs, stage);
    const estimate = graphEstimate(inputs, stage, capture);
    const graphs = cudaGraphs(options, estimate);
    for (let tensorRank = 0; tensorRank < tensorRanks; tensorRank++) {
      const nonTorchBytes = outside.bytes + BYTES_PER_TENSOR_RANK * tensorRank;
      const left = requestedBytes - own.bytes - peak.bytes - nonTorchBytes - graphs.bytes;
      budgets.push({
        stage,
        tensorRank,
        totalBytes,
        utilization,
        requestedBytes,
        weightsBytes: own.bytes,
        peakActivationBytes: peak.bytes,
        nonTorchBytes,
        cudaGraphBytes: graphs.bytes,
        cudaGraphEstimateBytes: estimate.bytes,
        capture,
        availableBytes: options.kvCacheMemoryBytes ?? left,
        formulas: {
          weights: own.formula,
          activation: peak.formula,
          nonTorch: outside.formula,
          cudaGraphs: graphs.formula,
        },
      });
    }
  }
  return budgets;
}

function captureOf({ options, model, gpu, ...run }: BudgetInputs): CudagraphCapture {
  return planCapture({
    options,
    isPooling: model.isPooling,
    isEncoderDecoder: model.isEncoderDecoder,
    maxNumSeqs: run.maxNumSeqs,
    maxNumBatchedTokens: run.maxNumBatchedTokens,
    numSpeculativeTokens: run.numSpeculativeTokens,
    capabilityMajor: gpu.vendor === 'amd' ? null : gpu.computeCapability.major,
  });
}

function profileInputs(inputs: BudgetInputs, stage: number): ProfileInputs {
  return {
    model: inputs.model,
    tensorParallelSize: inputs.options.tensorParallelSize ?? 1,
    maxNumBatchedTokens: inputs.maxNumBatchedTokens,
    maxNumSeqs: inputs.maxNumSeqs,
    isLastStage: stage === (inputs.options.pipelineParallelSize ?? 1) - 1,
  };
}

function activation(inputs: BudgetInputs, stage: number): ProfiledBytes {
  const given = inputs.options.peakActivationBytes;
  return given === undefined
    ? profilePeak(profileInputs(inputs, stage))
    : { bytes: given, formula: '--peak-activation-bytes' };
}

function nonTorch(inputs: BudgetInputs, stage: number): ProfiledBytes {
  const { options, gpu } = inputs;
  if (options.nonTorchBytes !== undefined) {
    return { bytes: options.nonTorchBytes, formula: '--non-torch-bytes' };
  }
  const counters = samplerStateBytes(profileInputs(inputs, stage));
  const shared = gpu.hasUnifiedMemory ? UNIFIED_MEMORY_BYTES : 0;
  const parts = [
    `${RESIDENT_BYTES / MIB} MiB for kernels and buffers (fitted)`,
    ...(counters > 0 ? ['max_num_seqs × vocab_size × 4.125 B for the sampler'] : []),
    ...(shared > 0 ? [`${shared / MIB} MiB of the CPU's in the same memory (fitted)`] : []),
    '3 MiB × TP rank',
  ];
  return { bytes: RESIDENT_BYTES + counters + shared, formula: parts.join(' + ') };
}

/** vLLM captures all piecewise graphs and two full ones, and takes the second full one for all others. */
function graphEstimate(
  inputs: BudgetInputs,
  stage: number,
  capture: CudagraphCapture,
): ProfiledBytes {
  const { options } = inputs;
  if (options.cudaGraphBytes !== undefined)
    return { bytes: options.cudaGraphBytes, formula: '--cuda-graph-bytes' };
  if (capture.mode === 'NONE') return { bytes: 0, formula: '0: none are captured' };
  const [start, end] = pipelineRange(
    inputs.numHiddenLayers,
    stage,
    options.pipelineParallelSize ?? 1,
  );
  const { numPiecewise, numFull } = capture;
  const perGraph = (end - start) * GRAPH_BYTES_PER_LAYER;
  const all = numPiecewise * perGraph + numFull * Math.max(perGraph, MIN_FULL_GRAPH_BYTES);
  return {
    bytes: FIRST_CAPTURE_BYTES + all,
    formula:
      `${FIRST_CAPTURE_BYTES / MIB} MiB + (${numPiecewise} piecewise + ${numFull} full graphs) × ` +
      `${end - start} layers × ${GRAPH_BYTES_PER_LAYER / 1024} KiB (fitted)`,
  };
}

/** vLLM counts the estimate in what it calls peak activation, so nothing is added to a peak that a flag gives. */
function cudaGraphs(options: ModelOptions, estimate: ProfiledBytes): ProfiledBytes {
  if (options.cudaGraphBytes !== undefined) return estimate;
  if (options.peakActivationBytes !== undefined)
    return { bytes: 0, formula: '0: in --peak-activation-bytes, as vLLM counts it' };
  return options.estimateCudagraphs === false
    ? { bytes: 0, formula: '0: VLLM_MEMORY_PROFILER_ESTIMATE_CUDAGRAPHS is off' }
    : estimate;
}

/** Parameters are moved to the CPU one by one until that much is there: at most one parameter more than asked for. */
function weights(inputs: BudgetInputs, stage: number): ProfiledBytes {
  const all = allWeights(inputs, stage);
  const offloaded = inputs.options.cpuOffloadBytes ?? 0;
  if (offloaded === 0) return all;
  return {
    bytes: Math.max(all.bytes - offloaded, 0),
    formula: `${all.formula}, less --cpu-offload-gb`,
  };
}

function allWeights(inputs: BudgetInputs, stage: number): ProfiledBytes {
  const given = inputs.options.weightsBytes;
  const counted = inputs.weightsBytes[stage] ?? 0;
  if (given === undefined) return { bytes: counted, formula: 'counted from the config.json' };
  const bytes = typeof given === 'number' ? given : (given[stage] ?? counted);
  return { bytes, formula: '--weights-bytes' };
}
