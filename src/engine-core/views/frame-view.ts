/** The frames that the process's tap keeps, as they are handed on: so many at a time that an answer stays small. */
import type { Clock } from '../../shared/clock.ts';
import { answeredFrames } from '../../shared/tap/process-frames.ts';
import type { Tap } from '../../shared/tap/tap.ts';
import type { EngineFrames } from '../../shared/twin-api/engine-views.ts';

export function frameView(tap: Tap, clock: Clock, sinceSeq: number): EngineFrames {
  return {
    wall_ms: clock.wallMs(),
    monotonic_ms: clock.monotonicMs(),
    process: tap.process,
    num_seen: tap.numSeen,
    num_fallen_out: tap.numFallenOut,
    frames: answeredFrames(tap.framesSince(sinceSeq)),
  };
}
