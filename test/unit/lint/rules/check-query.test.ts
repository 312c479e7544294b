import { describe, expect, it } from 'vitest';
import type { RuleFinding } from '../../../../src/lint/finding.ts';
import { parsePromql } from '../../../../src/lint/promql/parse.ts';
import { checkQuery, type LintTarget } from '../../../../src/lint/rules/check-query.ts';
import type { QueryKind } from '../../../../src/lint/source-query.ts';
import { sourceQuery } from '../../../support/source-query.ts';

function check(
  text: string,
  kind: QueryKind = 'panel',
  target: Partial<LintTarget> = {},
): readonly RuleFinding[] {
  return checkQuery(sourceQuery(text, kind), parsePromql(text), {
    versions: ['0.33.0'],
    features: new Set(),
    ...target,
  });
}

/** `severity rule: the marked text` of each finding. */
function marks(text: string, kind?: QueryKind, target?: Partial<LintTarget>): readonly string[] {
  return check(text, kind, target).map(
    ({ severity, rule, from, to }) => `${severity} ${rule}: ${text.slice(from, to)}`,
  );
}

function mended(text: string, kind?: QueryKind): string {
  const edits = check(text, kind).flatMap(({ fix = [] }) => fix);
  return edits
    .toSorted((a, b) => b.from - a.from)
    .reduce((left, { from, to, insert }) => left.slice(0, from) + insert + left.slice(to), text);
}

describe('a name that returns nothing', () => {
  it('is an error where the query then returns nothing', () => {
    expect(marks('sum(rate(vllm:num_preemptions[5m])) > 0')).toEqual([
      'error counter-without-total: vllm:num_preemptions',
    ]);
  });

  it('is a warning where something stands in for it', () => {
    expect(marks('sum(vllm:num_preemptions) or vector(0)')).toEqual([
      'warning counter-without-total: vllm:num_preemptions',
    ]);
    expect(marks('absent(vllm:num_preemptions)')).toEqual([
      'warning counter-without-total: vllm:num_preemptions',
    ]);
  });

  it('is as it is meant where another of vLLM’s names stands in for it', () => {
    expect(marks('vllm:kv_cache_usage_perc or vllm:gpu_cache_usage_perc')).toEqual([]);
    expect(marks('vllm:gpu_cache_usage_perc or vllm:cpu_cache_usage_perc')).toEqual([
      'error metric-removed: vllm:gpu_cache_usage_perc',
      'error metric-removed: vllm:cpu_cache_usage_perc',
    ]);
  });

  it('takes nothing away behind unless', () => {
    expect(marks('vllm:num_requests_running unless vllm:num_requests_swapped')).toEqual([
      'warning metric-removed: vllm:num_requests_swapped',
    ]);
  });
});

