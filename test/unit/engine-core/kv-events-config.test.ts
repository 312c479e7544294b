import { describe, expect, it } from 'vitest';
import { kvEventsConfigOf } from '../../../src/engine-core/kv-events-config.ts';

describe('--kv-events-config', () => {
  it('is off where it is not given', () => {
    expect(kvEventsConfigOf(null)).toBeNull();
  });

  it("has vLLM's defaults", () => {
    expect(kvEventsConfigOf({})).toEqual({
      enableKvCacheEvents: false,
      publisher: 'null',
      endpoint: 'tcp://*:5557',
      replayEndpoint: null,
      bufferSteps: 10_000,
      hwm: 100_000,
      maxQueueSize: 100_000,
      topic: '',
    });
  });

  it('publishes over ZeroMQ where events are on and nothing else is said', () => {
    expect(kvEventsConfigOf({ enable_kv_cache_events: true, topic: 't' })).toMatchObject({
      enableKvCacheEvents: true,
      publisher: 'zmq',
      topic: 't',
    });
    const quiet = { enable_kv_cache_events: true, publisher: 'null', replay_endpoint: null };
    expect(kvEventsConfigOf(quiet)).toMatchObject({ publisher: 'null', replayEndpoint: null });
  });

  it.each([
    [{ topics: 't' }, '--kv-events-config: topics is not known; it takes enable_kv_cache_events,'],
    [{ hwm: '1' }, '--kv-events-config: hwm is "1", not a number'],
    [{ topic: null }, '--kv-events-config: topic is null, not a string'],
    [{ replay_endpoint: 5 }, '--kv-events-config: replay_endpoint is 5, not a string'],
  ])('is refused where it is wrong: %j', (record, message) => {
    expect(() => kvEventsConfigOf(record)).toThrow(message);
  });
});
