/**
 * Memory and blocks of each worker: auto-fit, the check that one request fits, and the pool that all of them share.
 * Bytes are bigints here, because needed memory is a product of three large numbers.
 * Source: vllm/v1/core/kv_cache_planning.py get_kv_cache_configs and its helpers (0.33.0).
 */
import { formatGib } from '../../shared/python/float.ts';
import { exactInteger, valueError } from '../spec/rule-error.ts';
import type { RequestLimits } from '../spec/spec-size.ts';
import type { WorkerInput } from './capacity-input.ts';
import {
  groupBlocksPerRequest,
  type LayerSpecs,
  type PlannedGroup,
  uniformTypeSpecs,
} from './kv-cache-group.ts';
import type { KVCacheLayout } from './layout.ts';
import { type KVCacheTensor, placedBytesPerBlock, placeTensors } from './placement.ts';

/** One worker's share of the plan. Bytes. */
export interface WorkerPlan {
  /** The global groups with this worker's layers only; a group without any stays, and still costs blocks. */
  readonly groups: readonly PlannedGroup[];
  readonly bytesPerBlock: number;
  /** Before all workers took the smallest count. */
  readonly localNumBlocks: number;
  /** Available memory without the null block. */
  readonly checkMemoryBytes: number;
  /** What one request of max_model_len takes. */
  readonly neededMemoryBytes: number;
  readonly numBlocks: number;
  readonly poolBytes: number;
  /** Parts of one allocation of poolBytes; tensors of different groups overlap. */
  readonly tensors: readonly KVCacheTensor[];
}

export interface WorkerPlanOptions {
  readonly layout: KVCacheLayout;
  readonly numGpuBlocksOverride: number | null;
  readonly autoFitMaxModelLen: boolean;
  /** All but the length, which auto-fit may still change. */
  readonly limits: Omit<RequestLimits, 'maxModelLen'>;
  readonly maxModelLen: number;
}

interface SizedWorker {
  readonly groups: readonly PlannedGroup[];
  readonly bytesPerBlock: bigint;
  readonly availableMemory: bigint;
  readonly checkMemory: bigint;
}

export interface PlannedPool {
  readonly workers: WorkerPlan[];
  readonly maxModelLen: number;
  /** Memory of the worker that auto-fit was limited by; null where it was not asked for. */
  readonly autoFitMemoryBytes: number | null;
}

/** `globalGroups` is not empty. Throws PlanRuleError with vLLM's words where a worker has too little memory. */
export function planWorkers(
  globalGroups: readonly PlannedGroup[],
  workers: readonly WorkerInput[],
  options: WorkerPlanOptions,
): PlannedPool {
  const sized = workers.map((worker) => sizeWorker(globalGroups, worker, options));
  const autoFit = options.autoFitMaxModelLen ? autoFitMaxModelLen(sized, options) : null;
  const maxModelLen = autoFit?.maxModelLen ?? options.maxModelLen;
  for (const worker of sized) checkEnoughMemory(worker, options, maxModelLen);

  const localNumBlocks = sized.map((worker) =>
    exactInteger(worker.availableMemory / worker.bytesPerBlock),
  );
  const numBlocks = Math.min(...localNumBlocks);
  return {
    maxModelLen,
    autoFitMemoryBytes: autoFit === null ? null : exactInteger(autoFit.memory),
    workers: sized.map((worker, i) => ({
      groups: worker.groups,
      bytesPerBlock: exactInteger(worker.bytesPerBlock),
      localNumBlocks: localNumBlocks[i] ?? numBlocks,
      checkMemoryBytes: exactInteger(worker.checkMemory),
      neededMemoryBytes: exactInteger(neededMemory(worker, options, maxModelLen)),
      numBlocks,
      poolBytes: exactInteger(BigInt(numBlocks) * worker.bytesPerBlock),
      tensors: placeTensors(worker.groups, {
        layout: options.layout,
        bytesPerBlock: worker.bytesPerBlock,
        numBlocks,
      }),
    })),
  };
}

