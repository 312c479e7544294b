import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, it, vi } from 'vitest';
import {
  KVEventPublisher,
  offsetEndpointPort,
} from '../../../src/engine-core/kv-event-publisher.ts';
import { createKVEventsConfig } from '../../../src/shared/protocol/defaults.ts';
import type { KVEventBatch } from '../../../src/shared/protocol/kv-events.ts';
import type { KVEventsConfig } from '../../../src/shared/protocol/ready-response.ts';
import { createInMemoryTransport } from '../../../src/shared/transport/in-memory.ts';
import type { Closable, Frame, Transport } from '../../../src/shared/transport/transport.ts';
import { createZmqTransport } from '../../../src/shared/transport/zmq.ts';
import { wireCodec } from '../../support/wire-codec.ts';
import type { WireRecording } from '../../support/wire-meaning.ts';

const {
  decodeKVEventMessage,
  decodeKVEventReplayReply,
  encodeKVEventReplayBatch,
  encodeKVEventReplayRequest,
} = wireCodec;

const recording = JSON.parse(
  readFileSync(new URL('../../golden/wire.json', import.meta.url), 'utf8'),
) as WireRecording;
const recordedLive = recording.samples
  .filter(({ name, kind }) => kind === 'KV_EVENT' && name.startsWith('live/dp1/'))
  .map(({ frames }) => frames.map((frame) => Buffer.from(frame, 'hex')));

const batch = (ts: number): KVEventBatch => ({
  ts,
  events: [{ type: 'AllBlocksCleared' }],
  dataParallelRank: null,
});

