import * as v from 'valibot';
import type { JsonObject } from '../shared/json-object.ts';
import type { KVEventsConfig } from '../shared/protocol/ready-response.ts';
import { boolean, number, onlyFields, parse, string } from '../shared/schema.ts';

/** vLLM's names and defaults. Source: vllm/config/kv_events.py KVEventsConfig (0.33.0). */
const ENTRIES = {
  enable_kv_cache_events: v.optional(boolean, false),
  publisher: v.optional(string),
  endpoint: v.optional(string, 'tcp://*:5557'),
  replay_endpoint: v.optional(v.nullable(string), null),
  buffer_steps: v.optional(number, 10_000),
  hwm: v.optional(number, 100_000),
  max_queue_size: v.optional(number, 100_000),
  topic: v.optional(string, ''),
};

/** The settings of `--kv-events-config`. Throws E_BAD_FLAG for an unknown key or a value of another type. */
export function kvEventsConfigOf(record: JsonObject | null): KVEventsConfig | null {
  if (record === null) return null;
  const config = parse(onlyFields(ENTRIES), record, {
    code: 'E_BAD_FLAG',
    whole: '--kv-events-config',
    remedy: `; it takes ${Object.keys(ENTRIES).join(', ')}`,
  });
  const isOn = config.enable_kv_cache_events;
  return {
    enableKvCacheEvents: isOn,
    // Events that are on go over ZeroMQ where nothing else is said.
    publisher: config.publisher ?? (isOn ? 'zmq' : 'null'),
    endpoint: config.endpoint,
    replayEndpoint: config.replay_endpoint,
    bufferSteps: config.buffer_steps,
    hwm: config.hwm,
    maxQueueSize: config.max_queue_size,
    topic: config.topic,
  };
}