function sizeWorker(
  globalGroups: readonly PlannedGroup[],
  worker: WorkerInput,
  options: WorkerPlanOptions,
): SizedWorker {
  const groups = globalGroups.map((group) => projectGroup(group, worker.layers));
  const bytesPerBlock = placedBytesPerBlock(groups, options.layout);
  const override = options.numGpuBlocksOverride;
  const availableMemory =
    override === null ? BigInt(worker.availableMemory) : BigInt(override) * bytesPerBlock;
  // The block pool keeps the null block for ever, so a request cannot have it.
  return { groups, bytesPerBlock, availableMemory, checkMemory: availableMemory - bytesPerBlock };
}

function projectGroup(group: PlannedGroup, layers: LayerSpecs): PlannedGroup {
  const layerNames = group.layerNames.filter((name) => layers.has(name));
  if (layerNames.length === group.layerNames.length) return group;
  const { spec, isEagleGroup } = group;
  if (layerNames.length === 0 || spec.kind !== 'uniform_type') {
    return { layerNames, spec, isEagleGroup };
  }
  const own = new Map([...spec.layers].filter(([name]) => layers.has(name)));
  return { layerNames, spec: uniformTypeSpecs(own) ?? spec, isEagleGroup };
}

function neededMemory(
  worker: SizedWorker,
  options: WorkerPlanOptions,
  maxModelLen: number,
): bigint {
  const limits = { ...options.limits, maxModelLen };
  const totalBlocks = worker.groups.reduce(
    (sum, group) => sum + groupBlocksPerRequest(group.spec, limits),
    0,
  );
  return worker.bytesPerBlock * BigInt(totalBlocks);
}

/** The largest length up to the model's that fits the worker's memory; 0 if not even one token does. */
function estimateMaxModelLen(
  worker: SizedWorker,
  options: WorkerPlanOptions,
  limit: number,
): number {
  const fits = (length: number): boolean =>
    neededMemory(worker, options, length) <= worker.checkMemory;
  if (!fits(1)) return 0;
  let [low, high, result] = [1, limit, 1];
  while (low <= high) {
    const middle = Math.floor((low + high) / 2);
    if (fits(middle)) {
      result = middle;
      low = middle + 1;
    } else {
      high = middle - 1;
    }
  }
  return result;
}

/** The length that every worker can hold, and the memory of the first worker that holds no more. */
function autoFitMaxModelLen(
  workers: readonly SizedWorker[],
  options: WorkerPlanOptions,
): { maxModelLen: number; memory: bigint } {
  const fitting = workers.map((worker) =>
    estimateMaxModelLen(worker, options, options.maxModelLen),
  );
  const result = Math.min(options.maxModelLen, ...fitting);
  if (result <= 0) {
    throw valueError(
      'Cannot auto-fit max_model_len: not enough GPU memory available to serve even a single token. ' +
        'Try increasing `gpu_memory_utilization`.',
    );
  }
  const limiting = workers[result < options.maxModelLen ? fitting.indexOf(result) : 0];
  return { maxModelLen: result, memory: limiting?.checkMemory ?? 0n };
}

const SEE_ALSO =
  'See https://docs.vllm.ai/en/latest/configuration/conserving_memory/ for more details.';

function checkEnoughMemory(
  worker: SizedWorker,
  options: WorkerPlanOptions,
  maxModelLen: number,
): void {
  if (worker.checkMemory <= 0n) {
    throw valueError(
      'No available memory for the cache blocks. Try increasing `gpu_memory_utilization` when initializing the engine ' +
        '(this flag also controls CPU memory reservation on the CPU backend, despite its name). ' +
        SEE_ALSO,
    );
  }
  const needed = neededMemory(worker, options, maxModelLen);
  if (needed <= worker.checkMemory) return;
  const estimate = estimateMaxModelLen(worker, options, maxModelLen);
  const hint =
    estimate > 0
      ? `Based on the available memory, the estimated maximum model length is ${estimate}. `
      : '';
  throw valueError(
    `To serve at least one request with the model's max seq len (${maxModelLen}), (${formatGib(needed)} GiB KV cache ` +
      'is needed, which is larger than the available KV cache memory ' +
      `(${formatGib(worker.checkMemory)} GiB). ${hint}Try increasing \`gpu_memory_utilization\` (which also controls ` +
      'CPU memory on the CPU backend) or decreasing `max_model_len` when initializing the engine. ' +
      SEE_ALSO,
  );
}
