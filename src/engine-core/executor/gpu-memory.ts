/**
 * The simulated GPU's memory: a ledger of named allocations that refuses to hand out more than there is, with the words
 * of the allocator that a user of vLLM knows.
 */
import { assert } from '../../shared/assert.ts';
import { StartupError } from '../../shared/errors.ts';

const GIB = 2 ** 30;

export interface Allocation {
  readonly name: string;
  readonly bytes: number;
}

export class GpuMemory {
  readonly #totalBytes: number;
  readonly #deviceIndex: number;
  readonly #allocations = new Map<string, Allocation>();
  #usedBytes = 0;

  constructor(totalBytes: number, deviceIndex: number) {
    this.#totalBytes = totalBytes;
    this.#deviceIndex = deviceIndex;
  }

  get freeBytes(): number {
    return this.#totalBytes - this.#usedBytes;
  }

  get allocations(): readonly Allocation[] {
    return [...this.#allocations.values()];
  }

  /** Throws E_GPU_OUT_OF_MEMORY where less is free; `remedy` says which flags help. */
  allocate(name: string, bytes: number, remedy = 'Take a larger --gpu'): Allocation {
    assert(bytes >= 0 && Number.isSafeInteger(bytes), () => `allocation ${name} of ${bytes} bytes`);
    assert(!this.#allocations.has(name), () => `${name} is allocated already`);
    if (bytes > this.freeBytes) {
      throw new StartupError(
        'E_GPU_OUT_OF_MEMORY',
        `CUDA out of memory. Tried to allocate ${gib(bytes)} for ${name}. GPU ${this.#deviceIndex} has a total capacity of ` +
          `${gib(this.#totalBytes)} of which ${gib(this.freeBytes)} is free. ${remedy}.`,
      );
    }
    const allocation = { name, bytes };
    this.#allocations.set(name, allocation);
    this.#usedBytes += bytes;
    return allocation;
  }

  free(allocation: Allocation): void {
    assert(this.#allocations.delete(allocation.name), () => `${allocation.name} is not allocated`);
    this.#usedBytes -= allocation.bytes;
  }
}

function gib(bytes: number): string {
  return `${(bytes / GIB).toFixed(2)} GiB`;
}
