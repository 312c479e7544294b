/**
 * What a worker says of weights, profiling and CUDA graphs while it starts, in vLLM's words. Nothing is loaded or captured
 * here, so times are 0, and graphs take what was estimated.
 * Source: vllm/v1/worker/gpu_worker.py determine_available_memory, compile_or_warm_up_model,
 * vllm/v1/worker/gpu/model_runner.py load_model, capture_model (0.33.0).
 */
import type { MemoryBudget } from '../capacity/models/memory-budget.ts';
import type { EngineArgs } from '../shared/config/registry.ts';
import { formatGib, pythonFloatRepr, toFixed2 } from '../shared/python/float.ts';
import type { StartupLine } from './startup-line.ts';

/** vLLM's own margin under the sizes that it suggests. */
const REDUNDANCY_BYTES = 150 * 2 ** 20;

/** Once the weights are there. */
export function loadLine({ weightsBytes }: MemoryBudget): string {
  return `Model loading took ${formatGib(weightsBytes)} GiB memory and 0.000000 seconds`;
}

/** After the profile: what the estimate of the graphs does to the memory asked for. Empty without graphs. */
export function profileNote(args: EngineArgs, budget: MemoryBudget): StartupLine[] {
  const { cudaGraphEstimateBytes: estimate, totalBytes, utilization } = budget;
  if (estimate === 0) return [];
  const share = estimate / totalBytes;
  const now = utilization.toFixed(4);
  const more = Math.min(utilization + share, 1).toFixed(4);
  const text = args.memoryProfilerEstimateCudagraphs
    ? `CUDA graph memory profiling is enabled (default since v0.21.0). The current --gpu-memory-utilization=${now} is ` +
      `equivalent to --gpu-memory-utilization=${(utilization - share).toFixed(4)} without CUDA graph memory profiling. To maintain ` +
      `the same effective KV cache size as before, increase --gpu-memory-utilization to ${more}. To disable, set ` +
      'VLLM_MEMORY_PROFILER_ESTIMATE_CUDAGRAPHS=0.'
    : 'CUDA graph memory profiling is disabled (VLLM_MEMORY_PROFILER_ESTIMATE_CUDAGRAPHS=0). Without it, CUDA graph memory ' +
      'is not accounted for during KV cache allocation, which may require lowering --gpu-memory-utilization to avoid OOM. ' +
      `Consider re-enabling it (the default as of v0.21.0) and increasing --gpu-memory-utilization from ${now} to ${more}.`;
  return [{ level: args.memoryProfilerEstimateCudagraphs ? 'info' : 'warn', text }];
}

/** Once the KV cache is there: the capture, and how the memory came to be used. */
export function captureLines(args: EngineArgs, budget: MemoryBudget): StartupLine[] {
  const captured = budget.cudaGraphEstimateBytes;
  const isProfiled = args.kvCacheMemoryBytes === null;
  const lines: StartupLine[] = [];
  if (!args.enforceEager) lines.push(capturingLine(captured));
  if (isProfiled && captured > 0) {
    const size = formatGib(captured);
    lines.push({
      level: 'info',
      text: `CUDA graph pool memory: ${size} GiB (actual), ${size} GiB (estimated), difference: 0.0 GiB (0.0%).`,
    });
  }
  if (isProfiled) lines.push({ level: 'info', text: usageLine(args, budget) });
  return lines;
}

function capturingLine(captured: number): StartupLine {
  if (captured === 0)
    return {
      level: 'warn',
      text:
        'Skipping encoder and decoder CUDA graph capture. To enable encoder capture, ensure `cudagraph_mm_encoder` is ' +
        'enabled; to enable decoder capture, ensure `cudagraph_mode` is not `NONE`.',
    };
  const gib = toFixed2(captured / 2 ** 30);
  return { level: 'info', text: `Graph capturing finished in 0 secs, took ${gib} GiB` };
}

/** The graphs are in it twice, in the peak and by themselves, as in vLLM. */
function usageLine(args: EngineArgs, budget: MemoryBudget): string {
  const { totalBytes: total, requestedBytes: requested } = budget;
  const captured = args.enforceEager ? 0 : budget.cudaGraphEstimateBytes;
  const consumed = budget.weightsBytes + budget.nonTorchBytes;
  const peak = budget.peakActivationBytes + budget.cudaGraphBytes;
  const used = consumed + peak + captured + REDUNDANCY_BYTES;
  const suggestion = (bytes: number): string =>
    `\`--kv-cache-memory=${Math.trunc(bytes)}\` (${formatGib(bytes)} GiB)`;
  return (
    `Free memory on device (${formatGib(total)}/${formatGib(total)} GiB) on startup. Desired GPU memory utilization is ` +
    `(${pythonFloatRepr(args.gpuMemoryUtilization)}, ${formatGib(requested)} GiB). Actual usage is ${formatGib(consumed)} GiB ` +
    `for consumed memory (weights + non-torch), ${formatGib(peak)} GiB for peak activation, and ${formatGib(captured)} GiB ` +
    `for CUDAGraph memory. Replace gpu_memory_utilization config with ${suggestion(requested - used)} to fit into requested ` +
    `memory, or ${suggestion(total - used)} to fully utilize gpu memory. Current kv cache memory in use is ` +
    `${formatGib(budget.availableBytes)} GiB.`
  );
}
