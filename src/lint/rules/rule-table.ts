/**
 * Every rule once: docs/reference/lint.md and SARIF's rules are made of it. The ids are stable: people write them into their
 * own settings.
 */
import type { Severity } from '../finding.ts';
import type { QueryKind } from '../source-query.ts';

export interface Rule {
  readonly id: string;
  /** Of a finding that takes a query's whole answer away; where another part stands in it is a warning. */
  readonly severity: Severity;
  readonly title: string;
  readonly why: string;
  /** Where it follows from. */
  readonly source: string;
  readonly remedy: string;
  readonly example: string;
  readonly mended: string;
  /** How the example is meant, where it is no query by itself against the newest version. */
  readonly setting?: RuleSetting;
}

export interface RuleSetting {
  /** The name of a recording rule beside it, and what that records. */
  readonly records?: string;
  readonly recordedFrom?: string;
  readonly kind?: QueryKind;
  readonly version?: string;
  /** What mends it, where that is no other query. */
  readonly mendedVersion?: string;
  readonly mendedWith?: string;
}

const ROWS = [
  {
    id: 'promql-syntax',
    severity: 'error',
    title: 'The query is no PromQL',
    why: "Prometheus answers it with an error. Grafana's variables are understood; anything else that the official grammar does not read is told at its place.",
    source: 'prometheus/prometheus web/ui/module/lezer-promql',
    remedy: 'Mend the query where the mark is.',
    example: 'sum(rate(vllm:prompt_tokens_total[5m])',
    mended: 'sum(rate(vllm:prompt_tokens_total[5m]))',
  },
  {
    id: 'unknown-metric',
    severity: 'error',
    title: 'A name that vLLM never had',
    why: "The name begins like vLLM's, and no version that is known registers it, nor does a program around vLLM that is known.",
    source: 'vllm/v1/metrics/loggers.py PrometheusStatLogger',
    remedy: 'Take the name that is near, or look in the reference of metrics.',
    example: 'max(vllm:num_requests_max)',
    mended: 'max(vllm:num_requests_running)',
  },
  {
    id: 'underscore-for-colon',
    severity: 'error',
    title: '`vllm_` for `vllm:`',
    why: "vLLM's names begin with `vllm:`, and Prometheus keeps the colon. Some agents replace it on their way to another store; with Prometheus the query returns nothing.",
    source: 'vllm/v1/metrics/loggers.py, each name',
    remedy: 'Write `vllm:`; `--fix` does.',
    example: 'vllm_num_requests_running',
    mended: 'vllm:num_requests_running',
  },
  {
    id: 'metric-removed',
    severity: 'error',
    title: 'A name that vLLM has no more',
    why: 'Names were changed when the V1 engine came, and deprecated ones are dropped two minor versions later. The finding says which version was the last with it, and where that stands.',
    source: 'vllm/engine/metrics.py until 0.11.0, vllm/v1/metrics/loggers.py of each version',
    remedy: 'Write the new name; `--fix` does where it says the same.',
    example: 'vllm:gpu_cache_usage_perc',
    mended: 'vllm:kv_cache_usage_perc',
  },
  {
    id: 'metric-not-yet',
    severity: 'error',
    title: 'A name of later versions',
    why: 'The version that is named does not register it yet.',
    source: 'vllm/v1/metrics/loggers.py of each version',
    remedy:
      'Have the version that brought it, or leave it out. With `--vllm 0.28.0,0.33.0` a finding says in which of them it is so.',
    example: 'rate(vllm:admission_rejections_total[5m])',
    mended: 'rate(vllm:admission_rejections_total[5m])',
    setting: { version: '0.31.0', mendedVersion: '0.32.0' },
  },
  {
    id: 'needs-feature',
    severity: 'error',
    title: 'A name that comes with a flag, a connector or a kind of model',
    why: 'vLLM registers the family only when that is on; without it the query returns nothing. `--with` says what your vLLM has on.',
    source:
      'vllm/v1/metrics/loggers.py, vllm/v1/spec_decode/metrics.py, vllm/distributed/kv_transfer/kv_connector',
    remedy:
      'Start vLLM with it, and say so: `--with kv-cache-metrics`, `--with connector=NixlConnector`.',
    example:
      'histogram_quantile(0.5, sum by (le) (rate(vllm:kv_block_lifetime_seconds_bucket[5m])))',
    mended:
      'histogram_quantile(0.5, sum by (le) (rate(vllm:kv_block_lifetime_seconds_bucket[5m])))',
    setting: { mendedWith: 'kv-cache-metrics' },
  },
  {
    id: 'counter-without-total',
    severity: 'error',
    title: 'A counter without `_total`',
    why: "vLLM's source and its documents name counters without the suffix that prometheus_client writes them with.",
    source: 'prometheus_client Counter; vllm/v1/metrics/loggers.py',
    remedy: 'Append `_total`; `--fix` does.',
    example: 'rate(vllm:num_preemptions[5m])',
    mended: 'rate(vllm:num_preemptions_total[5m])',
  },
  {
    id: 'histogram-without-suffix',
    severity: 'error',
    title: 'A histogram without a suffix',
    why: 'A histogram is written as `_bucket`, `_sum` and `_count`; there is no series of its bare name.',
    source: 'prometheus_client Histogram',
    remedy: 'Take `_bucket` for quantiles, `_sum` by `_count` for averages.',
    example: 'histogram_quantile(0.9, sum by (le) (rate(vllm:time_to_first_token_seconds[5m])))',
    mended:
      'histogram_quantile(0.9, sum by (le) (rate(vllm:time_to_first_token_seconds_bucket[5m])))',
  },
  {
    id: 'no-such-suffix',
    severity: 'error',
    title: 'A suffix that the type has not',
    why: 'Gauges have no suffix, counters `_total` alone.',
    source: 'prometheus_client',
    remedy: 'Leave the suffix out.',
    example: 'vllm:num_requests_waiting_total',
    mended: 'vllm:num_requests_waiting',
  },
  {
    id: 'other-exporter',
    severity: 'warning',
    title: "A name of another program with vLLM's prefix",
    why: "production-stack's router, AIBrix and others expose names that begin with `vllm:`. They are no typos, and no vLLM has them.",
    source: 'the source that the finding names',
    remedy: 'Scrape that program too.',
    example: 'vllm:current_qps',
    mended: 'sum(rate(vllm:request_success_total[5m]))',
  },
  {
    id: 'recorded-from-nothing',
    severity: 'error',
    title: 'A name that a rule records nothing for',
    why: 'A recording rule whose expression returns nothing makes no series, and what asks for its name is as empty as the rule.',
    source: 'Prometheus, recording rules: each series of the result is recorded',
    remedy: 'Mend the rule that records it.',
    example: 'vllm:cache_usage:avg > 0.9',
    mended: 'avg(vllm:kv_cache_usage_perc) > 0.9',
    setting: {
      kind: 'alert',
      records: 'vllm:cache_usage:avg',
      recordedFrom: 'avg(vllm:gpu_cache_usage_perc)',
    },
  },
  {
    id: 'not-recorded',
    severity: 'warning',
    title: 'A name that no rule records',
    why: 'No vLLM has a second colon in its names: that is the form of what recording rules make. Where the rules are in other files, name those as well.',
    source: 'Prometheus, recording rules: level:metric:operations',
    remedy: 'Lint the file of the rule too, or ask for what it would record.',
    example: 'vllm:e2e_request_latency_seconds:p95',
    mended:
      'histogram_quantile(0.95, sum by (le) (rate(vllm:e2e_request_latency_seconds_bucket[5m])))',
  },
  {
    id: 'unknown-label',
    severity: 'error',
    title: 'A matcher on a label that the series have not',
    why: 'An absent label is matched as an empty text, so `=` with a value lets nothing through, and `!=` everything (then it is a warning). Labels that scraping adds are not judged.',
    source:
      'vllm/v1/metrics/loggers.py, the labelnames of each family; vllm:lora_requests_info has neither model_name nor engine',
    remedy: 'Write the label that there is.',
    example: 'vllm:request_success_total{reason="length"}',
    mended: 'vllm:request_success_total{finished_reason="length"}',
  },
  {
    id: 'cache-config-label',
    severity: 'error',
    title: 'A label of `vllm:cache_config_info` that the version has not',
    why: 'Each field of CacheConfig is a label, so labels come and go with its fields.',
    source: 'vllm/config/cache.py CacheConfig.metrics_info',
    remedy: 'Leave it out, or have a version that has it.',
    example: 'vllm:cache_config_info{calculate_kv_scales="False"}',
    mended: 'vllm:cache_config_info{cache_dtype="auto"}',
    setting: { version: '0.28.0' },
  },
  {
    id: 'label-value',
    severity: 'error',
    title: 'A value that a label never has',
    why: 'The values of some labels are fixed by vLLM: finish reasons, sleep states, sources, bounds of buckets as Python writes them (`120.0`), `2xx` for a status. `/health`, `/metrics`, `/load`, `/ping`, `/version` and `/server_info` are not counted.',
    source:
      'vllm/v1/engine/__init__.py FINISH_REASON_STRINGS; prometheus_client floatToGoString; vllm/entrypoints/serve/instrumentator/metrics.py attach_router',
    remedy: 'Name a value that there is; `--fix` writes bounds as they are.',
    example: 'increase(vllm:e2e_request_latency_seconds_bucket{le="120"}[5m])',
    mended: 'increase(vllm:e2e_request_latency_seconds_bucket{le="120.0"}[5m])',
  },
  {
    id: 'quantile-without-le',
    severity: 'error',
    title: '`histogram_quantile` of what has no `le`',
    why: 'Series without the label are left out: gauges, `_sum` and `_count`, and buckets that were summed without keeping it.',
    source: 'prometheus/prometheus promql/functions.go funcHistogramQuantile',
    remedy: 'Take `_bucket` and keep `le`.',
    example: 'histogram_quantile(0.9, sum(rate(vllm:e2e_request_latency_seconds_bucket[5m])))',
    mended:
      'histogram_quantile(0.9, sum by (le) (rate(vllm:e2e_request_latency_seconds_bucket[5m])))',
  },
  {
    id: 'never-matches',
    severity: 'error',
    title: 'Two sides that never match',
    why: 'Without on or ignoring, every label has to be the same on both sides: `instance`, `job` and what vLLM puts there.',
    source:
      'the labels of both families in vllm/v1/metrics/loggers.py; Prometheus, vector matching',
    remedy: 'Aggregate both sides by the same labels, or say on (…).',
    example: 'vllm:cache_config_info * vllm:kv_cache_usage_perc',
    mended:
      'vllm:kv_cache_usage_perc * on (instance, engine) group_left (cache_dtype) vllm:cache_config_info',
  },
  {
    id: 'ambiguous-join',
    severity: 'error',
    title: 'A join that finds several series for one',
    why: 'Where a side always has more than one series for a match, Prometheus answers with an error.',
    source: 'vllm/v1/metrics/loggers.py: a series for each value of the label from the start',
    remedy: 'Aggregate that side first.',
    example: 'vllm:num_requests_running / on (instance, engine) vllm:request_success_total',
    mended:
      'vllm:num_requests_running / on (instance, engine) sum by (instance, engine) (vllm:request_success_total)',
  },
  {
    id: 'never-true',
    severity: 'error',
    title: 'A comparison that never holds',
    why: 'Fractions go from 0 to 1, not to 100; nothing here is negative; a quantile is at most the last bound; the estimates of floating point operations stay 0 without --enable-mfu-metrics.',
    source:
      'the help texts in vllm/v1/metrics/loggers.py; vllm/v1/metrics/buckets.py; vllm/v1/metrics/perf.py',
    remedy: 'Compare with a value that there can be.',
    example: 'vllm:kv_cache_usage_perc > 90',
    mended: 'vllm:kv_cache_usage_perc > 0.9',
  },
  {
    id: 'unknown-grouping-label',
    severity: 'warning',
    title: 'An aggregation or a join by a label that the series have not',
    why: 'It tells nothing apart: all series fall into one.',
    source: 'vllm/v1/metrics/loggers.py, the labelnames of each family',
    remedy: 'Write the label that there is.',
    example: 'sum by (engine_id) (vllm:num_requests_running)',
    mended: 'sum by (engine) (vllm:num_requests_running)',
  },
  {
    id: 'rate-of-gauge',
    severity: 'warning',
    title: '`rate`, `increase` or `irate` of a gauge',
    why: 'They take each fall for a restart and count what was before it again.',
    source: 'Prometheus, rate()',
    remedy: 'Take the gauge itself, or delta().',
    example: 'rate(vllm:num_requests_waiting[5m])',
    mended: 'delta(vllm:num_requests_waiting[5m])',
  },
  {
    id: 'counter-without-rate',
    severity: 'warning',
    title: 'A counter itself where its growth is meant',
    why: 'In a threshold, an autoscaler, an average or a quantile, the figure is of all that was since vLLM started.',
    source: 'prometheus_client Counter and Histogram',
    remedy: 'Take rate() or increase().',
    example: 'vllm:e2e_request_latency_seconds_sum / vllm:e2e_request_latency_seconds_count',
    mended:
      'rate(vllm:e2e_request_latency_seconds_sum[5m]) / rate(vllm:e2e_request_latency_seconds_count[5m])',
  },
  {
    id: 'per-engine-value',
    severity: 'warning',
    title: 'A series for each engine where one value is wanted',
    why: "With data parallelism a server has a series for each of its engines. KEDA refuses a query with several, a threshold for a server's queue is compared with each engine's part, and a panel of one figure (Grafana's stat and gauge, Perses' StatChart and GaugeChart) shows one for each, unless its legend names the engine.",
    source:
      'vllm/v1/metrics/loggers.py, the label engine; kedacore/keda pkg/scalers/prometheus_scaler.go',
    remedy: 'Aggregate over engine.',
    example: 'vllm:num_requests_waiting',
    mended: 'sum(vllm:num_requests_waiting)',
    setting: { kind: 'scaledobject' },
  },
  {
    id: 'average-over-engines',
    severity: 'warning',
    title: 'An average that halves a queue',
    why: 'The engines of a server share its requests: their average is a part of what waits, and halves when a second engine is there.',
    source: 'vllm/v1/metrics/loggers.py, the label engine',
    remedy: 'Take sum.',
    example: 'avg(vllm:num_requests_waiting)',
    mended: 'sum(vllm:num_requests_waiting)',
  },
  {
    id: 'sum-of-fractions',
    severity: 'warning',
    title: 'A sum of fractions',
    why: 'Each engine tells what part of its own cache is used; the sum goes up to the number of engines.',
    source: 'vllm/v1/metrics/loggers.py vllm:kv_cache_usage_perc',
    remedy: 'Take avg or max.',
    example: 'sum(vllm:kv_cache_usage_perc)',
    mended: 'avg(vllm:kv_cache_usage_perc)',
  },
  {
    id: 'capacity-from-blocks',
    severity: 'warning',
    title: 'A capacity from `num_gpu_blocks` and `block_size`',
    why: "With layers of several kinds the blocks of the pool are shared among groups, and the product is more than what fits; with data parallelism it is one engine's.",
    source: 'vllm/v1/core/kv_cache_utils.py',
    remedy: 'Take the label kv_cache_size_tokens.',
    example: 'max by (num_gpu_blocks, block_size) (vllm:cache_config_info)',
    mended: 'max by (kv_cache_size_tokens) (vllm:cache_config_info)',
  },
  {
    id: 'join-over-engines',
    severity: 'warning',
    title: 'A join that more than one engine breaks',
    why: 'The label engine is not compared, so with a second engine a side has two series for one, and Prometheus answers with an error.',
    source: 'vllm/v1/metrics/loggers.py, the label engine',
    remedy: 'Match on engine too.',
    example:
      'vllm:num_requests_running * on (instance) group_left (cache_dtype) vllm:cache_config_info',
    mended:
      'vllm:num_requests_running * on (instance, engine) group_left (cache_dtype) vllm:cache_config_info',
  },
  {
    id: 'always-true',
    severity: 'warning',
    title: 'An alert that always fires',
    why: 'The threshold lies beyond what the metric can be.',
    source: 'the help texts in vllm/v1/metrics/loggers.py',
    remedy: 'Compare with a fraction.',
    example: 'vllm:kv_cache_usage_perc < 90',
    mended: 'vllm:kv_cache_usage_perc < 0.9',
    setting: { kind: 'alert' },
  },
  {
    id: 'mismatched-average',
    severity: 'warning',
    title: 'The sum of some requests by the number of others',
    why: 'The two halves of an average choose other series, or other times.',
    source: 'Prometheus, histograms',
    remedy: 'Give both the same matchers and range.',
    example:
      'sum(rate(vllm:time_to_first_token_seconds_sum{job="a"}[5m])) / sum(rate(vllm:time_to_first_token_seconds_count[5m]))',
    mended:
      'sum(rate(vllm:time_to_first_token_seconds_sum{job="a"}[5m])) / sum(rate(vllm:time_to_first_token_seconds_count{job="a"}[5m]))',
  },
  {
    id: 'share-of-itself',
    severity: 'warning',
    title: 'A share that is always 1',
    why: 'Without an aggregation each series is divided by the one with the same labels, which is itself.',
    source: 'Prometheus, vector matching',
    remedy: 'Aggregate both sides.',
    example:
      'rate(vllm:request_success_total{finished_reason="abort"}[5m]) / rate(vllm:request_success_total[5m])',
    mended:
      'sum(rate(vllm:request_success_total{finished_reason="abort"}[5m])) / sum(rate(vllm:request_success_total[5m]))',
  },
  {
    id: 'quantile-over-series',
    severity: 'warning',
    title: "`quantile` of a histogram's series",
    why: 'It is over engines, not over requests.',
    source: 'Prometheus, quantile()',
    remedy: 'Take histogram_quantile of the buckets.',
    example: 'quantile(0.9, rate(vllm:e2e_request_latency_seconds_sum[5m]))',
    mended:
      'histogram_quantile(0.9, sum by (le) (rate(vllm:e2e_request_latency_seconds_bucket[5m])))',
  },
  {
    id: 'short-range',
    severity: 'warning',
    title: 'A range shorter than a scrape',
    why: 'rate() wants two samples in its range, and returns nothing where there is one.',
    source: 'Prometheus, rate()',
    remedy: 'Take four times the scrape interval.',
    example: 'rate(vllm:generation_tokens_total[10s])',
    mended: 'rate(vllm:generation_tokens_total[1m])',
  },
] as const satisfies readonly Rule[];

export type RuleId = (typeof ROWS)[number]['id'];

export const RULES: readonly (Rule & { readonly id: RuleId })[] = ROWS;
