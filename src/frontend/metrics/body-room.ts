/**
 * Room for the bodies of scrapes, one after the other. New memory costs a page fault for every 4 kB that is written, and a
 * garbage collection later; eight engines' body has 270 kB.
 */

/** Numbers grow longer from scrape to scrape. */
const GROWTH = 1.1;

export class BodyRoom {
  #bytes: Buffer = Buffer.alloc(0);
  /** Somebody still reads what was joined last. */
  #isLent = false;

  /** The parts as one body, which stays as it is until `release`; where it is never called, for good. */
  join(parts: readonly Buffer[]): { readonly body: Buffer; readonly release: () => void } {
    let length = 0;
    for (const part of parts) length += part.length;
    // A slow reader keeps its bytes, and the next scrape gets others.
    if (this.#isLent || this.#bytes.length < length)
      this.#bytes = Buffer.allocUnsafe(Math.ceil(length * GROWTH));
    const bytes = this.#bytes;
    let at = 0;
    for (const part of parts) {
      bytes.set(part, at);
      at += part.length;
    }
    this.#isLent = true;
    const release = (): void => {
      if (this.#bytes === bytes) this.#isLent = false;
    };
    return { body: bytes.subarray(0, length), release };
  }
}
