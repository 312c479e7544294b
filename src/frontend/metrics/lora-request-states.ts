/**
 * Which requests of each adapter wait and run, as their events tell.
 * Source: vllm/v1/metrics/stats.py LoRARequestStates, IterationStats.update_from_events (0.33.0).
 */
import type { RequestId } from '../../shared/protocol/ids.ts';
import { type EngineCoreEvent, EngineCoreEventType } from '../../shared/protocol/outputs.ts';
import type { SchedulerStats } from '../../shared/protocol/stats.ts';

interface AdapterRequests {
  readonly waiting: Set<RequestId>;
  readonly running: Set<RequestId>;
}

export class LoRARequestStates {
  readonly #adapters = new Map<string, AdapterRequests>();

  updateFromEvents(
    requestId: RequestId,
    loraName: string | null,
    events: readonly EngineCoreEvent[] | null,
  ): void {
    if (loraName === null || events === null) return;
    for (const { type } of events) this.#move(requestId, loraName, type);
  }

  #move(requestId: RequestId, loraName: string, type: EngineCoreEventType): void {
    let requests = this.#adapters.get(loraName);
    if (requests === undefined) {
      requests = { waiting: new Set(), running: new Set() };
      this.#adapters.set(loraName, requests);
    }
    const isRunning = type === EngineCoreEventType.SCHEDULED;
    requests[isRunning ? 'waiting' : 'running'].delete(requestId);
    requests[isRunning ? 'running' : 'waiting'].add(requestId);
  }

  finish(requestId: RequestId, loraName: string | null): void {
    if (loraName === null) return;
    const requests = this.#adapters.get(loraName);
    if (requests === undefined) return;
    requests.waiting.delete(requestId);
    requests.running.delete(requestId);
    if (requests.waiting.size === 0 && requests.running.size === 0) this.#adapters.delete(loraName);
  }

  /** The engines are gone, and with them every request. */
  clear(): void {
    this.#adapters.clear();
  }

  /** The statistics with what this frontend knows of the adapters: each of them in both maps, as in vLLM. */
  addTo(stats: SchedulerStats): SchedulerStats {
    if (this.#adapters.size === 0) return stats;
    const waiting: Record<string, number> = { ...stats.waitingLoraAdapters };
    const running: Record<string, number> = { ...stats.runningLoraAdapters };
    for (const [name, requests] of this.#adapters) {
      waiting[name] = requests.waiting.size;
      running[name] = requests.running.size;
    }
    return { ...stats, waitingLoraAdapters: waiting, runningLoraAdapters: running };
  }
}
