import { defineFault } from '../fault-spec.ts';

export const HANDSHAKE_ORDER = defineFault({
  id: 'handshake.order',
  place: 'start-up',
  meaning:
    'The engines report in this order: each sends its ready response when those before it have.',
  inVllm:
    'Where vLLM keeps one value for all engines, the first that reports wins: `vllm:cache_config_info` shows its num_gpu_blocks for every engine (--dp-metrics vllm shows the same here).',
  source:
    'vllm/v1/engine/core_client.py MPClient, vllm/v1/metrics/loggers.py PrometheusStatLogger.log_metrics_info',
  takesEngine: false,
  isMomentary: true,
  parameters: {
    ranks: { type: 'ranks', doc: 'First to last; those left out come last, in order of rank.' },
  },
  example: { ranks: '1,0' },
});
