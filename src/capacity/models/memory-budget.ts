/**
 * What a worker's profiler finds free for the KV cache: requested memory minus weights, activation peak, memory outside
 * torch, and CUDA graphs. Each number is a formula here unless a flag gives it.
 * Source: vllm/v1/worker/gpu_worker.py determine_available_memory (0.33.0). The formulas for what only a GPU can measure
 * (activations, memory outside torch, graphs) are estimates and say so in `formulas`.
 */

import type { GpuFacts } from './gpus.ts';
import type { ModelOptions } from './model-options.ts';
import { DEFAULT_GPU_MEMORY_UTILIZATION } from './model-options.ts';
import type { ResolvedModel } from './resolved-model.ts';

const MIB = 2 ** 20;

/** NCCL and the CUDA context hold a little more on every further rank. */
const BYTES_PER_TENSOR_RANK = 3 * MIB;
/** CUDA context, cuBLAS workspaces and the communicator: what vLLM logs for one rank of a data-centre GPU. */
const NON_TORCH_BYTES = Math.floor(0.35 * 2 ** 30);
const NON_TORCH_BYTES_PER_PARALLEL_GROUP = 512 * MIB;
/** Activations that live at once in one layer, in units of the hidden size, per token. */
const LIVE_HIDDEN_STATES = 8;

export interface MemoryBudget {
  readonly stage: number;
  readonly tensorRank: number;
  readonly totalBytes: number;
  readonly utilization: number;
  /** int(total × utilization). */
  readonly requestedBytes: number;
  readonly weightsBytes: number;
  readonly peakActivationBytes: number;
  readonly nonTorchBytes: number;
  readonly cudaGraphBytes: number;
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
  /** Counted weights of one rank, per stage. */
  readonly weightsBytes: readonly number[];
}

function activation(inputs: BudgetInputs): { bytes: number; formula: string } {
  const { options, model } = inputs;
  if (options.peakActivationBytes !== undefined) {
    return { bytes: options.peakActivationBytes, formula: '--peak-activation-bytes' };
  }
  const tp = options.tensorParallelSize ?? 1;
  const hidden = model.text.numOr('hidden_size', 0);
  const intermediate = largestIntermediate(model);
  const perToken = 2 * (LIVE_HIDDEN_STATES * hidden + (3 * intermediate) / tp);
  const logits = 4 * 2 * inputs.maxNumSeqs * model.text.numOr('vocab_size', 0);
  return {
    bytes: Math.ceil(inputs.maxNumBatchedTokens * perToken + logits),
    formula:
      'max_num_batched_tokens × 2 B × (8 × hidden_size + 3 × intermediate_size / TP) + max_num_seqs × vocab_size × 8 B',
  };
}

/** The widest feed-forward activation of one token: a dense one, or those of the experts that it is sent to. */
function largestIntermediate(model: ResolvedModel): number {
  const { text } = model;
  const dense = Array.isArray(text.get('intermediate_size'))
    ? Math.max(...text.numbers('intermediate_size'))
    : text.numOr('intermediate_size', 4 * text.numOr('hidden_size', 0));
  if (model.numExperts === 0) return dense;
  const perExpert = text.numOr('moe_intermediate_size', dense);
  const active = text.numOr('num_experts_per_tok', text.numOr('num_experts_per_token', 1));
  return Math.max(dense, perExpert * active);
}

function nonTorch(options: ModelOptions): { bytes: number; formula: string } {
  if (options.nonTorchBytes !== undefined) {
    return { bytes: options.nonTorchBytes, formula: '--non-torch-bytes' };
  }
  const tp = options.tensorParallelSize ?? 1;
  const pp = options.pipelineParallelSize ?? 1;
  const groups = (tp > 1 ? 1 : 0) + (pp > 1 ? 1 : 0);
  return {
    bytes: NON_TORCH_BYTES + groups * NON_TORCH_BYTES_PER_PARALLEL_GROUP,
    formula: '0.35 GiB + 0.5 GiB for each of TP > 1 and PP > 1 + 3 MiB × TP rank',
  };
}

/** vLLM subtracts its estimate of the CUDA graphs' memory; the recorded cases have none. */
function cudaGraphs(options: ModelOptions): { bytes: number; formula: string } {
  return options.cudaGraphBytes === undefined
    ? { bytes: 0, formula: '0: not simulated (--cuda-graph-bytes sets it)' }
    : { bytes: options.cudaGraphBytes, formula: '--cuda-graph-bytes' };
}

/** Parameters are moved to the CPU one by one until that much is there: at most one parameter more than asked for. */
function weights(inputs: BudgetInputs, stage: number): { bytes: number; formula: string } {
  const all = allWeights(inputs, stage);
  const offloaded = inputs.options.cpuOffloadBytes ?? 0;
  if (offloaded === 0) return all;
  return {
    bytes: Math.max(all.bytes - offloaded, 0),
    formula: `${all.formula}, less --cpu-offload-gb`,
  };
}

function allWeights(inputs: BudgetInputs, stage: number): { bytes: number; formula: string } {
  const given = inputs.options.weightsBytes;
  const counted = inputs.weightsBytes[stage] ?? 0;
  if (given === undefined) return { bytes: counted, formula: 'counted from the config.json' };
  const bytes = typeof given === 'number' ? given : (given[stage] ?? counted);
  return { bytes, formula: '--weights-bytes' };
}

/** One budget per worker in rank order: stage by stage, tensor ranks within. */
export function memoryBudgets(inputs: BudgetInputs): MemoryBudget[] {
  const { options, gpu } = inputs;
  const tensorRanks = options.tensorParallelSize ?? 1;
  const totalBytes = options.gpuMemory ?? gpu.memoryBytes;
  const utilization = options.gpuMemoryUtilization ?? DEFAULT_GPU_MEMORY_UTILIZATION;
  const requestedBytes = Math.floor(totalBytes * utilization);
  const peak = activation(inputs);
  const outside = nonTorch(options);
  const graphs = cudaGraphs(options);
  const budgets: MemoryBudget[] = [];
  for (let stage = 0; stage < (options.pipelineParallelSize ?? 1); stage++) {
    const own = weights(inputs, stage);
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
