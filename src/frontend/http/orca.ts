/**
 * A load report for routers, in the header `endpoint-load-metrics` of a whole answer, for a request that names a format in
 * `endpoint-load-metrics-format`. Source: vllm/entrypoints/serve/utils/orca_metrics.py (0.33.0).
 */
import { pythonFloatRepr } from '../../shared/python/float.ts';
import type { NamedMetric } from '../metrics/named-metrics.ts';

export const LOAD_FORMAT_HEADER = 'endpoint-load-metrics-format';
export const LOAD_HEADER = 'endpoint-load-metrics';

/** Null for a format that is neither TEXT nor JSON, in any case of letters. */
export function createOrcaHeader(format: string, metrics: readonly NamedMetric[]): string | null {
  switch (format.toLowerCase()) {
    case 'text': {
      const entries = metrics.map(
        ([name, value]) => `named_metrics.${name}=${pythonFloatRepr(value)}`,
      );
      return `TEXT ${entries.join(', ')}`;
    }
    case 'json': {
      // As in Python's dict, the last of equal names counts and stands where the first one stood.
      const entries = [...new Map(metrics)].map(
        ([name, value]) => `"${name}": ${pythonFloatRepr(value)}`,
      );
      return `JSON {"named_metrics": {${entries.join(', ')}}}`;
    }
    default:
      return null;
  }
}
