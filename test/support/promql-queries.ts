/** Queries at random over vLLM's metrics, right and wrong ones, with the operations that people join them with. */
import fc from 'fast-check';

const NAMES = [
  'vllm:num_requests_running',
  'vllm:num_requests_waiting_by_reason',
  'vllm:kv_cache_usage_perc',
  'vllm:engine_sleep_state',
  'vllm:cache_config_info',
  'vllm:lora_requests_info',
  'vllm:request_success_total',
  'vllm:request_success',
  'vllm:prompt_tokens_by_source_total',
  'vllm:prompt_tokens_created',
  'vllm:estimated_flops_per_gpu_total',
  'vllm:admission_rejections_total',
  'vllm:e2e_request_latency_seconds_bucket',
  'vllm:e2e_request_latency_seconds_sum',
  'vllm:e2e_request_latency_seconds_count',
  'vllm:request_prompt_tokens_bucket',
  'vllm:iteration_tokens_total',
  'vllm:iteration_tokens_total_bucket',
  'vllm:gpu_cache_usage_perc',
  'vllm_num_requests_waiting',
  'http_requests_total',
  'http_request_duration_seconds_bucket',
  'http_request_size_bytes_count',
];

const MATCHERS = [
  'engine="0"',
  'engine=~".+"',
  'engine="engine-0"',
  'engine_id="0"',
  'engine_id!="0"',
  'engine_id=~".*"',
  'model_name="tiny"',
  'finished_reason="stop"',
  'finished_reason="cancelled"',
  'finished_reason=~"stop|length"',
  'finished_reason=~"x|y"',
  'finished_reason!="x"',
  'finished_reason=""',
  'reason="capacity"',
  'reason="length"',
  'reason!~"a.*"',
  'le="120"',
  'le="120.0"',
  'le="+Inf"',
  'le="3.0"',
  'le=~"1.*"',
  'le!="120"',
  'sleep_state="awake"',
  'sleep_state="asleep"',
  'source="local_compute"',
  'source="x"',
  'handler="/health"',
  'handler="/v1/completions"',
  'status="200"',
  'status=~"2.."',
  'method="POST"',
  'method="post"',
  'enable_prefix_caching="True"',
  'enable_prefix_caching="true"',
  'block_size="16"',
  'calculate_kv_scales="False"',
  'pod=""',
  'pod!="x"',
  'job="vllm"',
];

const GROUPINGS = [
  '',
  'by (le) ',
  'by (engine) ',
  'by (instance) ',
  'by (model_name, engine) ',
  'by (finished_reason, engine) ',
  'by (pod) ',
  'by (engine_id) ',
  'without (engine) ',
  'without (le) ',
  'without (instance, job) ',
];

const JOINS = [
  '+',
  '/',
  '*',
  'and',
  'or',
  'unless',
  '+ on ()',
  '* on (instance)',
  '* on (engine)',
  '/ on (engine, finished_reason)',
  '/ ignoring (le)',
  '/ ignoring (finished_reason)',
  '* on (instance) group_left ()',
  '* on (instance, engine) group_left (block_size)',
  '* on (model_name, engine) group_right ()',
  'and on (engine)',
  'unless on (instance)',
];

const COMPARED = [
  '> 2',
  '< -1',
  '>= 0',
  '* 100 > 101',
  '/ 100 > 1',
  '- 1 > 0',
  '> bool 5',
  '* 0',
  'or vector(0)',
];

/** The name before the matchers, or among them. */
const written = fc.constantFrom<(name: string, matchers: readonly string[]) => string>(
  (name, matchers) => (matchers.length === 0 ? name : `${name}{${matchers.join(',')}}`),
  (name, matchers) => `{${[`__name__="${name}"`, ...matchers].join(',')}}`,
  (name, matchers) => `{${[...matchers, `__name__=~"^${name}$"`].join(',')}}`,
  (name, matchers) => `{${[`__name__=~"(${name}|x)"`, ...matchers].join(',')}}`,
);
const selector = fc
  .tuple(
    written,
    fc.constantFrom(...NAMES),
    fc.array(fc.constantFrom(...MATCHERS), { maxLength: 2 }),
  )
  .map(([form, name, matchers]) => form(name, matchers));

const one = (from: readonly string[]): fc.Arbitrary<string> => fc.constantFrom(...from);

/** PromQL that parses. */
export const anyQuery: fc.Arbitrary<string> = fc.letrec<{ query: string }>((tie) => ({
  query: fc.oneof(
    { depthSize: 'small' },
    { weight: 3, arbitrary: selector },
    {
      weight: 3,
      arbitrary: fc
        .tuple(one(['rate', 'increase', 'max_over_time']), selector)
        .map(([called, of]) => `${called}(${of}[1m])`),
    },
    fc
      .tuple(one(['sum', 'avg', 'max', 'count', 'group']), one(GROUPINGS), tie('query'))
      .map(([op, by, of]) => `${op} ${by}(${of})`),
    tie('query').map((of) => `topk(2, ${of})`),
    tie('query').map((of) => `histogram_quantile(0.9, ${of})`),
    tie('query').map((of) => `absent(${of})`),
    tie('query').map((of) => `-(${of})`),
    tie('query').map((of) => `vector(scalar(${of}))`),
    tie('query').map((of) => `label_replace(${of}, "engine_id", "$1", "engine", "(.*)")`),
    fc
      .tuple(tie('query'), one(JOINS), tie('query'))
      .map(([left, join, right]) => `(${left}) ${join} (${right})`),
    fc.tuple(tie('query'), one(COMPARED)).map(([of, compared]) => `(${of}) ${compared}`),
  ),
})).query;
