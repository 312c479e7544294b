/** How the recorded kinds of messages are decoded and encoded by a codec, and how their recorded meaning is read. */
import { SUBSCRIBE_ALL } from '../../src/shared/protocol/messages/coordinator-messages.ts';
import type { EngineInput } from '../../src/shared/protocol/request.ts';
import type { WireCodec } from '../../src/shared/protocol/wire-codec.ts';
import type { WireSample } from './wire-meaning.ts';

type Frames = readonly Uint8Array[];
type Dict = Readonly<Record<string, unknown>>;

/** How one kind of message is decoded and encoded, and what in `decoded` the result is compared with. */
export interface Kind {
  /** The meaning in the recording's shape, names still ours. */
  readonly decode: (frames: Frames) => unknown;
  readonly encode: (frames: Frames) => Frames;
}

function meaningOfInput(input: EngineInput, sample: WireSample): unknown {
  switch (input.type) {
    case 'ADD':
      return { type: '00', request: input.request };
    case 'ABORT':
      return { type: '01', ids: input.requestIds };
    case 'UTILITY':
      return { type: '03', call: input.call };
    case 'START_DP_WAVE': {
      const { wave, excludeEngineIndex } = input;
      // The recordings say it in three ways.
      const decoded = sample.decoded as Dict;
      if ('wave' in decoded) return { type: '02', wave, excludeEngineIndex };
      const value = [wave, excludeEngineIndex];
      return 'payload' in decoded
        ? { type: '02', payload: decoded['payload'], value }
        : { type: '02', value };
    }
  }
}

/** Finds the kind of a recorded message, as a codec reads and writes it. */
export function createWireKinds(codec: WireCodec): (sample: WireSample) => Kind {
  const {
    decodeCoordinatorUpdate,
    decodeEngineCoreOutputs,
    decodeEngineInput,
    decodeHandshakeMessage,
    decodeHandshakeMetadata,
    decodeKVEventMessage,
    decodeKVEventReplayReply,
    decodeKVEventReplayRequest,
    decodeReadyResponse,
    decodeFrontendNotice,
    decodeSubscription,
    encodeCoordinatorReady,
    encodeCoordinatorUpdate,
    encodeEngineCoreDead,
    encodeEngineCoreOutputs,
    encodeEngineInput,
    encodeHandshakeMessage,
    encodeHandshakeMetadata,
    encodeKVEventBatch,
    encodeKVEventMessage,
    encodeKVEventReplayBatch,
    encodeKVEventReplayEnd,
    encodeKVEventReplayRequest,
    encodeReadyResponse,
    encodeFrontendNotice,
    isCoordinatorReady,
  } = codec;
  const handshake: Kind = {
    decode: (frames) => ({ payload: decodeHandshakeMessage(frames) }),
    encode: (frames) => encodeHandshakeMessage(decodeHandshakeMessage(frames)),
  };
  const outputs: Kind = {
    decode: decodeEngineCoreOutputs,
    encode(frames) {
      const message = decodeEngineCoreOutputs(frames);
      return message === 'ENGINE_CORE_DEAD'
        ? encodeEngineCoreDead()
        : encodeEngineCoreOutputs(message);
    },
  };
  const coordinatorReady: Kind = {
    decode: (frames) => (isCoordinatorReady(frames) ? 'READY' : null),
    encode: encodeCoordinatorReady,
  };
  const subscription: Kind = {
    decode: (frames) => decodeSubscription(frames),
    encode: () => [SUBSCRIBE_ALL],
  };
  const replayRequest: Kind = {
    decode: (frames) => ({ startSeq: decodeKVEventReplayRequest(frames) }),
    encode: (frames) => encodeKVEventReplayRequest(decodeKVEventReplayRequest(frames)),
  };
  const replayReply: Kind = {
    decode(frames) {
      const reply = decodeKVEventReplayReply(frames);
      return reply.type === 'end' ? 'end' : reply.message;
    },
    encode(frames) {
      const reply = decodeKVEventReplayReply(frames);
      if (reply.type === 'end') return encodeKVEventReplayEnd();
      const { topic, seq, batch } = reply.message;
      return encodeKVEventReplayBatch({ topic, seq, payload: encodeKVEventBatch(batch) });
    },
  };
  const engineInput = (sample: WireSample): Kind => ({
    decode: (frames) => meaningOfInput(decodeEngineInput(frames), sample),
    encode: (frames) => encodeEngineInput(decodeEngineInput(frames)),
  });

  return function kindOf(sample: WireSample): Kind {
    switch (sample.kind) {
      case 'HELLO':
      case 'READY':
        return handshake;
      case 'INIT':
        return {
          decode: (frames) => ({ payload: decodeHandshakeMetadata(frames) }),
          encode: (frames) => encodeHandshakeMetadata(decodeHandshakeMetadata(frames)),
        };
      case 'EngineCoreReadyResponse':
        return {
          decode: (frames) => ({ payload: decodeReadyResponse(frames) }),
          encode: (frames) => encodeReadyResponse(decodeReadyResponse(frames)),
        };
      case 'ADD':
      case 'ABORT':
      case 'UTILITY':
      case 'START_DP_WAVE':
      case 'coordinator->engines START_DP_WAVE':
        return engineInput(sample);
      case 'OUTPUT':
      case 'ENGINE_CORE_DEAD':
      case 'engine->coordinator':
        return outputs;
      case 'coordinator->frontend':
        return {
          decode: decodeCoordinatorUpdate,
          encode: (frames) => encodeCoordinatorUpdate(decodeCoordinatorUpdate(frames)),
        };
      case 'frontend->coordinator':
        return {
          decode(frames) {
            const notice = decodeFrontendNotice(frames);
            return notice.type === 'FIRST_REQ'
              ? [notice.engineIdentity, notice.wave]
              : [notice.type, notice.newEngineCount];
          },
          encode: (frames) => encodeFrontendNotice(decodeFrontendNotice(frames)),
        };
      case 'engine->coordinator subscribe':
      case 'XSUB->XPUB':
        return subscription;
      case 'coordinator->engines READY':
      case 'coordinator->engines':
        return coordinatorReady;
      case 'KV_EVENT':
        return {
          decode: decodeKVEventMessage,
          encode(frames) {
            const { topic, seq, batch } = decodeKVEventMessage(frames);
            return encodeKVEventMessage({ topic, seq, payload: encodeKVEventBatch(batch) });
          },
        };
      case 'KV_EVENT_REPLAY':
        return sample.frames.length === 2 ? replayRequest : replayReply;
      default:
        // The real coordinator's messages to engine N: READY or START_DP_WAVE.
        if (/^coordinator->engine\d+$/.test(sample.kind)) {
          return sample.frames.length === 1 ? coordinatorReady : engineInput(sample);
        }
        throw new Error(`${sample.name}: no codec for a message of kind ${sample.kind}`);
    }
  };
}

