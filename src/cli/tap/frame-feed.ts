/**
 * Brings frames to those who show and judge them, behind the traffic and never in front of it: frames wait here until the
 * process has nothing to hand on, and what finds no room is counted.
 */
import { bytesOfParts } from '../../shared/tap/frame-bytes.ts';
import type { TappedFrame } from '../../shared/tap/tap.ts';

/** Frames that may wait to be shown, and the bytes that they may hold. */
export const MAX_WAITING_FRAMES = 20_000;
export const MAX_WAITING_BYTES = 64 * 1024 * 1024;
/** Frames that are shown before sockets get their turn again. */
const BATCH_FRAMES = 16;

export interface FrameFeedOptions {
  readonly show: (frame: TappedFrame) => void;
  /** Resolves once more can be shown. */
  readonly drained: () => Promise<void>;
}

export class FrameFeed {
  readonly #options: FrameFeedOptions;
  #waiting: TappedFrame[] = [];
  #waitingBytes = 0;
  #numLost = 0;
  #running: Promise<void> | null = null;

  constructor(options: FrameFeedOptions) {
    this.#options = options;
  }

  /** Frames that nobody was shown: the reader, or this machine, is too slow. */
  get numLost(): number {
    return this.#numLost;
  }

  readonly take = (frame: TappedFrame): void => {
    const bytes = bytesOfParts(frame.parts);
    const isFull =
      this.#waiting.length >= MAX_WAITING_FRAMES || this.#waitingBytes + bytes > MAX_WAITING_BYTES;
    if (isFull) {
      this.#numLost += 1;
      return;
    }
    this.#waiting.push(frame);
    this.#waitingBytes += bytes;
    this.#running ??= this.#run();
  };

  /** Resolves once all that waited has been shown. */
  async end(): Promise<void> {
    while (this.#running !== null) await this.#running;
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      await new Promise<void>((resolve) => setImmediate(resolve));
      for (const frame of this.#waiting.splice(0, BATCH_FRAMES)) {
        this.#waitingBytes -= bytesOfParts(frame.parts);
        this.#options.show(frame);
      }
      await this.#options.drained();
    }
    this.#running = null;
  }
}
