/**
 * What an engine says of its memory while it starts, in vLLM's words and order, so that a search finds both.
 * Source: vllm/v1/worker/gpu_worker.py determine_available_memory, vllm/v1/core/kv_cache_planning.py
 * get_kv_cache_configs, _auto_fit_max_model_len, vllm/v1/core/kv_cache_utils.py (0.33.0).
 */

import type { ModelPlan } from '../capacity/models/model-plan.ts';
import { formatCapacityLine } from '../capacity/plan/capacity.ts';
import type { KVCachePlan } from '../capacity/plan/plan-kv-cache.ts';
import type { EngineArgs } from '../shared/config/registry.ts';
import { formatGib } from '../shared/python/float.ts';
import { pyStr, pyStrRepr } from '../shared/python/str.ts';
import type { StartupLine } from './startup-line.ts';
import { captureLines, loadLine, profileNote } from './startup-memory-words.ts';

/** One line per fact, in the order in which vLLM comes to know them. */
export function startupLines(
  args: EngineArgs,
  model: ModelPlan,
  plan: KVCachePlan,
): readonly StartupLine[] {
  return [
    ...model.notes.map(info),
    ...model.warnings.map(warn),
    ...nonCausalLines(model, plan).map(info),
    ...model.memory.map((budget) => info(loadLine(budget))),
    ...model.input.workers.flatMap((_worker, index) => profileLines(args, model, index)),
    ...plan.warnings.map(warn),
    ...overrideLines(model, plan).map(info),
    ...autoFitLines(model, plan).map(info),
    ...capacityLines(plan),
    ...model.memory.flatMap((budget) => captureLines(args, budget)),
    ...poolingLines(model).map(info),
  ];
}

function info(text: string): StartupLine {
  return { level: 'info', text };
}

function warn(text: string): StartupLine {
  return { level: 'warn', text };
}

function nonCausalLines(model: ModelPlan, plan: KVCachePlan): string[] {
  const { config } = model.input;
  const reason = 'model has non-causal attention layers.';
  return [
    ...(config.enableChunkedPrefill && !plan.enableChunkedPrefill
      ? [`Disabling chunked prefill: ${reason}`]
      : []),
    ...(config.enablePrefixCaching && !plan.enablePrefixCaching
      ? [`Disabling prefix caching: ${reason}`]
      : []),
  ];
}

function profileLines(args: EngineArgs, model: ModelPlan, worker: number): StartupLine[] {
  const budget = model.memory[worker];
  const isProfiled = args.kvCacheMemoryBytes === null && budget !== undefined;
  return [info(memoryLine(args, model, worker)), ...(isProfiled ? profileNote(args, budget) : [])];
}

function memoryLine(args: EngineArgs, model: ModelPlan, worker: number): string {
  const available = model.input.workers[worker]?.availableMemory ?? 0;
  if (args.kvCacheMemoryBytes === null)
    return `Available KV cache memory: ${formatGib(available)} GiB`;
  const budget = model.memory[worker];
  const free = budget === undefined ? model.gpu.memoryBytes : budget.totalBytes;
  return (
    `Initial free memory ${formatGib(free)} GiB, reserved ${formatGib(args.kvCacheMemoryBytes)} GiB memory for KV Cache ` +
    'as specified by kv_cache_memory_bytes config and skipped memory profiling. This does not respect the ' +
    "gpu_memory_utilization config. Only use kv_cache_memory_bytes config when you want manual control of KV cache memory size. If OOM'ed, " +
    'check the difference of initial free memory between the current run and the previous run where kv_cache_memory_bytes is suggested and ' +
    'update it correspondingly.'
  );
}

function overrideLines(model: ModelPlan, plan: KVCachePlan): string[] {
  const override = model.input.config.numGpuBlocksOverride;
  if (override === null || plan.groups.length === 0) return [];
  return plan.workers.map(({ bytesPerBlock }, index) => {
    const available = model.input.workers[index]?.availableMemory ?? 0;
    const blocks = Math.floor(available / bytesPerBlock);
    return `Overriding num_gpu_blocks=${blocks} with num_gpu_blocks_override=${override}`;
  });
}

function autoFitLines(model: ModelPlan, plan: KVCachePlan): string[] {
  const { config } = model.input;
  if (!config.autoFitMaxModelLen) return [];
  const asked = config.maxModelLen;
  if (plan.autoFitMemoryBytes === null)
    return [`Auto-fit max_model_len: attention-free model, using derived max_model_len=${asked}`];
  const memory = `available KV cache memory (${formatGib(plan.autoFitMemoryBytes)} GiB GPU)`;
  return [
    plan.autoFitReduced
      ? `Auto-fit max_model_len: reduced from ${asked} to ${plan.maxModelLen} to fit in ${memory}`
      : `Auto-fit max_model_len: full model context length ${asked} fits in ${memory}`,
  ];
}

/** Source: vllm/v1/engine/core.py EngineCore._log_pooler_config. */
function poolingLines({ facts }: ModelPlan): string[] {
  const { pooling } = facts;
  if (pooling === null) return [];
  const { pooler, supportedTasks } = pooling;
  const { sources } = pooler;
  const sequence = `${pooler.seqPoolingType}(source=${sources.seq_pooling_type})`;
  const token = `${pooler.tokPoolingType}(source=${sources.tok_pooling_type})`;
  const isSequence = supportedTasks.some((task) => task === 'embed' || task === 'classify');
  const activation = pyStr(pooler.useActivation ?? true);
  const tasks = supportedTasks.map(pyStrRepr).join(', ');
  return [
    `Resolved pooling config: pooling_type=${isSequence ? sequence : token}, ` +
      `${isSequence ? `tok_pooling_type=${token}` : `seq_pooling_type=${sequence}`}, ` +
      `use_activation=${activation}(source=${sources.use_activation}), ` +
      `supported_tasks=(${tasks}${supportedTasks.length === 1 ? ',' : ''})`,
  ];
}

function capacityLines({ capacity, maxModelLen, groups, enableChunkedPrefill }: KVCachePlan) {
  if (capacity !== null) return [info(formatCapacityLine(capacity, maxModelLen))];
  return groups.length === 0 && enableChunkedPrefill
    ? [warn('Disabling chunked prefill for model without KVCache')]
    : [];
}