/** What the recording says in words instead of a meaning. */
const WORDS: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ['subscribe to everything', true],
  ['READY (raw bytes)', 'READY'],
  ['end marker', 'end'],
]);

export function recordedMeaning(sample: WireSample): unknown {
  const { decoded } = sample;
  if (typeof decoded === 'string') return WORDS.get(decoded) ?? decoded;
  if (sample.kind === 'engine->coordinator subscribe') return true;
  if (Array.isArray(decoded)) {
    return decoded.length === 1 && decoded[0] === 'READY' ? 'READY' : decoded;
  }
  const { identity: _, ...meaning } = decoded as Dict;
  // Samples made by the encoder alone show the payload itself.
  const isPayload =
    ['HELLO', 'READY', 'INIT', 'EngineCoreReadyResponse'].includes(sample.kind) &&
    !('payload' in meaning);
  return isPayload ? { payload: meaning } : meaning;
}

/** The first byte in which two messages differ, in words. */
export function byteDifference(recorded: Frames, ours: Frames): string | null {
  if (recorded.length !== ours.length) {
    return `expected ${recorded.length} frames, got ${ours.length}`;
  }
  for (const [index, frame] of recorded.entries()) {
    const mine = ours[index] as Uint8Array;
    const length = Math.max(frame.length, mine.length);
    for (let i = 0; i < length; i++) {
      if (frame[i] === mine[i]) continue;
      const part = (bytes: Uint8Array): string =>
        Buffer.from(bytes.subarray(Math.max(0, i - 4), i + 12)).toString('hex');
      return `frame ${index}, byte ${i}: expected …${part(frame)}…, got …${part(mine)}…`;
    }
  }
  return null;
}
