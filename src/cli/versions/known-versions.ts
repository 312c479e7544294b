/** The versions of vLLM of which something is known here, from the newest. */
import { ConfigError } from '../../shared/errors.ts';
import { CATALOGUE_VERSIONS, catalogueOf } from '../../shared/metric-catalogue/metric-catalogue.ts';
import { KNOWN_METRIC_VERSIONS } from '../../shared/metric-catalogue/metric-differences.ts';
import { knownVersion, releaseOf } from '../../shared/protocol/versions/known-version.ts';
import { WIRE_VERSIONS } from '../../shared/protocol/versions/wire-versions.ts';
import { compareVersions, VLLM_VERSION } from '../../shared/version.ts';

export interface KnownVersion {
  readonly version: string;
  /** The one that a twin is unless --vllm-version names another. */
  readonly isDefault: boolean;
  /** `serve --vllm-version` takes it, and its messages can be read. */
  readonly isWireKnown: boolean;
  /** Families and labels of cache_config_info; null where no more than names is known. */
  readonly metrics: { readonly families: number; readonly cacheConfigInfoLabels: number } | null;
}

export const WIRE_VERSION_NAMES: readonly string[] = Object.keys(WIRE_VERSIONS);

const KNOWN: readonly string[] = [
  ...new Set([...KNOWN_METRIC_VERSIONS, ...WIRE_VERSION_NAMES]),
].sort((a, b) => compareVersions(b, a));

export function knownVersions(): readonly KnownVersion[] {
  return KNOWN.map((version) => ({
    version,
    isDefault: version === VLLM_VERSION,
    isWireKnown: knownVersion(version) !== null,
    metrics: metricsOf(version),
  }));
}

function metricsOf(version: string): KnownVersion['metrics'] {
  if (!CATALOGUE_VERSIONS.includes(version)) return null;
  const { families, cacheConfigInfoLabels } = catalogueOf(version);
  return { families: families.length, cacheConfigInfoLabels: cacheConfigInfoLabels.length };
}

/**
 * As people write it, or a server says it: `v0.31.0`, `0.31` and `0.31.0+cpu` are 0.31.0. Throws E_BAD_FLAG, naming the
 * versions that are known.
 */
export function readVersion(word: string): string {
  const written = releaseOf(word.replace(/^v/, ''));
  const found = [written, `${written}.0`].find((version) => KNOWN.includes(version));
  if (found !== undefined) return found;
  throw new ConfigError(
    'E_BAD_FLAG',
    `versions: nothing is known of vLLM '${word}'; known are ${KNOWN.join(', ')}`,
  );
}
