import { defineFault } from '../fault-spec.ts';
import { gaugeProblem } from '../gauge-problem.ts';
import { ENGINE_GAUGE_NAMES } from '../gauges.ts';

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
      type: 'choice',
      choices: ENGINE_GAUGE_NAMES,
      doc: 'A gauge of vLLM that each engine has.',
      default: 'vllm:kv_cache_usage_perc',
    },
    label: {
      type: 'text',
      doc: 'Of a gauge with one more label, only the series with this value of it; default: all of them.',
      maxLength: 100,
      pattern: /^[a-z_]+=[a-z_]+$/,
      form: 'a label and its value: reason=capacity',
      default: null,
    },
    value: { type: 'number', doc: 'The value.', min: -1e15, max: 1e15 },
  },
  example: { metric: 'vllm:kv_cache_usage_perc', value: 0.95 },
  check: ({ metric, label, value }) => gaugeProblem('metrics.hold', { metric, label }, { value }),
});
