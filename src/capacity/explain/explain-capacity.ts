/**
 * The library call: how many tokens a model's KV cache holds on a GPU, and why.
 */

import { inFile } from '../../shared/schema.ts';
import { parseCapacityInput } from '../file/capacity-input.ts';
import type { CapacityInputRecord } from '../file/capacity-record.ts';
import { loadModelPlan } from '../file/load-model-plan.ts';
import { FIT } from '../models/measured-memory.ts';
import type { ModelOptions } from '../models/model-options.ts';
import type { ModelPlan } from '../models/model-plan.ts';
import type { CapacityInput } from '../plan/capacity-input.ts';
import type { CapacitySummary } from './capacity-summary.ts';
import { summarizeCapacity } from './explanation.ts';

/** The model as it was understood. */
export interface ExplainedModel {
  readonly name: string;
  readonly architecture: string;
  /** Where its config comes from. */
  readonly source: string;
  readonly dtype: string;
  /** The length that the config gives, before --max-model-len and auto-fit. */
  readonly derived_max_model_len: number;
  readonly num_parameters: number;
  /** Null where it is not quantized. */
  readonly quantization: ExplainedQuantization | null;
}

/** What a quantized checkpoint saves; bytes of one tensor rank, all pipeline stages together. */
export interface ExplainedQuantization {
  /** vLLM's name of the method. */
  readonly method: string;
  /** For people: the format, its groups or blocks, what is left alone. */
  readonly description: string;
  readonly weights_bytes: number;
  /** As they would be in the model's dtype. */
  readonly plain_weights_bytes: number;
}

export interface ExplainedGpu {
  readonly name: string;
  readonly memory_bytes: number;
}

/** One worker's memory in bytes. */
export interface ExplainedMemory {
  /** Rank. */
  readonly worker: number;
  /** For the KV cache: what is left of the budget, or what the input says. */
  readonly available_bytes: number;
  /** Null where the memory was given instead of being made up. */
  readonly budget: {
    readonly total_bytes: number;
    /** total × gpu_memory_utilization. */
    readonly requested_bytes: number;
    readonly weights_bytes: number;
    readonly peak_activation_bytes: number;
    readonly non_torch_bytes: number;
    readonly cuda_graph_bytes: number;
    /** How far a real GPU may be from what is left, in words; null where flags give what only a GPU can say. */
    readonly expected_error: string | null;
    /** How the four above came about, in words. */
    readonly formulas: {
      readonly weights: string;
      readonly peak_activation: string;
      readonly non_torch: string;
      readonly cuda_graph: string;
    };
  } | null;
}

/** Everything that `explain --json` prints for one model on one GPU. */
export interface CapacityExplanation extends CapacitySummary {
  readonly schema_version: 1;
  /** Null for explicit layers. */
  readonly model: ExplainedModel | null;
  readonly gpu: ExplainedGpu | null;
  readonly memory: readonly ExplainedMemory[];
}

/**
 * Plans a model on a GPU as vLLM 0.33.0 would and explains every number. Options are vLLM's flags in camelCase; without
 * any it is the default model on one H100. A plan that fails, because the memory is too small or a flag does not fit,
 * comes back as `plan.ok === false` with vLLM's message. Reads one catalogue file or the model's config.json, nothing
 * else. Throws ConfigError (E_UNKNOWN_MODEL, E_UNKNOWN_GPU, E_BAD_FILE, E_BAD_FLAG) for options that name nothing.
 */
export function explainCapacity(options: ModelOptions = {}): CapacityExplanation {
  const built = loadModelPlan(options);
  const { facts, gpu } = built;
  return {
    schema_version: 1,
    model:
      options.kvCacheSpecs === undefined
        ? {
            name: facts.name,
            architecture: facts.servedArchitecture,
            source: facts.source,
            dtype: facts.dtype,
            derived_max_model_len: facts.derivedMaxModelLen,
            num_parameters: facts.parameterCount,
            quantization: explainQuantization(built),
          }
        : null,
    gpu: { name: gpu.deviceName, memory_bytes: gpu.memoryBytes },
    memory: explainMemory(built, options),
    ...summarizeCapacity(built.input),
  };
}

function explainQuantization({ quantization, facts }: ModelPlan): ExplainedQuantization | null {
  if (quantization === null) return null;
  const { method, description, plainBytes } = quantization;
  const sum = (bytes: readonly number[]): number => bytes.reduce((all, one) => all + one, 0);
  return {
    method,
    description,
    weights_bytes: sum(facts.weightsBytes),
    plain_weights_bytes: sum(plainBytes),
  };
}

function explainMemory(built: ModelPlan, options: ModelOptions): ExplainedMemory[] {
  const isGiven = options.kvCacheMemoryBytes !== undefined;
  return built.input.workers.map(({ availableMemory }, worker) => {
    const budget = isGiven ? undefined : built.memory[worker];
    return {
      worker,
      available_bytes: availableMemory,
      budget:
        budget === undefined
          ? null
          : {
              total_bytes: budget.totalBytes,
              requested_bytes: budget.requestedBytes,
              weights_bytes: budget.weightsBytes,
              peak_activation_bytes: budget.peakActivationBytes,
              non_torch_bytes: budget.nonTorchBytes,
              cuda_graph_bytes: budget.cudaGraphBytes,
              expected_error: expectedError(options),
              formulas: {
                weights: budget.formulas.weights,
                peak_activation: budget.formulas.activation,
                non_torch: budget.formulas.nonTorch,
                cuda_graph: budget.formulas.cudaGraphs,
              },
            },
    };
  });
}

/** Where activations and memory outside torch are given, what is left is arithmetic. */
function expectedError({ peakActivationBytes, nonTorchBytes }: ModelOptions): string | null {
  if (peakActivationBytes !== undefined && nonTorchBytes !== undefined) return null;
  const { medianPercent, withinPercent, numWithin, numLogs } = FIT;
  return (
    `± ${withinPercent} % on a real GPU: ${numWithin} of the ${numLogs} logged starts it was fitted on are within, half of ` +
    `them within ${medianPercent} % (docs/memory-budget.md)`
  );
}

/**
 * Explains explicit layers in the file format: the `input` of a capacity case, or a `--kv-cache-specs` file. Throws
 * ConfigError (E_BAD_FILE) naming the field that is wrong.
 */
export function explainInput(input: CapacityInputRecord): CapacityExplanation {
  return explainLayers(parseCapacityInput(input, inFile('explainInput', 'input')));
}

export function explainLayers(input: CapacityInput): CapacityExplanation {
  return {
    schema_version: 1,
    model: null,
    gpu: null,
    memory: input.workers.map(({ availableMemory }, worker) => ({
      worker,
      available_bytes: availableMemory,
      budget: null,
    })),
    ...summarizeCapacity(input),
  };
}
