/**
 * The adapters that the workers keep: in CPU memory the last used `max_cpu_loras`, of them on the GPU the last used
 * `max_loras`; pinned ones stay. An adapter is loaded before another one makes room for it.
 * Source: vllm/lora/worker_manager.py LRUCacheWorkerLoRAManager, vllm/lora/model_manager.py LRUCacheLoRAModelManager,
 * vllm/utils/cache.py LRUCache (0.33.0).
 */
import type { LoRARequest } from '../../../shared/protocol/request.ts';
import { WorkerCallError } from '../worker-call-error.ts';

/** Checks the adapter's files. Throws WorkerCallError in vLLM's words for one that cannot be loaded. */
export type AdapterLoader = (lora: LoRARequest) => void;

export interface AdapterCacheOptions {
  /** On the GPU. */
  readonly maxLoras: number;
  /** In CPU memory; not fewer than on the GPU. */
  readonly maxCpuLoras: number;
  readonly load: AdapterLoader;
}

/** Ids in order of last use. */
class PinnableIds {
  readonly #ids = new Set<number>();
  readonly #pinned = new Set<number>();

  get size(): number {
    return this.#ids.size;
  }

  has(id: number): boolean {
    return this.#ids.has(id);
  }

  touch(id: number): void {
    this.#ids.delete(id);
    this.#ids.add(id);
  }

  pin(id: number): void {
    this.#pinned.add(id);
  }

  remove(id: number): boolean {
    this.#pinned.delete(id);
    return this.#ids.delete(id);
  }

  /** Throws WorkerCallError where all are pinned. */
  removeOldest(): number {
    for (const id of this.#ids) {
      if (this.#pinned.has(id)) continue;
      this.#ids.delete(id);
      return id;
    }
    throw new WorkerCallError('All items are pinned, cannot remove oldest from the cache.');
  }

  sorted(): number[] {
    return [...this.#ids].sort((a, b) => a - b);
  }
}

export class AdapterCache {
  readonly #options: AdapterCacheOptions;
  readonly #registered = new PinnableIds();
  readonly #active = new PinnableIds();

  constructor(options: AdapterCacheOptions) {
    this.#options = options;
  }

  /** Loads the adapter unless it is there, and brings it to the GPU; true. Throws WorkerCallError. */
  add(lora: LoRARequest): boolean {
    const id = lora.loraIntId;
    if (!this.#registered.has(id) || lora.loadInplace) {
      this.#options.load(lora);
      this.remove(id);
      if (this.#registered.size + 1 > this.#options.maxCpuLoras) {
        this.#active.remove(this.#registered.removeOldest());
      }
    }
    this.#registered.touch(id);
    this.#activate(id);
    return true;
  }

  #activate(id: number): void {
    if (!this.#active.has(id) && this.#active.size >= this.#options.maxLoras) {
      this.#active.removeOldest();
    }
    this.#active.touch(id);
  }

  /** False where it was not there. */
  remove(id: number): boolean {
    this.#active.remove(id);
    return this.#registered.remove(id);
  }

  /** True. Throws WorkerCallError for an adapter that is not there, or where the GPU has no room. */
  pin(id: number): boolean {
    if (!this.#registered.has(id)) {
      throw new WorkerCallError(`Pinning failed. LoRA ${id} is not registered.`);
    }
    this.#registered.pin(id);
    if (!this.#active.has(id)) this.#activate(id);
    this.#active.pin(id);
    return true;
  }

  /** Ascending. */
  list(): number[] {
    return this.#registered.sorted();
  }
}
