/** What --custom-histogram-buckets may hold. Source: vllm/config/observability.py ObservabilityConfig (0.33.0). */
import { ConfigError } from '../errors.ts';

/** The families that histograms take their bounds from. Source: vllm/v1/metrics/buckets.py BucketFamilyKey. */
export const BUCKET_FAMILIES = [
  'inter_token_latency',
  'iteration_tokens',
  'kv_cache_residency',
  'request_latency',
  'request_num_preemptions',
  'request_params_n',
  'request_tokens',
  'time_to_first_token',
] as const;

/** Throws E_BAD_FLAG with the family, the bound and the rule. */
export function checkCustomBuckets(value: Readonly<Record<string, unknown>> | null): void {
  for (const [family, bounds] of Object.entries(value ?? {})) {
    const known: readonly string[] = BUCKET_FAMILIES;
    if (!known.includes(family))
      throw new ConfigError(
        'E_BAD_FLAG',
        `custom_histogram_buckets: unknown bucket family '${family}'; known families: ${known.join(', ')}`,
      );
    const where = `custom_histogram_buckets['${family}']`;
    if (!Array.isArray(bounds))
      throw new ConfigError('E_BAD_FLAG', `${where}: must be a list of numbers`);
    checkBounds(bounds, where);
  }
}

function checkBounds(bounds: readonly unknown[], where: string): void {
  if (bounds.length === 0)
    throw new ConfigError('E_BAD_FLAG', `${where}: bucket list must not be empty`);
  let last = 0;
  for (const bound of bounds) {
    const shown = JSON.stringify(bound);
    if (typeof bound === 'boolean')
      throw new ConfigError(
        'E_BAD_FLAG',
        `${where}: bound ${shown} must be a number, not a boolean`,
      );
    if (typeof bound !== 'number')
      throw new ConfigError('E_BAD_FLAG', `${where}: bound ${shown} must be a number`);
    if (!Number.isFinite(bound) || bound <= 0)
      throw new ConfigError(
        'E_BAD_FLAG',
        `${where}: bound ${shown} must be finite and greater than 0`,
      );
    if (bound <= last)
      throw new ConfigError(
        'E_BAD_FLAG',
        `${where}: bounds ${JSON.stringify(bounds)} must be strictly increasing`,
      );
    last = bound;
  }
}
