import type { WireVersion } from '../protocol/wire-version.ts';
import { createDissector, type Dissector } from './dissector.ts';
import type { FrameVersions } from './frame-versions.ts';
import type { RawFrame } from './raw-frame.ts';

/** Takes each frame apart by its own version's tables. */
export function createFollowingDissector(versions: FrameVersions): Dissector {
  const dissectors = new Map<WireVersion, Dissector>();

  function dissectorOf(frame: RawFrame): Dissector {
    versions.see(frame);
    const version = versions.of(frame);
    const known = dissectors.get(version);
    if (known !== undefined) return known;
    const made = createDissector(version);
    dissectors.set(version, made);
    return made;
  }

  return {
    dissect: (frame) => dissectorOf(frame).dissect(frame),
    line: (frame, place) => dissectorOf(frame).line(frame, place),
    detail: (frame, place) => dissectorOf(frame).detail(frame, place),
  };
}
