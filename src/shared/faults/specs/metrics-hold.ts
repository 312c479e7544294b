import { defineFault } from '../fault-spec.ts';
import { gaugeProblem } from '../gauge-problem.ts';

export const METRICS_HOLD = defineFault({
  id: 'metrics.hold',
  place: 'metrics',
  meaning: 'A gauge shows a fixed value. Nothing else follows: the engine does not feel it.',
  inVllm: 'No state of vLLM: a shown value only, to test what reads it.',
  source: '',
  takesEngine: true,
  isMomentary: false,
  parameters: {
    metric: {
      type: 'text',
      doc: 'A gauge of vLLM that each engine has.',
      maxLength: 200,
      pattern: /^[a-zA-Z_:][a-zA-Z0-9_:]*$/,
      form: 'a gauge by its name on /metrics: vllm:kv_cache_usage_perc, vllm:num_requests_waiting, …',
      default: 'vllm:kv_cache_usage_perc',
    },
    value: { type: 'number', doc: 'The value.', min: -1e15, max: 1e15 },
  },
  example: { metric: 'vllm:kv_cache_usage_perc', value: 0.95 },
  check: ({ metric, value }) => gaugeProblem('metrics.hold', metric, { value }),
});
