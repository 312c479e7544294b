/**
 * A golden `model` case the other way round: the recorded config.json, flags and GPU in, the planner's whole input out.
 * Never looks at the recorded spec_table, layer_sets or expected. Called by `explain --model-case`.
 */
import { ConfigError } from '../../shared/errors.ts';
import { type DerivedLayers, deriveLayers } from '../models/derive-layers.ts';
import { type GpuFacts, requireGpu } from '../models/gpus.ts';
import { isJsonObject, type JsonObject } from '../models/hf-config.ts';
import { memoryBudgets } from '../models/memory-budget.ts';
import type { ModelOptions } from '../models/model-options.ts';
import { resolveModel } from '../models/resolve-model.ts';
import type { CapacityInputRecord } from './capacity-input.ts';

export interface ModelCase {
  readonly id: string;
  readonly input: CapacityInputRecord;
}

/** What the layers of a case weigh by our own count, per stage, and the backends that they get. */
export function deriveModelCaseWeights(
  record: unknown,
): Pick<DerivedLayers, 'weightsBytes' | 'attentionBackends'> {
  return derive(record).derived;
}

/** Throws E_BAD_FILE for a record of another form, and what deriving throws. */
export function deriveModelCase(record: unknown): ModelCase {
  const { id, input, options, resolved, gpu, derived } = derive(record);
  const budgets = memoryBudgets({
    model: resolved,
    gpu,
    options,
    maxNumBatchedTokens: derived.config.max_num_batched_tokens,
    maxNumSeqs: derived.config.max_num_seqs,
    weightsBytes: derived.weightsBytes,
  });
  const layout = isJsonObject(input['layout']) ? input['layout']['requested'] : null;
  return {
    id,
    input: {
      config: derived.config,
      layout: {
        supported: derived.supportedLayouts,
        requested: typeof layout === 'string' ? layout : null,
      },
      spec_table: derived.specTable,
      layer_sets: derived.layerSets,
      workers: budgets.map((budget) => ({
        layer_set: budget.stage,
        available_memory: budget.availableBytes,
      })),
    },
  };
}

function derive(record: unknown) {
  const { id, model, input } = readRecord(record);
  const gpuRecord = objectOf(model['gpu'], 'model.gpu');
  const options = caseOptions(objectOf(model['engine_args'], 'model.engine_args'), gpuRecord);
  const hfConfig = objectOf(model['hf_config'], 'model.hf_config');
  const label = typeof model['name'] === 'string' ? model['name'] : id;
  const resolved = resolveModel(hfConfig, label, options);
  const gpu = caseGpu(gpuRecord);
  const draftConfig = isJsonObject(model['draft_hf_config']) ? model['draft_hf_config'] : null;
  const derived = deriveLayers({ model: resolved, gpu, options, draftConfig });
  return { id, input, options, resolved, gpu, derived };
}

function readRecord(record: unknown): { id: string; model: JsonObject; input: JsonObject } {
  const outer = objectOf(record, 'the record');
  const id = outer['id'];
  if (typeof id !== 'string') throw badRecord('id');
  const input = isJsonObject(outer['input']) ? outer['input'] : {};
  return { id, model: objectOf(outer['model'], 'model'), input };
}

function objectOf(value: unknown, what: string): JsonObject {
  if (!isJsonObject(value)) throw badRecord(what);
  return value;
}

function badRecord(what: string): ConfigError {
  return new ConfigError(
    'E_BAD_FILE',
    `model case: ${what} is missing or of the wrong type; a record is {"id","model":{"hf_config","engine_args","gpu"},"input"}`,
  );
}

/** The stand-in GPU: the profile names it, the record says how much memory it has. */
function caseGpu(gpu: JsonObject): GpuFacts {
  const profile = gpu['profile'];
  if (typeof profile !== 'string') throw badRecord('model.gpu.profile');
  const facts = requireGpu(profile);
  const total = numberOf(gpu, 'total_memory_bytes');
  return total === undefined ? facts : { ...facts, memoryBytes: total };
}

function numberOf(record: JsonObject, key: string): number | undefined {
  const value = record[key];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'number') throw badRecord(key);
  return value;
}

function booleanOf(record: JsonObject, key: string): boolean | undefined {
  const value = record[key];
  return typeof value === 'boolean' ? value : undefined;
}

function stringOf(record: JsonObject, key: string): string | undefined {
  const value = record[key];
  return typeof value === 'string' ? value : undefined;
}

function stringsOf(record: JsonObject, key: string): string[] | undefined {
  const value = record[key];
  return Array.isArray(value) ? value.map(String) : undefined;
}

function numbersOf(record: JsonObject, key: string): number[] | undefined {
  const value = record[key];
  if (!Array.isArray(value)) return undefined;
  return value.map((item) => {
    if (typeof item !== 'number') throw badRecord(key);
    return item;
  });
}

/** vLLM's engine arguments in snake_case, and the GPU's recorded numbers, as options. */
function caseOptions(args: JsonObject, gpu: JsonObject): ModelOptions {
  const speculativeConfig = args['speculative_config'];
  return {
    maxModelLen: numberOf(args, 'max_model_len'),
    dtype: stringOf(args, 'dtype'),
    kvCacheDtype: stringOf(args, 'kv_cache_dtype'),
    kvCacheDtypeSkipLayers: stringsOf(args, 'kv_cache_dtype_skip_layers'),
    blockSize: numberOf(args, 'block_size'),
    maxNumBatchedTokens: numberOf(args, 'max_num_batched_tokens'),
    maxNumSeqs: numberOf(args, 'max_num_seqs'),
    tensorParallelSize: numberOf(args, 'tensor_parallel_size'),
    pipelineParallelSize: numberOf(args, 'pipeline_parallel_size'),
    decodeContextParallelSize: numberOf(args, 'decode_context_parallel_size'),
    cpKvCacheInterleaveSize: numberOf(args, 'cp_kv_cache_interleave_size'),
    enablePrefixCaching: booleanOf(args, 'enable_prefix_caching'),
    enableChunkedPrefill: booleanOf(args, 'enable_chunked_prefill'),
    asyncScheduling: booleanOf(args, 'async_scheduling'),
    disableHybridKvCacheManager: booleanOf(args, 'disable_hybrid_kv_cache_manager'),
    numGpuBlocksOverride: numberOf(args, 'num_gpu_blocks_override'),
    prefixMatchUnit: numberOf(args, 'prefix_match_unit'),
    mambaBlockSize: numberOf(args, 'mamba_block_size'),
    mambaCacheDtype: stringOf(args, 'mamba_cache_dtype'),
    mambaSsmCacheDtype: stringOf(args, 'mamba_ssm_cache_dtype'),
    attentionBackend: stringOf(args, 'attention_backend'),
    speculativeConfig: isJsonObject(speculativeConfig) ? speculativeConfig : undefined,
    gpuMemory: numberOf(gpu, 'total_memory_bytes'),
    gpuMemoryUtilization: numberOf(gpu, 'gpu_memory_utilization'),
    weightsBytes: numbersOf(gpu, 'weights_bytes') ?? numberOf(gpu, 'weights_bytes'),
    peakActivationBytes: numberOf(gpu, 'peak_activation_bytes'),
    nonTorchBytes: numberOf(gpu, 'non_torch_bytes'),
    cudaGraphBytes: numberOf(gpu, 'cuda_graph_bytes'),
    kvCacheMemoryBytes: numberOf(args, 'kv_cache_memory_bytes'),
  };
}
