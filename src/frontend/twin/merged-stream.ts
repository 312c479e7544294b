/**
 * The frames of all processes in one numbered stream: what each process has told, in the order of time within one
 * gathering. Numbers never change and never come again; the oldest frames make room for new ones. Pure.
 */
import { SlidingList } from '../../shared/sliding-list.ts';
import type { RawFrame } from '../../shared/tap/raw-frame.ts';

/** Frames that the stream keeps. */
export const MAX_STREAM_FRAMES = 20_000;
/** Bytes of their parts, as base64. */
export const MAX_STREAM_BYTES = 64 * 1024 * 1024;

/** The same of one answer, which is decoded and may be several times as long then; a single frame may be larger. */
export const MAX_ANSWER_BYTES = 2 * 1024 * 1024;

/** Frames of one process, as a gathering brings them. */
export interface GatheredFrames {
  readonly process: string;
  /** To put its monotonic clock on the wall's: Unix epoch milliseconds at monotonic 0. */
  readonly epochMs: number;
  readonly frames: readonly RawFrame[];
}

export interface StreamFrame {
  /** From 1, in the order of the stream. */
  readonly n: number;
  readonly process: string;
  /** Milliseconds since the first frame of the stream. */
  readonly tMs: number;
  readonly frame: RawFrame;
}

export class MergedStream {
  readonly #frames = new SlidingList<StreamFrame>();
  #bytes = 0;
  #lastN = 0;
  #numFallenOut = 0;
  #originMs: number | null = null;
  /** The newest `seq` of each process that is in the stream. */
  readonly #lastSeq = new Map<string, number>();

  get lastN(): number {
    return this.#lastN;
  }

  /** Of the oldest frame that is still there; one more than `lastN` where none is. */
  get firstN(): number {
    return this.#frames.at(0)?.n ?? this.#lastN + 1;
  }

  get numFallenOut(): number {
    return this.#numFallenOut;
  }

  /** The newest frame of a process that the stream has seen; 0 before the first. */
  lastSeqOf(process: string): number {
    return this.#lastSeq.get(process) ?? 0;
  }

  /** Takes one gathering in. What a process tells again is left out. */
  add(gathered: readonly GatheredFrames[]): void {
    const fresh = gathered.flatMap(({ process, epochMs, frames }) => {
      const known = this.#lastSeq.get(process) ?? 0;
      return frames
        .filter(({ seq }) => seq > known)
        .map((frame) => ({ process, frame, wallMs: epochMs + frame.monotonic_ms }));
    });
    fresh.sort((a, b) => a.wallMs - b.wallMs);
    for (const { process, frame, wallMs } of fresh) {
      this.#originMs ??= wallMs;
      this.#lastN += 1;
      this.#lastSeq.set(process, Math.max(this.lastSeqOf(process), frame.seq));
      this.#frames.push({ n: this.#lastN, process, tMs: wallMs - this.#originMs, frame });
      this.#bytes += bytesOf(frame);
    }
    this.#makeRoom();
  }

  /** The frames behind `n`, at most `limit`, in order; fewer where they are long, and at least one where there is one. */
  since(n: number, limit: number): readonly StreamFrame[] {
    const begin = Math.max(0, n + 1 - this.firstN);
    const frames = this.#frames.slice(begin, begin + limit);
    let bytes = 0;
    const over = frames.findIndex(({ frame }) => {
      bytes += bytesOf(frame);
      return bytes > MAX_ANSWER_BYTES;
    });
    return over === -1 ? frames : frames.slice(0, Math.max(1, over));
  }

  /** Undefined where it fell out, or has not come yet. */
  at(n: number): StreamFrame | undefined {
    return this.#frames.at(n - this.firstN);
  }

  #makeRoom(): void {
    while (
      this.#frames.length > MAX_STREAM_FRAMES ||
      (this.#bytes > MAX_STREAM_BYTES && this.#frames.length > 1)
    ) {
      const oldest = this.#frames.shift();
      if (oldest === undefined) return;
      this.#bytes -= bytesOf(oldest.frame);
      this.#numFallenOut += 1;
    }
  }
}

/** Of its parts, as base64. */
export function bytesOf(frame: RawFrame): number {
  let bytes = 0;
  for (const part of frame.parts) bytes += part.length;
  return bytes;
}
