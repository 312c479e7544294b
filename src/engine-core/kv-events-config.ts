import { ConfigError } from '../shared/errors.ts';
import type { KVEventsConfig } from '../shared/protocol/ready-response.ts';

/** vLLM's defaults. Source: vllm/config/kv_events.py KVEventsConfig (0.33.0). */
const DEFAULTS: KVEventsConfig = {
  enableKvCacheEvents: false,
  publisher: 'null',
  endpoint: 'tcp://*:5557',
  replayEndpoint: null,
  bufferSteps: 10_000,
  hwm: 100_000,
  maxQueueSize: 100_000,
  topic: '',
};

const NAMES: Readonly<Record<string, keyof KVEventsConfig>> = {
  enable_kv_cache_events: 'enableKvCacheEvents',
  publisher: 'publisher',
  endpoint: 'endpoint',
  replay_endpoint: 'replayEndpoint',
  buffer_steps: 'bufferSteps',
  hwm: 'hwm',
  max_queue_size: 'maxQueueSize',
  topic: 'topic',
};

/** The settings of `--kv-events-config`. Throws E_BAD_FLAG for an unknown key or a value of another type. */
export function kvEventsConfigOf(
  record: Readonly<Record<string, unknown>> | null,
): KVEventsConfig | null {
  if (record === null) return null;
  const config: Record<string, unknown> = { ...DEFAULTS };
  for (const [name, value] of Object.entries(record)) {
    const key = NAMES[name];
    if (key === undefined)
      throw badFlag(`unknown key ${name}; it takes ${Object.keys(NAMES).join(', ')}`);
    const example = key === 'replayEndpoint' ? '' : DEFAULTS[key];
    if (typeof value !== typeof example && !(key === 'replayEndpoint' && value === null))
      throw badFlag(`${name} must be a ${typeof example}, got ${JSON.stringify(value)}`);
    config[key] = value;
  }
  // Events that are on go over ZeroMQ where nothing else is said.
  if (config['enableKvCacheEvents'] === true && record['publisher'] === undefined)
    config['publisher'] = 'zmq';
  return config as unknown as KVEventsConfig;
}

function badFlag(rule: string): ConfigError {
  return new ConfigError('E_BAD_FLAG', `--kv-events-config: ${rule}`);
}
