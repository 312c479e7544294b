import { OLDER_VERSIONS } from '../../metric-catalogue/older-versions.ts';
import { defineFault } from '../fault-spec.ts';

export const METRICS_NAMES = defineFault({
  id: 'metrics.names',
  place: 'metrics',
  meaning:
    '/metrics shows the families and labels of an older vLLM, so that a migration can be tested: 0.9.1 has old names alone, 0.10.2 has them beside the new ones, 0.12.0 new ones alone.',
  inVllm:
    'What that version of vLLM shows for the same figures: families that it did not have yet are missing, and `vllm:cache_config_info` has its labels; one that 0.33.0 has no more has its value at the defaults. Before 0.20.0 the families are those that the V1 engine shows by default, with the same figures under each name; `vllm:prompt_tokens_recomputed` alone (0.16.0 to 0.19.0) stays 0. What else there is to a family, and the labels of `vllm:cache_config_info`, are then as in 0.20.0, because no more is known.',
  source: 'vllm/v1/metrics/loggers.py',
  takesEngine: false,
  isMomentary: false,
  parameters: {
    version: {
      type: 'choice',
      choices: OLDER_VERSIONS,
      doc: 'Of vLLM.',
      default: '0.9.1',
    },
  },
  example: { version: '0.9.1' },
});
