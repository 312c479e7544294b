import { field } from './field.ts';

/** Source: vllm/config/scheduler.py, vllm/config/observability.py (0.33.0). */
export const SCHEDULER_FIELDS = {
  maxNumBatchedTokens: field.humanInt("Tokens per step; the GPU's default if absent.", {
    min: 1,
    unit: 'tokens',
  }),
  maxNumScheduledTokens: field.intOrNone(null, 'Tokens that a step schedules at most.', {
    unit: 'tokens',
    min: 1,
  }),
  maxNumSeqs: field.optionalInt("Requests per step; the GPU's default if absent.", {
    unit: 'requests',
    min: 1,
  }),
  maxNumActiveSeqs: field.intOrNone(null, 'Requests admitted at most.', {
    unit: 'requests',
    min: 1,
  }),
  maxNumQueuedReqs: field.intOrNone(null, 'Requests that may wait; more are refused with 503.', {
    unit: 'requests',
    min: 1,
  }),
  maxNumQueuedTokens: field.intOrNone(
    null,
    'Prompt tokens that may wait; more are refused with 503.',
    {
      min: 1,
      unit: 'tokens',
    },
  ),
  longPrefillTokenThreshold: field.int(0, 'Longest prefill chunk of one request; 0 is no limit.', {
    min: 0,
    unit: 'tokens',
  }),
  longPrefillTokenThresholdAdaptive: field.bool(
    false,
    'Raise the threshold while the batch has room.',
  ),
  schedulingPolicy: field.choice(['fcfs', 'priority'], 'fcfs', 'Order of the waiting requests.'),
  enableChunkedPrefill: field.optionalBool('Split long prefills over steps.'),
  schedulerReserveFullIsl: field.bool(true, 'Admit a request only if its whole sequence fits.'),
  watermark: field.float(0, 'Share of blocks kept free when admitting.', {
    min: 0,
    max: 1,
    unit: 'as a fraction, 0 to 1',
  }),
  prefillScheduleInterval: field.int(1, 'Steps between prefills while requests decode.', {
    unit: 'steps',
    min: 1,
  }),
  performanceMode: field.choice(
    ['balanced', 'interactivity', 'throughput'],
    'balanced',
    'throughput doubles the defaults of --max-num-seqs and --max-num-batched-tokens.',
  ),
  disableHybridKvCacheManager: field.optionalBool('One KV cache group for all layers.'),
  asyncScheduling: field.optionalBool('Schedule a step ahead of the model.'),
  streamInterval: field.int(1, 'Tokens per streamed chunk.', { min: 1, unit: 'tokens' }),
  kvCacheMetrics: field.bool(false, 'Sample how long blocks live, idle and are reused.'),
  kvCacheMetricsSample: field.float(0.01, 'Share of blocks sampled.', {
    min: Number.MIN_VALUE,
    max: 1,
    unit: 'as a fraction, 0 to 1',
  }),
  customHistogramBuckets: field.json(
    'Upper bounds of histograms by family: {"request_latency": [0.01, 0.1]} (see docs/reference/metrics.md).',
  ),
  disableLogStats: field.bool(false, 'No statistics: no log lines and no request metrics.'),
  shutdownTimeout: field.int(0, 'How long requests may drain at a shutdown.', {
    min: 0,
    unit: 'seconds',
  }),
} as const;