describe('names', () => {
  it('are mended where it is certain what was meant', () => {
    expect(mended('rate(vllm:gpu_prefix_cache_hits[1m])')).toBe(
      'rate(vllm:prefix_cache_hits_total[1m])',
    );
    expect(mended('vllm_gpu_cache_usage_perc')).toBe('vllm:kv_cache_usage_perc');
    expect(mended('avg(vllm:gpu_prefix_cache_hit_rate)')).toBe(
      'avg(vllm:gpu_prefix_cache_hit_rate)',
    );
  });

  it('are mended within their quotes and anchors', () => {
    expect(mended('{__name__="vllm:gpu_cache_usage_perc",pod!=""}')).toBe(
      '{__name__="vllm:kv_cache_usage_perc",pod!=""}',
    );
    expect(mended('{__name__=~"^vllm:gpu_cache_usage_perc$"}')).toBe(
      '{__name__=~"^vllm:kv_cache_usage_perc$"}',
    );
    expect(mended("rate({__name__=~'vllm:num_preemptions'}[5m])")).toBe(
      "rate({__name__=~'vllm:num_preemptions_total'}[5m])",
    );
    expect(mended('{"vllm:num_preemptions", engine="0"}')).toBe(
      '{"vllm:num_preemptions_total", engine="0"}',
    );
    expect(mended('{"__name__"="vllm_kv_cache_usage_perc"}')).toBe(
      '{"__name__"="vllm:kv_cache_usage_perc"}',
    );
  });

  it('of recording rules are nobody’s', () => {
    expect(marks('vllm:ttft_p95')).toEqual(['error unknown-metric: vllm:ttft_p95']);
    expect(marks('vllm:ttft_p95', 'panel', { recorded: new Set(['vllm:ttft_p95']) })).toEqual([]);
    expect(marks('vllm:ttft:p95')).toEqual(['warning not-recorded: vllm:ttft:p95']);
    expect(marks('vllm:ttft:p95', 'panel', { recorded: new Set(['vllm:ttft:p95']) })).toEqual([]);
  });

  it('of other programs are known as theirs', () => {
    expect(marks('vllm:current_qps')).toEqual(['warning other-exporter: vllm:current_qps']);
    expect(marks('rate(vllm:max_num_generation_tokens_sum[5m])')).toEqual([
      'warning other-exporter: vllm:max_num_generation_tokens_sum',
    ]);
    expect(marks('DCGM_FI_DEV_GPU_UTIL + lmcache:num_hit_tokens_total + ray_vllm_x')).toEqual([]);
  });

  it('with an underscore are none of vLLM’s, near another name or not', () => {
    expect(marks('rate(vllm_gadget_failures_total[5m])')).toEqual([
      'error unknown-metric: vllm_gadget_failures_total',
    ]);
  });

  it('are read from matchers, too', () => {
    expect(marks('{__name__="vllm:num_requests_swapped"}')).toEqual([
      'error metric-removed: vllm:num_requests_swapped',
    ]);
    expect(marks('{__name__=~"^vllm:num_requests_waiting$"}')).toEqual([]);
    expect(marks('{__name__=~"vllm:gpu_.*"}')).toEqual(['error unknown-metric: "vllm:gpu_.*"']);
    expect(marks('{__name__=~"vllm:.*"}')).toEqual([]);
  });

  it('are left alone where a variable is in them', () => {
    expect(marks('rate(vllm:$metric[5m]) / rate($other[5m])')).toEqual([]);
  });
});

describe('a bare name of an autoscaler', () => {
  it('is one of vLLM’s without the prefix', () => {
    expect(marks('gpu_cache_usage_perc', 'metric-name')).toEqual([
      'error metric-removed: gpu_cache_usage_perc',
    ]);
    expect(mended('gpu_cache_usage_perc', 'metric-name')).toBe('kv_cache_usage_perc');
    expect(marks('num_requests_waiting', 'metric-name')).toEqual([]);
    expect(marks('cpu', 'metric-name')).toEqual([]);
  });

  it('is within what Google’s managed Prometheus makes of it', () => {
    const of = (name: string): string => `prometheus.googleapis.com|${name}|gauge`;
    expect(marks(of('vllm:num_requests_waiting'), 'metric-name')).toEqual([]);
    expect(marks(of('vllm:e2e_request_latency_seconds'), 'metric-name')).toEqual([]);
    expect(mended(of('vllm:gpu_cache_usage_perc'), 'metric-name')).toBe(
      of('vllm:kv_cache_usage_perc'),
    );
  });

  it('is an adapter’s with an underscore', () => {
    expect(marks('vllm_num_requests_waiting', 'metric-name')).toEqual([]);
  });
});

