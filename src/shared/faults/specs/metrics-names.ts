import { OLDER_VERSIONS } from '../../protocol/versions/older-metrics.ts';
import { defineFault } from '../fault-spec.ts';

export const METRICS_NAMES = defineFault({
  id: 'metrics.names',
  place: 'metrics',
  meaning:
    '/metrics shows the families and labels of an older vLLM, so that a migration can be tested.',
  inVllm:
    'What that version of vLLM shows for the same figures: families that it did not have yet are missing, and `vllm:cache_config_info` has its labels; one that 0.33.0 has no more has its value at the defaults.',
  source: 'vllm/v1/metrics/loggers.py',
  takesEngine: false,
  isMomentary: false,
  parameters: {
    version: {
      type: 'choice',
      choices: OLDER_VERSIONS,
      doc: 'Of vLLM.',
      default: '0.28.0',
    },
  },
  example: { version: '0.28.0' },
});
