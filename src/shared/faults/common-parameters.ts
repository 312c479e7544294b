/** Parameters that several faults have, said once. */
import { ENGINE_GAUGE_NAMES } from './gauges.ts';

/** Which gauge, and which of its series. */
export const GAUGE_PARAMETERS = {
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
} as const;

/** Bytes that are no message. */
export const GARBAGE_PARAMETERS = {
  bytes: {
    type: 'integer',
    doc: 'How many bytes.',
    min: 0,
    max: 1_048_576,
    default: 16,
    unit: 'bytes',
  },
  seed: { type: 'integer', doc: 'Which bytes.', min: 0, max: 4_294_967_295, default: 0 },
} as const;

const DIRECTIONS = ['to-engine', 'from-engine', 'both'] as const;

/** Which of an engine's messages. */
export function directionParameter<const D extends (typeof DIRECTIONS)[number]>(byDefault: D) {
  return {
    type: 'choice',
    choices: DIRECTIONS,
    doc: 'Whose messages, seen from the engine.',
    default: byDefault,
  } as const;
}
