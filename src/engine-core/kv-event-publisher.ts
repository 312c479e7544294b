/**
 * Publishes KV cache events to whoever mirrors the prefix cache: a PUB socket with numbered batches, and on request
 * the last ones again over a ROUTER. One per engine, its port shifted by the rank.
 * Source: vllm/distributed/kv_events.py ZmqEventPublisher, EventPublisherFactory (0.33.0).
 * Leaves out: the queue and thread in front of the PUB socket; here a batch is sent when it is published.
 */
import { networkInterfaces } from 'node:os';
import { DroppedMessages } from '../shared/dropped-messages.ts';
import { ConfigError } from '../shared/errors.ts';
import type { Logger } from '../shared/logger.ts';
import type { Frames } from '../shared/protocol/decode-message.ts';
import type { EngineIndex } from '../shared/protocol/ids.ts';
import type { KVEventBatch } from '../shared/protocol/kv-events.ts';
import type { KVEventsConfig } from '../shared/protocol/ready-response.ts';
import type { WireCodec } from '../shared/protocol/wire-codec.ts';
import type {
  ConnectedPubSocket,
  Frame,
  RouterSocket,
  Transport,
} from '../shared/transport/transport.ts';

/** Replay requests that may wait for the one being answered; further ones are dropped. */
const MAX_WAITING_REPLAYS = 64;
/** Batches sent to a replaying subscriber before others get their turn. */
const REPLAY_CHUNK = 500;
const CLOSE_LINGER_MS = 1_000;

interface NumberedPayload {
  readonly seq: number;
  readonly payload: Uint8Array;
}

/** The last batches, oldest first. */
class ReplayBuffer {
  private readonly capacity: number;
  private readonly slots: NumberedPayload[] = [];
  private oldest = 0;

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  /** Keeps a copy: the payload may be a few bytes in a buffer that other messages share, which is not to stay with it. */
  add({ seq, payload }: NumberedPayload): void {
    if (this.capacity === 0) return;
    const entry = { seq, payload: Uint8Array.from(payload) };
    if (this.slots.length < this.capacity) this.slots.push(entry);
    else {
      this.slots[this.oldest] = entry;
      this.oldest = (this.oldest + 1) % this.capacity;
    }
  }

  from(startSeq: number): NumberedPayload[] {
    const { slots, oldest } = this;
    return [...slots.slice(oldest), ...slots.slice(0, oldest)].filter(({ seq }) => seq >= startSeq);
  }
}

export interface KVEventPublisherParts {
  readonly transport: Transport;
  readonly codec: WireCodec;
  readonly logger: Pick<Logger, 'info' | 'warn'>;
  /** `data_parallel_index`: shifts the port, and marks batches that carry no rank. */
  readonly dataParallelRank: EngineIndex;
}

export class KVEventPublisher {
  /** With the rank's own endpoints: what the ready response reports. */
  readonly config: KVEventsConfig;
  private readonly publisher: ConnectedPubSocket;
  private readonly replay: RouterSocket | null;
  private readonly parts: KVEventPublisherParts;
  private readonly buffer: ReplayBuffer;
  private readonly dropped: DroppedMessages;
  private readonly waitingReplays: { identity: Frame; startSeq: number }[] = [];
  private isReplaying = false;
  private isClosed = false;
  private nextSeq = 0;

  private constructor(options: {
    readonly config: KVEventsConfig;
    readonly parts: KVEventPublisherParts;
    readonly publisher: ConnectedPubSocket;
    readonly replay: RouterSocket | null;
  }) {
    this.config = options.config;
    this.parts = options.parts;
    this.publisher = options.publisher;
    this.replay = options.replay;
    this.buffer = new ReplayBuffer(options.config.bufferSteps);
    this.dropped = new DroppedMessages(options.parts.logger);
    this.replay?.onMessage((identity, frames) => this.onReplayRequest(identity, frames));
  }

  /** Null where events are off. Throws E_BAD_FLAG for a publisher or endpoint that does not exist. */
  static async create(
    config: KVEventsConfig | null,
    parts: KVEventPublisherParts,
  ): Promise<KVEventPublisher | null> {
    if (config === null || !config.enableKvCacheEvents || config.publisher === 'null') return null;
    if (config.publisher !== 'zmq') {
      throw new ConfigError('E_BAD_FLAG', `Unknown event publisher '${config.publisher}'`);
    }
    const { transport, dataParallelRank } = parts;
    const options = {
      name: 'kv_events',
      lingerMs: CLOSE_LINGER_MS,
      highWaterMark: config.hwm,
    } as const;
    const endpoint = offsetEndpointPort(config.endpoint, dataParallelRank);
    let reported = endpoint;
    let publisher: ConnectedPubSocket;
    if (isBindEndpoint(endpoint)) {
      const bound = await transport.bindPub(bindAddress(endpoint), options);
      publisher = bound;
      if (endpoint === ANY_PORT) reported = bound.address;
    } else publisher = transport.connectPub(endpoint, options);

    let replay: RouterSocket | null = null;
    let replayEndpoint: string | null = null;
    if (config.replayEndpoint !== null) {
      const asked = offsetEndpointPort(config.replayEndpoint, dataParallelRank);
      replay = await transport.bindRouter(bindAddress(asked), {
        name: 'kv_events_replay',
        lingerMs: CLOSE_LINGER_MS,
        handover: false,
        // ZeroMQ acknowledges every half mark: this much always fits a full replay and its end mark.
        sendHighWaterMark: 2 * (config.bufferSteps + 1),
      });
      replayEndpoint = asked === ANY_PORT ? replay.address : asked;
    }
    const resolved = { ...config, endpoint: reported, replayEndpoint };
    return new KVEventPublisher({ config: resolved, parts, publisher, replay });
  }

