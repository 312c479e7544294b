import type { Clock } from '../clock.ts';
import { bytesOfParts } from './frame-bytes.ts';
import { type RawFrame, toRawFrame } from './raw-frame.ts';
import type { Tap, TappedFrame } from './tap.ts';

/** How long a process goes on keeping frames after it was asked for them. */
export const WATCH_MS = 5_000;
/** What one answer may hold; who wants more asks again. */
export const MAX_ANSWERED_FRAMES = 1_000;
/** Bytes of the frames' parts in one answer; a single frame may be larger. */
export const MAX_ANSWERED_BYTES = 4 * 1024 * 1024;

/** Frames of one process, as it tells another of them. */
export interface ProcessFrames {
  readonly process: string;
  /** Its own clock when it told: what puts the times of its frames on another's. */
  readonly monotonicMs: number;
  readonly frames: readonly RawFrame[];
}

/** What this process's tap keeps beyond `sinceSeq`; it keeps more for the next seconds. */
export function framesOfTap(tap: Tap, clock: Clock, sinceSeq: number): ProcessFrames {
  const monotonicMs = clock.monotonicMs();
  tap.watchUntil(monotonicMs + WATCH_MS);
  return {
    process: tap.process,
    monotonicMs,
    frames: answeredFrames(tap.framesSince(sinceSeq)),
  };
}

/** The first of the frames that a tap keeps, so many that an answer stays small. */
function answeredFrames(kept: readonly TappedFrame[]): RawFrame[] {
  const frames: RawFrame[] = [];
  let bytes = 0;
  for (const frame of kept) {
    bytes += bytesOfParts(frame.parts);
    const isOver = bytes > MAX_ANSWERED_BYTES || frames.length >= MAX_ANSWERED_FRAMES;
    if (isOver && frames.length > 0) break;
    frames.push(toRawFrame(frame));
  }
  return frames;
}