describe.each([
  ['in memory', createInMemoryTransport],
  ['over ZeroMQ', createZmqTransport],
])('the KV event publisher %s', (_, createTransport) => {
  const open: Closable[] = [];
  afterEach(async () => {
    await Promise.all(open.splice(0).map((socket) => socket.close()));
  });

  async function start(
    transport: Transport,
    config: Partial<KVEventsConfig>,
    rank = 0,
    codec = wireCodec,
  ) {
    const warnings: string[] = [];
    const publisher = await KVEventPublisher.create(
      createKVEventsConfig({
        enableKvCacheEvents: true,
        endpoint: `inproc://${randomUUID()}`,
        replayEndpoint: `inproc://${randomUUID()}`,
        ...config,
      }),
      {
        transport,
        codec,
        dataParallelRank: rank,
        logger: {
          info: () => {},
          warn: (fields: unknown) => warnings.push(JSON.stringify(fields)),
        },
      },
    );
    if (publisher === null) throw new Error('events are on');
    open.push(publisher);
    return { publisher, warnings };
  }

  /** Subscribes and waits until batches come through, as a PUB socket does not show its subscribers. */
  async function subscribe(transport: Transport, publisher: KVEventPublisher, topic = '') {
    const address = publisher.config.endpoint;
    const socket = transport.connectXSub(address, { lingerMs: 0, identity: null });
    open.push(socket);
    const messages: Frame[][] = [];
    socket.onMessage((frames) => messages.push([...frames]));
    socket.send([Buffer.from(`\x01${topic}`)]);
    await vi.waitFor(() => {
      publisher.publish(batch(0));
      expect(messages.length).toBeGreaterThan(0);
    });
    return messages;
  }

  async function replay(transport: Transport, publisher: KVEventPublisher, startSeq: number) {
    const address = publisher.config.replayEndpoint ?? '';
    const dealer = transport.connectDealer(address, {
      lingerMs: 0,
      identity: Buffer.from(`subscriber ${startSeq}`),
    });
    open.push(dealer);
    const replies: ReturnType<typeof decodeKVEventReplayReply>[] = [];
    dealer.onMessage((frames) => replies.push(decodeKVEventReplayReply(frames)));
    dealer.send(encodeKVEventReplayRequest(startSeq));
    await vi.waitFor(() => expect(replies.at(-1)?.type).toBe('end'));
    return replies.flatMap((reply) => (reply.type === 'batch' ? [reply.message] : []));
  }

  it('sends numbered batches marked with the rank', async () => {
    const transport = createTransport();
    const { publisher } = await start(transport, { topic: 'kv' }, 3);
    const messages = await subscribe(transport, publisher, 'kv');
    publisher.publish(batch(1.5));
    await vi.waitFor(() => {
      const last = decodeKVEventMessage(messages.at(-1) ?? []);
      expect(last.batch).toEqual({
        ts: 1.5,
        events: [{ type: 'AllBlocksCleared' }],
        dataParallelRank: 3,
      });
      expect(last.topic).toBe('kv');
    });
    const numbers = messages.map((frames) => decodeKVEventMessage(frames).seq);
    expect(numbers).toEqual(numbers.map((_, index) => (numbers[0] ?? 0) + index));
  });

  it('sends the recorded batches byte by byte, and again when asked to', async () => {
    const transport = createTransport();
    const { publisher } = await start(transport, {});
    for (const frames of recordedLive) publisher.publish(decodeKVEventMessage(frames).batch);
    const again = await replay(transport, publisher, 0);
    expect(again).toEqual(recordedLive.map((frames) => decodeKVEventMessage(frames)));
    expect(recordedLive.length).toBeGreaterThan(0);

    const messages = await subscribe(transport, publisher);
    for (const frames of recordedLive) publisher.publish(decodeKVEventMessage(frames).batch);
    await vi.waitFor(() =>
      expect(messages.slice(-recordedLive.length).map((frames) => frames[2])).toEqual(
        recordedLive.map((frames) => frames[2]),
      ),
    );
  });

  it('replays only what it still has, from the number asked for', async () => {
    const transport = createTransport();
    const { publisher } = await start(transport, { bufferSteps: 4 });
    for (let ts = 0; ts < 10; ts++) publisher.publish(batch(ts));
    const seqs = (messages: readonly { readonly seq: number }[]) => messages.map(({ seq }) => seq);
    expect(seqs(await replay(transport, publisher, 0))).toEqual([6, 7, 8, 9]);
    expect(seqs(await replay(transport, publisher, 8))).toEqual([8, 9]);
    expect(seqs(await replay(transport, publisher, 100))).toEqual([]);
  });

  it('replays thousands of batches in order', async () => {
    const transport = createTransport();
    const { publisher } = await start(transport, {});
    for (let ts = 0; ts < 3_000; ts++) publisher.publish(batch(ts));
    const messages = await replay(transport, publisher, 0);
    expect(messages.map(({ batch: { ts } }) => ts)).toEqual(
      Array.from({ length: 3_000 }, (_, ts) => ts),
    );
  });

  it('keeps of a batch its own bytes, not the buffer that it was written into', async () => {
    const transport = createTransport();
    const kept: Uint8Array[] = [];
    const codec = {
      ...wireCodec,
      encodeKVEventReplayBatch: (message: Parameters<typeof encodeKVEventReplayBatch>[0]) => {
        kept.push(message.payload);
        return encodeKVEventReplayBatch(message);
      },
    };
    const { publisher } = await start(transport, {}, 0, codec);
    publisher.publish(batch(1));
    await replay(transport, publisher, 0);
    expect(kept.map(({ buffer, length }) => buffer.byteLength - length)).toEqual([0]);
  });

  it('drops a bad replay request and says so', async () => {
    const transport = createTransport();
    const { publisher, warnings } = await start(transport, {});
    const dealer = transport.connectDealer(publisher.config.replayEndpoint ?? '', {
      lingerMs: 0,
      identity: Buffer.from('x'),
    });
    open.push(dealer);
    dealer.send([Buffer.from('not a sequence number')]);
    await vi.waitFor(() => expect(warnings).toHaveLength(1));
    expect(warnings[0]).toMatch(/^{"socket":"replay","err":/);
    expect(await replay(transport, publisher, 0)).toEqual([]);
  });
});

describe('the KV event settings', () => {
  const parts = {
    transport: createInMemoryTransport(),
    codec: wireCodec,
    dataParallelRank: 0,
    logger: { info: () => {}, warn: () => {} },
  };

  it('publish nothing unless events are on', async () => {
    expect(createKVEventsConfig().publisher).toBe('null');
    expect(createKVEventsConfig({ enableKvCacheEvents: true }).publisher).toBe('zmq');
    expect(await KVEventPublisher.create(null, parts)).toBeNull();
    expect(await KVEventPublisher.create(createKVEventsConfig(), parts)).toBeNull();
  });

  it('refuse a publisher that does not exist', async () => {
    const config = createKVEventsConfig({ enableKvCacheEvents: true, publisher: 'kafka' });
    await expect(KVEventPublisher.create(config, parts)).rejects.toThrow(/kafka/);
  });

  it('give each rank its own port', () => {
    expect(offsetEndpointPort('tcp://*:5557', 0)).toBe('tcp://*:5557');
    expect(offsetEndpointPort('tcp://*:5557', 3)).toBe('tcp://*:5560');
    expect(offsetEndpointPort('tcp://*:0', 3)).toBe('tcp://*:0');
    expect(offsetEndpointPort('inproc://cache', 2)).toBe('inproc://cache_dp2');
    expect(() => offsetEndpointPort('ipc:///tmp/x', 1)).toThrow(/Invalid endpoint/);
  });
});
