import { defineFault } from '../fault-spec.ts';

export const METRICS_DROP_ENGINE = defineFault({
  id: 'metrics.drop-engine',
  place: 'metrics',
  meaning: 'The series of an engine are missing on /metrics.',
  inVllm:
    'Never in vLLM while it runs: every engine has its children from the start. So a rule on absence is tested.',
  source: 'vllm/v1/metrics/loggers.py PrometheusStatLogger',
  takesEngine: true,
  isMomentary: false,
  parameters: {},
  example: {},
});
