/** The vLLM release that this twin follows, and says it is on the wire and at /version unless it is told another. */
export const VLLM_VERSION = '0.33.0';

/** The releases that a twin can be on the wire, on /metrics and at /version (`--vllm-version`), oldest first. */
export const SPOKEN_VERSIONS = ['0.33.0'] as const;

export type SpokenVersion = (typeof SPOKEN_VERSIONS)[number];

/** What a start says of another release than ours; null of ours. */
export function spokenVersionNote(version: SpokenVersion): string | null {
  if (version === VLLM_VERSION) return null;
  return `Speaking as vLLM ${version}: its wire, its metrics and its /version; scheduling and capacity stay those of ${VLLM_VERSION}`;
}
