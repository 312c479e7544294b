import type { Clock } from '../clock.ts';
import { type RawFrame, toRawFrame } from './raw-frame.ts';
import type { Tap } from './tap.ts';

/** How long a process goes on keeping frames after it was asked for them. */
export const WATCH_MS = 5_000;
/** What one answer may hold; who wants more asks again. */
export const MAX_FRAMES_PER_ANSWER = 1_000;

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
    frames: tap.framesSince(sinceSeq).slice(0, MAX_FRAMES_PER_ANSWER).map(toRawFrame),
  };
}
