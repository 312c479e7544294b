import type { Clock } from '../../shared/clock.ts';
import { framesOfTap } from '../../shared/tap/process-frames.ts';
import type { Tap } from '../../shared/tap/tap.ts';
import type { EngineFrames } from '../../shared/twin-api/engine-views.ts';

/** What the process's tap keeps, as any process tells it, with what an engine says of itself beside. */
export function frameView(tap: Tap, clock: Clock, sinceSeq: number): EngineFrames {
  const wallMs = clock.wallMs();
  const { process, monotonicMs, frames } = framesOfTap(tap, clock, sinceSeq);
  return {
    wall_ms: wallMs,
    monotonic_ms: monotonicMs,
    process,
    num_seen: tap.numSeen,
    num_fallen_out: tap.numFallenOut,
    frames,
  };
}
