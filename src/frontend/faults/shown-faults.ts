/**
 * The active faults as an API server knows them: told by the desk, wherever it is. What happens at HTTP and on /metrics is
 * looked up here, and shown as vllm_twin_fault_active. A server without faults pays one look at a flag.
 */
import type { FaultRecord } from './fault-desk.ts';

export class ShownFaults {
  #active: readonly FaultRecord[] = [];
  #listeners: ((record: FaultRecord) => void)[] = [];
  #hasShown = false;

  /** Any, of any kind. */
  get isAny(): boolean {
    return this.#active.length > 0;
  }

  /** Some fault has been active since the start: its family stays on /metrics. */
  get hasShown(): boolean {
    return this.#hasShown;
  }

  get active(): readonly FaultRecord[] {
    return this.#active;
  }

  /** The active ones of these ids' beginning: `http.`. */
  of(prefix: string): readonly FaultRecord[] {
    return this.#active.filter(({ fault }) => fault.startsWith(prefix));
  }

  /** Hears of each fault once, as it begins; momentary ones too. */
  onBegin(listener: (record: FaultRecord) => void): void {
    this.#listeners.push(listener);
  }

  /** All that are active now, and momentary ones that have just happened. */
  update(records: readonly FaultRecord[]): void {
    const known = new Set(this.#active.map(({ handle }) => handle));
    this.#active = records.filter(({ is_momentary }) => !is_momentary);
    if (this.#active.length > 0) this.#hasShown = true;
    for (const record of records) {
      if (known.has(record.handle)) continue;
      for (const listener of this.#listeners) listener(record);
    }
  }
}
