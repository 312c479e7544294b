/**
 * What of a worker's memory only a GPU can say, as few constants as possible, fitted on start-up logs of real GPUs
 * (docs/memory-budget.md has the logs, the fit and what it leaves unexplained; scripts/budget-page.ts makes it).
 */

const MIB = 2 ** 20;

/**
 * What stays outside the weights after profiling: modules of kernels, workspaces, buffers of the runner. The CUDA context,
 * NCCL and cuBLAS are older than vLLM's first snapshot and not in it. Fitted.
 */
export const RESIDENT_BYTES = 368 * MIB;

/** Of one captured CUDA graph, per layer of the stage: kernel nodes in the driver, and the pool's share. Fitted. */
export const GRAPH_BYTES_PER_LAYER = 256 * 1024;

/** vLLM's floor for a full graph. Source: vllm/v1/worker/gpu/cudagraph_utils.py _MIN_PER_GRAPH_BYTES (0.33.0). */
export const MIN_FULL_GRAPH_BYTES = MIB;

/** Where CPU and GPU share one memory, what the process holds on the CPU counts as used on the GPU. Fitted on one log. */
export const UNIFIED_MEMORY_BYTES = 1100 * MIB;

/** The median and the largest unexplained error of the fit, in percent of the KV cache memory, and its number of logs. */
export const FIT_ERROR = { medianPercent: 2, withinPercent: 6, logs: 16 } as const;
