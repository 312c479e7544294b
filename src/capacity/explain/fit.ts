/**
 * Which GPUs, and how many of them, hold a model at a number of concurrent requests of a length. Every GPU of the catalogue is
 * planned with every tensor-parallel size, as vLLM 0.33.0 would with `--max-model-len` at that length.
 */

import { ConfigError } from '../../shared/errors.ts';
import { readModelSource } from '../file/model-source.ts';
import { listGpus } from '../models/gpus.ts';
import type { ModelOptions } from '../models/model-options.ts';
import type { ModelPlan, ModelSource } from '../models/model-plan.ts';
import { planModel } from '../models/model-plan.ts';
import { KVCachePlanError } from '../plan/plan-error.ts';
import { planKVCache } from '../plan/plan-kv-cache.ts';

/** GPUs of one machine that share each layer. */
export const FIT_TENSOR_PARALLEL_SIZES: readonly number[] = [1, 2, 4, 8];

export interface FitQuestion {
  /** Requests at a time. */
  readonly concurrency: number;
  /** Tokens of each, prompt and answer together. Undefined: the model's own length, or --max-model-len. */
  readonly tokens: number | undefined;
  /** Catalogue names; undefined: all. */
  readonly gpus: readonly string[] | undefined;
  readonly tensorParallelSizes: readonly number[] | undefined;
}

/** A GPU and a number of them. Sizes are bytes of one GPU, the one that holds the most weights. */
export interface FitRow {
  readonly gpu: string;
  readonly gpu_memory_bytes: number;
  readonly tensor_parallel_size: number;
  readonly fits: boolean;
  /** Why it does not; null where it does. */
  readonly reason: string | null;
  /** Null where vLLM refuses the size. */
  readonly weights_bytes: number | null;
  readonly kv_cache_bytes: number | null;
  readonly kv_cache_size_tokens: number | null;
  /** Requests of that length at a time. */
  readonly max_concurrency: number | null;
}

export interface Fit {
  readonly schema_version: 1;
  readonly model: string;
  readonly concurrency: number;
  /** Of each request. */
  readonly tokens: number;
  /** Those that fit first: fewest GPUs, then least memory; then the others in the catalogue's order. */
  readonly rows: readonly FitRow[];
}

/** Throws what explainCapacity throws; a size that vLLM refuses is a row, unless it refuses all of them. */
export function findFit(options: ModelOptions, question: FitQuestion): Fit {
  if (options.kvCacheSpecs !== undefined) {
    throw new ConfigError(
      'E_BAD_FLAG',
      '--fit needs a model: --kv-cache-specs brings layers and memory of one GPU',
    );
  }
  const source = readModelSource(options);
  const gpus = question.gpus ?? listGpus().map(({ name }) => name);
  const sizes = question.tensorParallelSizes ?? FIT_TENSOR_PARALLEL_SIZES;
  const length = question.tokens ?? options.maxModelLen;
  const base = { ...options, maxModelLen: length };
  const tried = gpus.flatMap((gpu) =>
    sizes.map((tensorParallelSize) =>
      tryOne(source, { ...base, gpu, tensorParallelSize }, question.concurrency),
    ),
  );
  const planned = tried.find(({ plan }) => plan !== null)?.plan ?? null;
  const [first] = tried;
  if (planned === null) throw first?.error ?? new ConfigError('E_BAD_FLAG', '--fit: no GPU');
  return {
    schema_version: 1,
    model: source.name,
    concurrency: question.concurrency,
    tokens: planned.facts.maxModelLen,
    rows: sorted(tried.map(({ row }) => row)),
  };
}

interface Tried {
  readonly row: FitRow;
  readonly plan: ModelPlan | null;
  readonly error: ConfigError | null;
}

function tryOne(source: ModelSource, options: ModelOptions, concurrency: number): Tried {
  try {
    const plan = planFor(source, options, concurrency);
    return { row: rowOf(plan, concurrency), plan, error: null };
  } catch (error) {
    if (!(error instanceof ConfigError) || error.code !== 'E_BAD_FLAG') throw error;
    const gpu = listGpus().find(({ name }) => name === options.gpu);
    const row = {
      gpu: options.gpu ?? '',
      gpu_memory_bytes: options.gpuMemory ?? gpu?.memoryBytes ?? 0,
      tensor_parallel_size: options.tensorParallelSize ?? 1,
      fits: false,
      reason: error.message,
      weights_bytes: null,
      kv_cache_bytes: null,
      kv_cache_size_tokens: null,
      max_concurrency: null,
    };
    return { row, plan: null, error };
  }
}

/** A batch has to hold them all: where the GPU's default of max_num_seqs is smaller, the flag is taken to be given. */
function planFor(source: ModelSource, options: ModelOptions, concurrency: number): ModelPlan {
  const plan = planModel(source, options);
  const isEnough = plan.input.config.maxNumSeqs >= concurrency;
  if (isEnough || options.maxNumSeqs !== undefined) return plan;
  return planModel(source, { ...options, maxNumSeqs: concurrency });
}

function rowOf(plan: ModelPlan, concurrency: number): FitRow {
  const { memory, gpu, input } = plan;
  const weights = Math.max(...memory.map(({ weightsBytes }) => weightsBytes));
  const available = Math.min(...memory.map(({ availableBytes }) => availableBytes));
  const row = {
    gpu: gpu.name,
    gpu_memory_bytes: gpu.memoryBytes,
    tensor_parallel_size: input.config.tensorParallelSize,
    weights_bytes: weights,
    kv_cache_bytes: available,
  };
  const failed = (reason: string): FitRow => ({
    ...row,
    fits: false,
    reason,
    kv_cache_size_tokens: null,
    max_concurrency: null,
  });
  const requested = memory[0]?.requestedBytes ?? 0;
  if (weights >= requested) return failed(`the weights alone take more than ${gib(requested)} GiB`);
  if (available <= 0) return failed('nothing is left for the KV cache');
  try {
    const { capacity } = planKVCache(input);
    const most = capacity?.maxConcurrency ?? null;
    const fits = (most === null || most >= concurrency) && input.config.maxNumSeqs >= concurrency;
    const seqs = input.config.maxNumSeqs;
    return {
      ...row,
      fits,
      reason: fits
        ? null
        : seqs < concurrency
          ? `--max-num-seqs ${seqs} is less than ${concurrency}`
          : `room for ${(most ?? 0).toFixed(1)} of ${concurrency} requests`,
      kv_cache_size_tokens: capacity?.tokens ?? null,
      max_concurrency: most,
    };
  } catch (error) {
    if (!(error instanceof KVCachePlanError)) throw error;
    return failed('the KV cache is too small for one request');
  }
}

function gib(bytes: number): string {
  return (bytes / 2 ** 30).toFixed(1);
}

function sorted(rows: readonly FitRow[]): FitRow[] {
  const fitting = rows.filter(({ fits }) => fits);
  const total = (row: FitRow): number => row.tensor_parallel_size * row.gpu_memory_bytes;
  fitting.sort((a, b) => a.tensor_parallel_size - b.tensor_parallel_size || total(a) - total(b));
  return [...fitting, ...rows.filter(({ fits }) => !fits)];
}
