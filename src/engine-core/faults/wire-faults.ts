/** The faults on an engine's messages in one direction, as they are active. Pure: when messages go is wire-lane.ts's. */

/** Between an engine and its frontends; the handshake and the coordinator are not meant. */
export type WireDirection = 'to-engine' | 'from-engine';

export interface WireFault {
  /** How much longer each message takes. */
  readonly delayMs?: number;
  /** What goes in the message's place, null where it is lost; asked once of each, in their order. */
  readonly change?: (frames: readonly Uint8Array[]) => readonly Uint8Array[] | null;
}

export class WireFaults {
  readonly #faults: WireFault[] = [];
  /** Nothing is delayed any more: what waits may go. */
  onUndelayed: () => void = () => {};

  get isAny(): boolean {
    return this.#faults.length > 0;
  }

  get delayMs(): number {
    return this.#faults.reduce((sum, { delayMs = 0 }) => sum + delayMs, 0);
  }

  /** Active until what it gives is called. */
  add(fault: WireFault): () => void {
    this.#faults.push(fault);
    return () => {
      this.#faults.splice(this.#faults.indexOf(fault), 1);
      if (this.delayMs === 0) this.onUndelayed();
    };
  }

  /** By all of them in turn; null where one of them loses it. */
  change(frames: readonly Uint8Array[]): readonly Uint8Array[] | null {
    let changed: readonly Uint8Array[] | null = frames;
    for (const fault of this.#faults)
      if (changed !== null && fault.change !== undefined) changed = fault.change(changed);
    return changed;
  }
}
