/** The gauges of vLLM that each engine has, with the bounds that their meaning gives them. Pure data. */

export interface EngineGauge {
  readonly min: number;
  readonly max: number;
  /** Counts are whole. */
  readonly isWhole: boolean;
  /** One more label, with its values. */
  readonly label?: { readonly name: string; readonly values: readonly string[] };
}

const COUNT = { min: 0, max: 1e15, isWhole: true };

export const ENGINE_GAUGES = {
  'vllm:num_requests_running': COUNT,
  'vllm:num_requests_waiting': COUNT,
  'vllm:num_requests_waiting_by_reason': {
    ...COUNT,
    label: { name: 'reason', values: ['capacity', 'deferred'] },
  },
  'vllm:engine_sleep_state': {
    min: 0,
    max: 1,
    isWhole: true,
    label: { name: 'sleep_state', values: ['awake', 'weights_offloaded', 'discard_all'] },
  },
  'vllm:kv_cache_usage_perc': { min: 0, max: 1, isWhole: false },
} as const satisfies Readonly<Record<string, EngineGauge>>;

export type EngineGaugeName = keyof typeof ENGINE_GAUGES;

export const ENGINE_GAUGE_NAMES = Object.keys(ENGINE_GAUGES) as readonly EngineGaugeName[];