describe('labels', () => {
  it('that scraping adds are not judged', () => {
    expect(
      marks('vllm:num_requests_running{pod=~"a.*", namespace="x", model="m", node_name!="n"}'),
    ).toEqual([]);
  });

  it('that a family has not leave nothing, or exclude nothing', () => {
    expect(marks('vllm:cache_config_info{model_name="x"}')).toEqual([
      'error unknown-label: model_name="x"',
    ]);
    expect(marks('vllm:cache_config_info{model_name!="x"}')).toEqual([
      'warning unknown-label: model_name!="x"',
    ]);
    expect(marks('vllm:cache_config_info{model_name=~".*"}')).toEqual([]);
    expect(
      marks('vllm:lora_requests_info{engine="0"}', 'panel', { features: new Set(['lora']) }),
    ).toEqual(['error unknown-label: engine="0"']);
  });

  it('that a family has not are wrong whatever a variable holds', () => {
    expect(marks('vllm:cache_config_info{model_name=~"$model"}')).toEqual([
      'error unknown-label: model_name=~"$model"',
    ]);
    expect(marks('vllm:cache_config_info{model_name=~".*$model.*"}')).toEqual([]);
    expect(marks('vllm:cache_config_info{model_name!="$model", pod=~"$pod"}')).toEqual([]);
  });

  it('of another family are pointed to', () => {
    const [finding] = check('vllm:num_requests_waiting{reason="capacity"}');
    expect(finding?.remedy).toContain('vllm:num_requests_waiting_by_reason');
  });

  it('are asked for by variables', () => {
    expect(marks('label_values(vllm:cache_config_info, model_name)', 'variable')).toEqual([
      'error unknown-label: model_name',
    ]);
    expect(marks('label_values(vllm:num_requests_running, model_name)', 'variable')).toEqual([]);
  });
});

describe('values', () => {
  it.each([
    ['vllm:request_success_total{finished_reason="stop"}', []],
    ['vllm:request_success_total{finished_reason=~"stop|aborted"}', []],
    ['vllm:request_success_total{finished_reason=~"$reason"}', []],
    ['vllm:request_success_total{finished_reason=~"abo"}', ['error label-value: "abo"']],
    ['vllm:request_success_total{finished_reason!="timeout"}', ['warning label-value: "timeout"']],
    ['vllm:time_to_first_token_seconds_bucket{le="0.5"}', []],
    ['vllm:time_to_first_token_seconds_bucket{le="0.3"}', ['error label-value: "0.3"']],
    ['vllm:request_prompt_tokens_bucket{le="200000.0"}', []],
    ['vllm:request_prompt_tokens_bucket{le="1e+06"}', []],
    ['vllm:request_prompt_tokens_bucket{le="1000000.0"}', ['error label-value: "1000000.0"']],
    ['http_requests_total{handler="/v1/chat/completions",status="5xx"}', []],
    [
      'http_requests_total{handler="/v1/load_lora_adapter"}',
      ['error label-value: "/v1/load_lora_adapter"'],
    ],
    ['http_requests_total{status=~"5.."}', []],
    ['http_requests_total{status="500"}', ['error label-value: "500"']],
  ])('of %s', (query, expected) => {
    expect(marks(query)).toEqual(expected);
  });

  it('of bounds are written as Python writes them', () => {
    expect(mended('vllm:request_prompt_tokens_bucket{le="1000000"}')).toBe(
      'vllm:request_prompt_tokens_bucket{le="1e+06"}',
    );
    expect(mended("vllm:e2e_request_latency_seconds_bucket{le='inf'}")).toBe(
      "vllm:e2e_request_latency_seconds_bucket{le='+Inf'}",
    );
  });
});

