/** The clocks of several processes made one. */
import type { RecordingHead } from './recording-format.ts';

/**
 * Two anchors of one host whose clocks are this far apart are of two boots, or of two machines that have the same name; less is
 * the time between reading both clocks, or a wall clock that was set.
 */
const SAME_BOOT_MS = 2_000;

/**
 * What is to be added to each head's `monotonic_ms` so that all are milliseconds since the earliest head. Processes of a host
 * share the system's monotonic clock, which is compared directly; hosts are compared by their wall clocks.
 */
export function placeInTime(heads: readonly RecordingHead[]): readonly number[] {
  const anchors: { readonly host: string; readonly offsetMs: number }[] = [];
  const offsets = heads.map(({ host, wall_ms, monotonic_ms }) => {
    const offsetMs = wall_ms - monotonic_ms;
    const same = anchors.find(
      (anchor) => anchor.host === host && Math.abs(anchor.offsetMs - offsetMs) < SAME_BOOT_MS,
    );
    if (same !== undefined) return same.offsetMs;
    anchors.push({ host, offsetMs });
    return offsetMs;
  });
  const starts = heads.map(({ monotonic_ms }, index) => monotonic_ms + (offsets[index] ?? 0));
  const earliest = starts.reduce(
    (least, start) => Math.min(least, start),
    Number.POSITIVE_INFINITY,
  );
  return offsets.map((offset) => offset - earliest);
}
