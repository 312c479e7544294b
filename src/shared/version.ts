/** The vLLM release that this twin follows, and says it is on the wire and at /version unless it is told another. */
export const VLLM_VERSION = '0.33.0';

/** The releases that a twin can be on the wire, on /metrics and at /version (`--vllm-version`), oldest first. */
export const SPOKEN_VERSIONS = ['0.28.0', '0.30.0', '0.31.0', '0.32.0', '0.33.0'] as const;

export type SpokenVersion = (typeof SPOKEN_VERSIONS)[number];

/** Whether a release came before another; one that a twin cannot be came before none. */
export function isBefore(version: string, other: SpokenVersion): boolean {
  const versions: readonly string[] = SPOKEN_VERSIONS;
  const at = versions.indexOf(version);
  return at >= 0 && at < versions.indexOf(other);
}

/** What a start says of another release than ours; null of ours. */
export function spokenVersionNote(version: SpokenVersion): string | null {
  if (version === VLLM_VERSION) return null;
  return `Speaking as vLLM ${version}: its wire, its metrics and its /version; scheduling and capacity stay those of ${VLLM_VERSION}`;
}
