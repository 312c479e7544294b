import { GAUGE_PARAMETERS } from '../common-parameters.ts';
import { defineFault } from '../fault-spec.ts';
import { waveProblem } from '../gauge-problem.ts';

export const METRICS_WAVE = defineFault({
  id: 'metrics.wave',
  place: 'metrics',
  meaning: 'A gauge follows a waveform. Nothing else follows: the engine does not feel it.',
  inVllm: 'No state of vLLM: a shown value only, to test what reads it.',
  source: '',
  takesEngine: true,
  isMomentary: false,
  parameters: {
    ...GAUGE_PARAMETERS,
    shape: {
      type: 'choice',
      choices: ['ramp', 'sine', 'square', 'sawtooth'],
      doc: 'ramp rises once from min to max in one period and stays; the others repeat.',
      default: 'sine',
    },
    min: { type: 'number', doc: 'The lowest value.', min: -1e15, max: 1e15, default: 0 },
    max: { type: 'number', doc: 'The highest value.', min: -1e15, max: 1e15, default: 1 },
    period: {
      type: 'duration',
      doc: 'Of one wave.',
      minMs: 100,
      maxMs: 604_800_000,
      default: 60_000,
    },
  },
  example: { metric: 'vllm:kv_cache_usage_perc', shape: 'sine', min: 0.1, max: 0.98, period: '2m' },
  check: ({ metric, label, min, max }) => waveProblem({ metric, label }, { min, max }),
});
