import { defineFault } from '../fault-spec.ts';

export const HANDSHAKE_ORDER = defineFault({
  id: 'handshake.order',
  place: 'start-up',
  meaning:
    'The engines report in this order: each of those that one command has started connects and sends its ready response when those before it have.',
  inVllm:
    'vLLM keeps one value for all engines: kv_cache_size_tokens and kv_cache_max_concurrency of the first that reports, block_size of the last, and vllm:cache_config_info shows them for every engine. --dp-metrics vllm shows the first engine for all here.',
  source:
    'vllm/v1/engine/core_client.py MPClient._apply_ready_response, vllm/v1/metrics/loggers.py PrometheusStatLogger.log_metrics_info',
  takesEngine: false,
  isMomentary: true,
  parameters: {
    ranks: { type: 'ranks', doc: 'First to last; those left out come last, in order of rank.' },
  },
  example: { ranks: '1,0' },
});
