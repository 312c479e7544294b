/**
 * How much has been sent to each engine since it was last heard. ZeroMQ keeps all of that for an engine that does not read,
 * also what was aborted long ago, so without a bound clients that come and go would fill this process. Pure.
 */

/** To one engine; one that runs answers long before. */
export const MAX_UNHEARD_BYTES = 256 * 1024 * 1024;

export class EngineBacklog {
  readonly #unheardBytes: number[];
  readonly #maxUnheardBytes: number;

  constructor(engineCount: number, maxUnheardBytes: number) {
    this.#maxUnheardBytes = maxUnheardBytes;
    this.#unheardBytes = new Array<number>(engineCount).fill(0);
  }

  /** Nothing but aborts should be sent to the engine at this position until it is heard. */
  isFull(position: number): boolean {
    return (this.#unheardBytes[position] ?? 0) >= this.#maxUnheardBytes;
  }

  sent(position: number, frames: readonly Uint8Array[]): void {
    let bytes = this.#unheardBytes[position] ?? 0;
    for (const frame of frames) bytes += frame.byteLength;
    this.#unheardBytes[position] = bytes;
  }

  /** The engine sent something. */
  heard(position: number): void {
    if (position in this.#unheardBytes) this.#unheardBytes[position] = 0;
  }
}
