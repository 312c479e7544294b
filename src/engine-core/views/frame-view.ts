/** The frames that the process's tap keeps, as they are handed on: so many at a time that an answer stays small. */
import type { Clock } from '../../shared/clock.ts';
import { type RawFrame, toRawFrame } from '../../shared/tap/raw-frame.ts';
import type { Tap, TappedFrame } from '../../shared/tap/tap.ts';
import type { EngineFrames } from '../../shared/twin-api/engine-views.ts';

/** Of one answer; whoever looks asks again from the last one on. */
export const MAX_ANSWERED_FRAMES = 1_000;
/** Bytes of the frames' parts in one answer; a single frame may be larger. */
export const MAX_ANSWERED_BYTES = 4 * 1024 * 1024;

export function frameView(tap: Tap, clock: Clock, sinceSeq: number): EngineFrames {
  return {
    wall_ms: clock.wallMs(),
    monotonic_ms: clock.monotonicMs(),
    process: tap.process,
    num_seen: tap.numSeen,
    num_fallen_out: tap.numFallenOut,
    frames: firstOf(tap.framesSince(sinceSeq)),
  };
}

function firstOf(kept: readonly TappedFrame[]): RawFrame[] {
  const frames: RawFrame[] = [];
  let bytes = 0;
  for (const frame of kept) {
    bytes += frame.parts.reduce((sum, part) => sum + part.byteLength, 0);
    const isOver = bytes > MAX_ANSWERED_BYTES || frames.length >= MAX_ANSWERED_FRAMES;
    if (isOver && frames.length > 0) break;
    frames.push(toRawFrame(frame));
  }
  return frames;
}
