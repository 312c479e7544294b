import * as v from 'valibot';
import { checked } from '../shared/config/checked.ts';
import type { JsonObject } from '../shared/json-object.ts';
import type { KVEventsConfig } from '../shared/protocol/ready-response.ts';

/** vLLM's names and defaults. Source: vllm/config/kv_events.py KVEventsConfig (0.33.0). */
const SCHEMA = v.strictObject({
  enable_kv_cache_events: v.optional(v.boolean(), false),
  publisher: v.optional(v.string()),
  endpoint: v.optional(v.string(), 'tcp://*:5557'),
  replay_endpoint: v.optional(v.nullable(v.string()), null),
  buffer_steps: v.optional(v.number(), 10_000),
  hwm: v.optional(v.number(), 100_000),
  max_queue_size: v.optional(v.number(), 100_000),
  topic: v.optional(v.string(), ''),
});

/** The settings of `--kv-events-config`. Throws E_BAD_FLAG for an unknown key or a value of another type. */
export function kvEventsConfigOf(record: JsonObject | null): KVEventsConfig | null {
  if (record === null) return null;
  const keys = Object.keys(SCHEMA.entries).join(', ');
  const config = checked(SCHEMA, record, '--kv-events-config', `; it takes ${keys}`);
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
