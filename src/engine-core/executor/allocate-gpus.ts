import type { ModelPlan } from '../../capacity/models/model-plan.ts';
import type { KVCachePlan } from '../../capacity/plan/plan-kv-cache.ts';
import { GpuMemory } from './gpu-memory.ts';

const MORE_MEMORY = 'Raise --tensor-parallel-size, or take a larger --gpu';
const FEWER_BLOCKS =
  'Lower --num-gpu-blocks-override or --kv-cache-memory-bytes, or take a larger --gpu';

/**
 * The simulated GPUs, one per worker, filled: what the profiler found in use, then the KV cache, one pool per GPU and
 * every layer's view inside it. Memory that was given for the KV cache goes unprofiled, but weights lie beside it all
 * the same. `gpuMemoryBytes` is the size of a GPU that was not profiled. Throws E_GPU_OUT_OF_MEMORY.
 */
export function allocateGpus(
  memory: ModelPlan['memory'],
  workers: KVCachePlan['workers'],
  gpuMemoryBytes: number,
): readonly GpuMemory[] {
  return workers.map((worker, index) => {
    const budget = memory[index];
    const gpu = new GpuMemory(budget?.totalBytes ?? gpuMemoryBytes, index);
    if (budget !== undefined) {
      gpu.allocate('weights', budget.weightsBytes, MORE_MEMORY);
      gpu.allocate('non-torch memory', budget.nonTorchBytes);
      gpu.allocate('CUDA graphs', budget.cudaGraphBytes);
      // The peak of a forward pass is freed after it, but must have room beside the KV cache.
      gpu.allocate('peak activations', budget.peakActivationBytes);
    }
    gpu.allocate('KV cache', worker.poolBytes, FEWER_BLOCKS);
    return gpu;
  });
}
