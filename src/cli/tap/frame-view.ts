/** How frames and, at the end, a verdict are written to stdout. */
import type { TappedFrame } from '../../shared/tap/tap.ts';

export interface FrameView {
  /** `tMs`: since the tap began. */
  show(frame: TappedFrame, tMs: number): void;
  /** What is left to say; the exit code. `numLost`: frames that came too fast to be shown. */
  end(numLost: number): number;
}
