/** The vLLM release that this twin follows, and says it is on the wire and at /version unless it is told another. */
export const VLLM_VERSION = '0.33.0';

/** The releases that a twin can be on the wire, on /metrics and at /version (`--vllm-version`), oldest first. */
export const SPOKEN_VERSIONS = ['0.28.0', '0.30.0', '0.31.0', '0.32.0', '0.33.0'] as const;

export type SpokenVersion = (typeof SPOKEN_VERSIONS)[number];

/**
 * Negative where `a` came before `b`; `0.9.2` did before `0.10.0`. By hand: every server loads this, and the system's
 * collation takes megabytes.
 */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [partsOf(a), partsOf(b)];
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

function partsOf(version: string): readonly number[] {
  return version.split('.').map(Number);
}

/** Whether a release came before another that a twin can be. */
export function isBefore(version: string, other: SpokenVersion): boolean {
  return compareVersions(version, other) < 0;
}

/** What a start says of another release than ours; null of ours. */
export function spokenVersionNote(version: SpokenVersion): string | null {
  if (version === VLLM_VERSION) return null;
  return `Speaking as vLLM ${version}: its wire, its metrics and its /version; scheduling and capacity stay those of ${VLLM_VERSION}`;
}
