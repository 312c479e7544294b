import { describe, expect, it } from 'vitest';
import { GpuMemory } from '../../../../src/engine-core/executor/gpu-memory.ts';

const GIB = 2 ** 30;

describe("a GPU's memory", () => {
  it('is handed out until there is none left', () => {
    const gpu = new GpuMemory(10 * GIB, 0);
    gpu.allocate('weights', 4 * GIB);
    gpu.allocate('KV cache', 6 * GIB);
    expect(gpu.freeBytes).toBe(0);
    expect(gpu.allocations).toEqual([
      { name: 'weights', bytes: 4 * GIB },
      { name: 'KV cache', bytes: 6 * GIB },
    ]);
  });

  it("says in CUDA's words what does not fit, and keeps what is there", () => {
    const gpu = new GpuMemory(10 * GIB, 3);
    gpu.allocate('weights', 4 * GIB);
    expect(() => gpu.allocate('KV cache', 6 * GIB + 1, 'Lower --x')).toThrow(
      expect.objectContaining({
        code: 'E_GPU_OUT_OF_MEMORY',
        message:
          'CUDA out of memory. Tried to allocate 6.00 GiB for KV cache. GPU 3 has a total capacity of 10.00 GiB of which ' +
          '6.00 GiB is free. Lower --x.',
      }),
    );
    expect(gpu.freeBytes).toBe(6 * GIB);
  });

  it('comes back when it is freed, once', () => {
    const gpu = new GpuMemory(GIB, 0);
    const allocation = gpu.allocate('weights', GIB);
    gpu.free(allocation);
    expect(gpu.freeBytes).toBe(GIB);
    expect(() => gpu.free(allocation)).toThrow('weights is not allocated');
    gpu.allocate('weights', GIB);
  });

  it('is never counted twice or by halves', () => {
    const gpu = new GpuMemory(GIB, 0);
    gpu.allocate('weights', 1);
    expect(() => gpu.allocate('weights', 1)).toThrow('weights is allocated already');
    expect(() => gpu.allocate('KV cache', 0.5)).toThrow('allocation KV cache of 0.5 bytes');
    expect(() => gpu.allocate('KV cache', -1)).toThrow('allocation KV cache of -1 bytes');
  });
});
