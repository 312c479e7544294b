import { GAUGE_PARAMETERS } from '../common-parameters.ts';
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
    ...GAUGE_PARAMETERS,
    value: { type: 'number', doc: 'The value.', min: -1e15, max: 1e15 },
  },
  example: { metric: 'vllm:kv_cache_usage_perc', value: 0.95 },
  check: ({ metric, label, value }) => gaugeProblem('metrics.hold', { metric, label }, { value }),
});
