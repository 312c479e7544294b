/**
 * What of a worker's memory only a GPU can say, as few constants as possible, fitted on start-up logs of real GPUs.
 * docs/memory-budget.md has the logs, the fit and what it leaves unexplained; scripts/budget-page.ts makes it.
 */

const MIB = 2 ** 20;

/**
 * What stays outside the weights after profiling: modules of kernels, workspaces, buffers of the runner, the rounding of
 * torch's allocator. The CUDA context, NCCL and cuBLAS are older than vLLM's first snapshot and not in it. Fitted.
 */
export const RESIDENT_BYTES = 480 * MIB;

/** The first capture, which fills the pool of the graphs, and what compilation leaves behind. Fitted. */
export const FIRST_CAPTURE_BYTES = 320 * MIB;

/** Of one captured CUDA graph, per layer of the stage: its kernels in the driver. Fitted. */
export const GRAPH_BYTES_PER_LAYER = 96 * 1024;

/** vLLM's floor for a full graph. Source: vllm/v1/worker/gpu/cudagraph_utils.py _MIN_PER_GRAPH_BYTES (0.33.0). */
export const MIN_FULL_GRAPH_BYTES = MIB;

/** Where CPU and GPU share one memory, what the process holds on the CPU counts as used on the GPU. From one log. */
export const UNIFIED_MEMORY_BYTES = 1024 * MIB;

/** How well the fit meets its logs, in percent of the logged KV cache memory. */
export const FIT = { medianPercent: 1.6, withinPercent: 6, numWithin: 10, numLogs: 14 } as const;
