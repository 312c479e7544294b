/** Durations as people write them: `30s`, `500ms`, `1.5m`, `24h`; a bare number is milliseconds. Pure. */

const UNIT_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** How a duration is written, for the words of an error. */
export const DURATION_FORM = 'a duration: 500ms, 30s, 5m, 24h, or milliseconds';

/** Milliseconds, not negative; null for what is no duration. */
export function readDuration(value: unknown): number | null {
  if (typeof value === 'number') return Number.isFinite(value) && value >= 0 ? value : null;
  if (typeof value !== 'string') return null;
  const match = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)?$/.exec(value.trim());
  if (match === null) return null;
  const ms = Number(match[1]) * (UNIT_MS[match[2] ?? 'ms'] ?? 1);
  return Number.isFinite(ms) ? ms : null;
}

/** In the largest unit that keeps it whole: `90 s`, `2 h`, `250 ms`. */
export function describeDuration(ms: number): string {
  for (const unit of ['h', 'm', 's'] as const) {
    const size = UNIT_MS[unit] ?? 1;
    if (ms >= size && ms % size === 0) return `${ms / size} ${unit === 'm' ? 'min' : unit}`;
  }
  return `${ms} ms`;
}