  /** Sends the step's events; a batch without a rank gets this engine's. */
  publish(batch: KVEventBatch): void {
    const dataParallelRank = batch.dataParallelRank ?? this.parts.dataParallelRank;
    const { codec } = this.parts;
    const payload = codec.encodeKVEventBatch({ ...batch, dataParallelRank });
    const seq = this.nextSeq++;
    const message = codec.encodeKVEventMessage({ topic: this.config.topic, seq, payload });
    // The gap in the numbers tells subscribers, who can ask for a replay.
    if (!this.publisher.send(message))
      this.dropped.drop('publish', 'no room for a batch of events');
    this.buffer.add({ seq, payload });
  }

  async close(): Promise<void> {
    this.isClosed = true;
    await Promise.all([this.publisher.close(), this.replay?.close()]);
  }

  private onReplayRequest(identity: Frame, frames: Frames): void {
    let startSeq: number;
    try {
      startSeq = this.parts.codec.decodeKVEventReplayRequest(frames);
    } catch (error) {
      this.dropped.add('replay', error);
      return;
    }
    if (this.waitingReplays.length >= MAX_WAITING_REPLAYS) {
      this.dropped.drop('replay', `${MAX_WAITING_REPLAYS} other replay requests wait`);
      return;
    }
    this.waitingReplays.push({ identity, startSeq });
    if (!this.isReplaying) void this.serveReplays();
  }

  /** Answers one subscriber after the other, so that they do not fill the writer's queue together. */
  private async serveReplays(): Promise<void> {
    const { replay, waitingReplays } = this;
    const { codec } = this.parts;
    if (replay === null) return;
    this.isReplaying = true;
    for (let next = waitingReplays.shift(); next !== undefined; next = waitingReplays.shift()) {
      const { topic } = this.config;
      const batches = this.buffer.from(next.startSeq);
      for (let i = 0; i < batches.length && !this.isClosed; i += REPLAY_CHUNK) {
        for (const { seq, payload } of batches.slice(i, i + REPLAY_CHUNK)) {
          replay.sendTo(next.identity, codec.encodeKVEventReplayBatch({ topic, seq, payload }));
        }
        await replay.drained();
      }
      if (this.isClosed) return;
      replay.sendTo(next.identity, codec.encodeKVEventReplayEnd());
    }
    this.isReplaying = false;
  }
}

/** "Any port of this node", which binds the node's own address so that the reported endpoint can be reached. */
const ANY_PORT = 'tcp://*:0';

/** Wildcards, ipc and inproc are bound, all else is connected to. Source: ZmqEventPublisher._is_bind_endpoint. */
function isBindEndpoint(endpoint: string): boolean {
  return endpoint.includes('*') || endpoint.includes('::') || /^(ipc|inproc):/.test(endpoint);
}

function bindAddress(endpoint: string): string {
  return endpoint === ANY_PORT ? `tcp://${nodeAddress()}:0` : endpoint;
}

function nodeAddress(): string {
  const addresses = Object.values(networkInterfaces()).flatMap((entries) => entries ?? []);
  const own = addresses.find(({ internal, family }) => !internal && family === 'IPv4');
  return own?.address ?? '127.0.0.1';
}

/** Each rank publishes on a port of its own. Source: ZmqEventPublisher.offset_endpoint_port. */
export function offsetEndpointPort(endpoint: string, dataParallelRank: EngineIndex): string {
  if (endpoint === '' || dataParallelRank === 0) return endpoint;
  if (endpoint.includes('inproc')) return `${endpoint}_dp${dataParallelRank}`;
  if (!endpoint.includes('tcp')) {
    throw new ConfigError(
      'E_BAD_FLAG',
      `--kv-events-config: Invalid endpoint: must contain 'inproc' or 'tcp', got '${endpoint}'`,
    );
  }
  const colon = endpoint.lastIndexOf(':');
  const port = endpoint.slice(colon + 1);
  if (!/^\d+$/.test(port)) {
    throw new ConfigError('E_BAD_FLAG', `--kv-events-config: no port in endpoint '${endpoint}'`);
  }
  if (Number(port) === 0) return endpoint;
  return `${endpoint.slice(0, colon)}:${Number(port) + dataParallelRank}`;
}
