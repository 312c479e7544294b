/** Names of samples on /metrics, made of the table of metrics: for completion in an editor, never a limit. */
import type {
  CACHE_CONFIG_INFO,
  LORA_REQUESTS_INFO,
  METRICS,
  MetricKey,
} from '../frontend/metrics/definitions.ts';

/** Counters end in `_total`, histograms have three names. */
type SampleNameOf<D> = D extends { type: infer T; name: infer N extends string }
  ? T extends 'counter'
    ? `${N}_total`
    : T extends 'histogram'
      ? `${N}_bucket` | `${N}_sum` | `${N}_count`
      : N
  : never;

/** A sample of vLLM's own metrics. */
export type VllmSampleName =
  | SampleNameOf<(typeof METRICS)[MetricKey]>
  | (typeof CACHE_CONFIG_INFO)['name']
  | (typeof LORA_REQUESTS_INFO)['name'];

/** Any name; those of vLLM are offered. */
export type SampleName = VllmSampleName | (string & Record<never, never>);