describe('operations', () => {
  it.each([
    ['vllm:num_requests_running / sum(vllm:num_requests_running)', 'error never-matches: /'],
    [
      'rate(vllm:e2e_request_latency_seconds_bucket{le="5.0"}[5m]) / rate(vllm:e2e_request_latency_seconds_count[5m])',
      'error never-matches: /',
    ],
    [
      'vllm:request_success_total{finished_reason="stop"} / vllm:request_success_total{finished_reason="length"}',
      'error never-matches: /',
    ],
    ['vllm:num_requests_running * vector(2)', 'error never-matches: *'],
    [
      'avg(vllm:kv_cache_usage_perc) * 100 > 100',
      'error never-true: avg(vllm:kv_cache_usage_perc) * 100 > 100',
    ],
    [
      'histogram_quantile(0.99, sum by (le) (rate(vllm:time_to_first_token_seconds_bucket[5m]))) > 3000',
      'error never-true: histogram_quantile(0.99, sum by (le) (rate(vllm:time_to_first_token_seconds_bucket[5m]))) > 3000',
    ],
    [
      'histogram_quantile(0.9, vllm:kv_cache_usage_perc)',
      'error quantile-without-le: vllm:kv_cache_usage_perc',
    ],
    [
      'histogram_quantile(0.9, rate(vllm:e2e_request_latency_seconds_sum[5m]))',
      'error quantile-without-le: rate(vllm:e2e_request_latency_seconds_sum[5m])',
    ],
    [
      'count(vllm:num_requests_running) == 0',
      'error never-true: count(vllm:num_requests_running) == 0',
    ],
  ])('%s', (query, expected) => {
    expect(marks(query)).toEqual([expected]);
  });

  it.each([
    'sum(vllm:num_requests_running) / sum(vllm:num_requests_waiting)',
    'vllm:num_requests_running / ignoring (le) vllm:num_requests_waiting',
    'sum by (pod) (vllm:num_requests_running) / on (pod) group_left () kube_pod_info',
    'rate(vllm:num_preemptions_total[5m]) / ignoring (finished_reason) group_right () rate(vllm:request_success_total[5m])',
    'vllm:kv_cache_usage_perc > 0.9',
    'vllm:kv_cache_usage_perc * 100 > 90',
    'histogram_quantile(0.99, sum by (le) (rate(vllm:request_prompt_tokens_bucket[5m]))) > 100000',
    'vllm:num_requests_running / fill (0) sum(vllm:num_requests_running)',
    'time() - vllm:prompt_tokens_created > 60',
    'count(up{job="vllm"}) == 0',
    'node_a / sum(node_b)',
    '(2 - (max(vllm:engine_sleep_state{job=~"$job", sleep_state="awake"}) == bool 0)) or vector(0)',
    '(1 - (sum(rate(vllm:request_success_total{finished_reason="error"}[5m])) / (sum(rate(vllm:request_success_total[5m])) > 0))) and on () count(vllm:num_requests_running{instance=~"$instance"})',
    'max by (model_name, enable_prefix_caching) (sum by (model_name, namespace, pod) (vllm:prompt_tokens_total) * on (namespace, pod) group_left (enable_prefix_caching) max by (namespace, pod, enable_prefix_caching) (vllm:cache_config_info))',
    'rate(vllm:request_success_total{finished_reason="abort"}[5m]) / ignoring (finished_reason) group_left () sum without (finished_reason) (rate(vllm:request_success_total[5m]))',
  ])('%s is as it should be', (query) => {
    expect(marks(query)).toEqual([]);
  });
});

it('an operation’s fault is told beside the one of its side, which mended would leave it', () => {
  const query =
    'increase(vllm:e2e_request_latency_seconds_bucket{le="120"}[5m]) < increase(vllm:e2e_request_latency_seconds_count[5m])';
  expect(marks(query, 'alert').toSorted()).toEqual([
    'error label-value: "120"',
    'error never-matches: <',
  ]);
});

describe('several versions', () => {
  const versions = ['0.28.0', '0.33.0'];

  it('are told apart', () => {
    const [finding, ...others] = check('rate(vllm:admission_rejections_total[5m])', 'panel', {
      versions,
    });
    expect(others).toEqual([]);
    expect(finding?.rule).toBe('metric-not-yet');
    expect(finding?.message).toMatch(/\[in 0\.28\.0, not in 0\.33\.0\]$/);
  });

  it('tell the labels of cache_config_info that one of them has not', () => {
    const query = 'max by (prefix_cache_retention_interval) (vllm:cache_config_info)';
    expect(marks(query, 'panel', { versions })).toEqual([
      'warning cache-config-label: prefix_cache_retention_interval',
    ]);
  });

  it('say so where all of them are meant', () => {
    const [finding] = check('vllm:gpu_cache_usage_perc', 'panel', { versions });
    expect(finding?.message).toMatch(/\[in 0\.28\.0 and 0\.33\.0\]$/);
    expect(finding?.fix).toBeDefined();
  });
});

it('marks what is no PromQL', () => {
  expect(check('sum(vllm:num_requests_running')).toEqual([
    expect.objectContaining({ rule: 'promql-syntax', severity: 'error' }),
  ]);
});
