/**
 * Every message of the engine-core protocol, from frames to objects and back: the only place where vLLM's snake_case
 * names and the bytes appear. Frames are what travels behind the identity. Decoding a bad frame throws a ServerError
 * E_BAD_FRAME whose message names struct, field, what was expected and what came; nothing else is thrown.
 */
import { ServerError } from '../errors.ts';
import { VLLM_VERSION } from '../version.ts';
import type { CoordinatorUpdate, EngineRequestCounts, ScaleElasticEp } from './coordinator.ts';
import {
  at,
  decoding,
  expectFrameCount,
  expectLength,
  type Frames,
  isSameFrame,
  readWhole,
} from './decode-message.ts';
import { locate } from './field-types.ts';
import {
  COORDINATOR_READY,
  type EngineHandshakeMetadata,
  type HandshakeMessage,
} from './handshake.ts';
import type { KVEventBatch, KVEventMessage, KVEventReplayReply } from './kv-events.ts';
import { DecodeFault, type MsgpackReader } from './msgpack-reader.ts';
import { MsgpackWriter } from './msgpack-writer.ts';
import { ENGINE_CORE_DEAD, type EngineCoreOutputs } from './outputs.ts';
import type { EngineCoreReadyResponse } from './ready-response.ts';
import { EngineCoreRequestType, type EngineInput, type UtilityCall } from './request.ts';
import type { StructCodec } from './struct-codec.ts';
import { WIRE_STRUCTS, type WireVersion } from './struct-tables.ts';

/** Subscribes to everything: what engines and frontends send on an XSUB. */
export const SUBSCRIBE_ALL: Uint8Array = Uint8Array.of(1);
export const UNSUBSCRIBE_ALL: Uint8Array = Uint8Array.of(0);

const DEAD_FRAME = Buffer.from(ENGINE_CORE_DEAD, 'latin1');
const READY_FRAME = Buffer.from(COORDINATOR_READY, 'latin1');
const EMPTY_FRAME = new Uint8Array();
const SCALE_ELASTIC_EP = 'SCALE_ELASTIC_EP';
/** Sequence number -1, the replay's end mark. */
const END_SEQ = Buffer.alloc(8, 0xff);

const SMALL_MESSAGE_BYTES = 256;
const REQUEST_BYTES = 512;
const STATS_BYTES = 640;
const OUTPUT_BYTES = 80;

function writeStruct<T>(codec: StructCodec<T>, value: T, expectedBytes: number): Uint8Array[] {
  const writer = new MsgpackWriter(expectedBytes);
  codec.write(writer, value);
  return writer.finish();
}

function decodeSingle<T>(message: string, codec: StructCodec<T>, frames: Frames): T {
  return decoding(message, () => {
    expectFrameCount(frames, 1);
    return readWhole(frames, 0, (reader) => codec.read(reader));
  });
}

/** The codec of one vLLM version; all its functions are pure. */
export function createWireCodec(version: WireVersion) {
  const structs = WIRE_STRUCTS[version];

  return {
    encodeHandshakeMessage: (message: HandshakeMessage): Uint8Array[] =>
      writeStruct(structs.handshakeMessage, message, SMALL_MESSAGE_BYTES),

    decodeHandshakeMessage(frames: Frames): HandshakeMessage {
      const message = decodeSingle('HELLO or READY', structs.handshakeMessage, frames);
      if (message.status !== 'HELLO' && message.status !== 'READY') {
        throw new ServerError(
          'E_BAD_FRAME',
          `HandshakeMessage.status: expected HELLO or READY, got ${JSON.stringify(message.status)}`,
        );
      }
      return message;
    },

    encodeHandshakeMetadata: (metadata: EngineHandshakeMetadata): Uint8Array[] =>
      writeStruct(structs.engineHandshakeMetadata, metadata, REQUEST_BYTES),

    decodeHandshakeMetadata: (frames: Frames): EngineHandshakeMetadata =>
      decodeSingle('INIT', structs.engineHandshakeMetadata, frames),

    encodeReadyResponse: (response: EngineCoreReadyResponse): Uint8Array[] =>
      writeStruct(structs.engineCoreReadyResponse, response, 1024),

    decodeReadyResponse: (frames: Frames): EngineCoreReadyResponse =>
      decodeSingle('the ready response', structs.engineCoreReadyResponse, frames),

    encodeEngineInput(input: EngineInput): Uint8Array[] {
      switch (input.type) {
        case 'ADD': {
          const { request } = input;
          const bytes = REQUEST_BYTES + 5 * (request.promptTokenIds?.length ?? 0);
          return withType('ADD', writeStruct(structs.engineCoreRequest, request, bytes));
        }
        case 'ABORT':
          return withType('ABORT', encodeAbort(input.requestIds));
        case 'START_DP_WAVE':
          return encodeStartDpWave(input);
        case 'UTILITY':
          return withType('UTILITY', encodeUtilityCall(input.call));
      }
    },

    decodeEngineInput(frames: Frames): EngineInput {
      return decoding('an engine input', () => {
        const [type] = frames;
        if (frames.length < 2 || type === undefined) {
          throw new DecodeFault('a type frame and a msgpack frame', `${frames.length} frames`);
        }
        if (type.length !== 1) throw new DecodeFault('a type of 1 byte', `${type.length} bytes`);
        switch (type[0]) {
          case EngineCoreRequestType.ADD: {
            const request = readWhole(frames, 1, (r) => structs.engineCoreRequest.read(r));
            return { type: 'ADD', request };
          }
          case EngineCoreRequestType.ABORT:
            return { type: 'ABORT', requestIds: readWhole(frames, 1, readAbort) };
          case EngineCoreRequestType.START_DP_WAVE:
            return readWhole(frames, 1, readStartDpWave);
          case EngineCoreRequestType.UTILITY:
            return { type: 'UTILITY', call: readWhole(frames, 1, readUtilityCall) };
          default:
            throw new DecodeFault('a request type of 0 to 3', `${type[0]}`);
        }
      });
    },

    encodeEngineCoreOutputs(outputs: EngineCoreOutputs): Uint8Array[] {
      const stats = outputs.schedulerStats === null ? 0 : STATS_BYTES;
      const bytes = SMALL_MESSAGE_BYTES + stats + OUTPUT_BYTES * outputs.outputs.length;
      return writeStruct(structs.engineCoreOutputs, outputs, bytes);
    },

    /** The outputs, or ENGINE_CORE_DEAD for that raw frame. */
    decodeEngineCoreOutputs(frames: Frames): EngineCoreOutputs | typeof ENGINE_CORE_DEAD {
      if (frames.length === 1 && isSameFrame(frames[0], DEAD_FRAME)) return ENGINE_CORE_DEAD;
      return decoding('an engine output', () =>
        readWhole(frames, 0, (reader) => structs.engineCoreOutputs.read(reader)),
      );
    },

    encodeKVEventBatch: (batch: KVEventBatch): Uint8Array =>
      writeStruct(structs.kvEventBatch, batch, 1024)[0] as Uint8Array,

    decodeKVEventMessage: (frames: Frames): KVEventMessage =>
      decoding('a KV event', () => readKVEventMessage(structs.kvEventBatch, frames)),

    /** The frames behind the identity: `[b"", topic, seq, payload]`. */
    decodeKVEventReplayReply: (frames: Frames): KVEventReplayReply =>
      decoding('a KV event replay', () => {
        expectFrameCount(frames, 4);
        if (frames[0]?.length !== 0) throw new DecodeFault('an empty delimiter', 'bytes');
        if (isSameFrame(frames[2], END_SEQ)) return { type: 'end' };
        return {
          type: 'batch',
          message: readKVEventMessage(structs.kvEventBatch, frames.slice(1)),
        };
      }),
  };
}

function withType(type: keyof typeof EngineCoreRequestType, frames: Uint8Array[]): Uint8Array[] {
  frames.unshift(Uint8Array.of(EngineCoreRequestType[type]));
  return frames;
}

function encodeAbort(requestIds: readonly string[]): Uint8Array[] {
  const writer = new MsgpackWriter(SMALL_MESSAGE_BYTES);
  writer.arrayHeader(requestIds.length);
  for (const requestId of requestIds) writer.str(requestId);
  return writer.finish();
}

function readAbort(reader: MsgpackReader): string[] {
  const length = reader.arrayHeader('an array of request ids');
  const requestIds: string[] = [];
  for (let index = 0; index < length; index++) {
    try {
      requestIds.push(reader.str());
    } catch (error) {
      throw locate(error, `ABORT[${index}]`);
    }
  }
  return requestIds;
}

function encodeUtilityCall(call: UtilityCall): Uint8Array[] {
  const writer = new MsgpackWriter(SMALL_MESSAGE_BYTES);
  writer.arrayHeader(4);
  writer.int(call.clientIndex);
  writer.int(call.callId);
  writer.str(call.method);
  writer.any(call.args);
  return writer.finish();
}

function readUtilityCall(reader: MsgpackReader): UtilityCall {
  expectLength(reader, 4, 'UTILITY');
  return {
    clientIndex: at('UTILITY.client_index', () => reader.int()),
    callId: at('UTILITY.call_id', () => reader.int64()),
    method: at('UTILITY.method', () => reader.str()),
    args: at('UTILITY.args', () => {
      const args = reader.any();
      if (!Array.isArray(args)) throw new DecodeFault('an array', typeof args);
      return args;
    }),
  };
}

/** The coordinator's call to join a wave, which has no identity frame. Source: DPCoordinatorProc._send_start_wave. */
export function encodeStartDpWave(start: {
  readonly wave: number;
  readonly excludeEngineIndex: number | null;
}): Uint8Array[] {
  const writer = new MsgpackWriter(SMALL_MESSAGE_BYTES);
  writer.arrayHeader(2);
  writer.int(start.wave);
  writer.any(start.excludeEngineIndex);
  return withType('START_DP_WAVE', writer.finish());
}

function readStartDpWave(reader: MsgpackReader): EngineInput {
  expectLength(reader, 2, 'START_DP_WAVE');
  return {
    type: 'START_DP_WAVE',
    wave: at('START_DP_WAVE.wave', () => reader.int()),
    excludeEngineIndex: at('START_DP_WAVE.exclude_engine_index', () =>
      reader.tryNil() ? null : reader.int(),
    ),
  };
}

export function encodeEngineCoreDead(): Uint8Array[] {
  return [DEAD_FRAME];
}

// ---- the DP coordinator

export function encodeCoordinatorReady(): Uint8Array[] {
  return [READY_FRAME];
}

export function isCoordinatorReady(frames: Frames): boolean {
  return frames.length === 1 && isSameFrame(frames[0], READY_FRAME);
}

/** A subscription to everything (true), its end (false), or some other message (null). */
export function decodeSubscription(frames: Frames): boolean | null {
  if (frames.length !== 1) return null;
  if (isSameFrame(frames[0], SUBSCRIBE_ALL)) return true;
  return isSameFrame(frames[0], UNSUBSCRIBE_ALL) ? false : null;
}

export function encodeCoordinatorUpdate(update: CoordinatorUpdate): Uint8Array[] {
  const { counts } = update;
  const writer = new MsgpackWriter(SMALL_MESSAGE_BYTES + 24 * (counts?.length ?? 0));
  writer.arrayHeader(3);
  if (counts === null) writer.nil();
  else {
    writer.arrayHeader(counts.length);
    for (const [waiting, running, kvCacheUsage] of counts) {
      writer.arrayHeader(3);
      writer.int(waiting);
      writer.int(running);
      writer.float64(kvCacheUsage);
    }
  }
  writer.int(update.currentWave);
  writer.bool(update.enginesRunning);
  return writer.finish();
}

export function decodeCoordinatorUpdate(frames: Frames): CoordinatorUpdate {
  return decoding('a coordinator update', () => {
    expectFrameCount(frames, 1);
    return readWhole(frames, 0, (reader) => {
      expectLength(reader, 3, 'CoordinatorUpdate');
      return {
        counts: at('CoordinatorUpdate.counts', () => (reader.tryNil() ? null : readCounts(reader))),
        currentWave: at('CoordinatorUpdate.current_wave', () => reader.int()),
        enginesRunning: at('CoordinatorUpdate.engines_running', () => reader.bool()),
      };
    });
  });
}

function readCounts(reader: MsgpackReader): EngineRequestCounts[] {
  const length = reader.arrayHeader('an array of counts');
  const counts: EngineRequestCounts[] = [];
  for (let index = 0; index < length; index++) {
    expectLength(reader, 3, `[${index}]`);
    counts.push(at(`[${index}]`, () => [reader.int(), reader.int(), reader.float()]));
  }
  return counts;
}

export function encodeScaleElasticEp(message: ScaleElasticEp): Uint8Array[] {
  const writer = new MsgpackWriter(SMALL_MESSAGE_BYTES);
  writer.any([SCALE_ELASTIC_EP, message.newEngineCount]);
  return writer.finish();
}

/** What a frontend may tell the coordinator, besides its subscription. */
export function decodeScaleElasticEp(frames: Frames): ScaleElasticEp {
  return decoding('a message to the coordinator', () => {
    expectFrameCount(frames, 1);
    return readWhole(frames, 0, (reader) => {
      expectLength(reader, 2, SCALE_ELASTIC_EP);
      at(SCALE_ELASTIC_EP, () => {
        const name = reader.str();
        if (name !== SCALE_ELASTIC_EP) throw new DecodeFault(SCALE_ELASTIC_EP, `'${name}'`);
      });
      const newEngineCount = at('SCALE_ELASTIC_EP.new_engine_count', () => reader.int());
      return { type: SCALE_ELASTIC_EP, newEngineCount };
    });
  });
}

// ---- KV cache events

function sequenceFrame(seq: number): Uint8Array {
  const frame = Buffer.alloc(8);
  frame.writeBigUInt64BE(BigInt(seq));
  return frame;
}

function readSequence(frame: Uint8Array | undefined): number {
  if (frame?.length !== 8) throw new DecodeFault('8 bytes of sequence number', `${frame?.length}`);
  const seq = Buffer.from(frame).readBigUInt64BE();
  if (seq > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw new DecodeFault('a sequence number below 2^53', `${seq}`);
  }
  return Number(seq);
}

function readKVEventMessage(codec: StructCodec<KVEventBatch>, frames: Frames): KVEventMessage {
  expectFrameCount(frames, 3);
  const topic = Buffer.from(frames[0] as Uint8Array).toString('utf8');
  const seq = at('seq', () => readSequence(frames[1]));
  const batch = readWhole(frames, 2, (reader) => codec.read(reader));
  return { topic, seq, batch };
}

/** What a PUB socket sends; `payload` is an encoded batch. */
export function encodeKVEventMessage(message: {
  readonly topic: string;
  readonly seq: number;
  readonly payload: Uint8Array;
}): Uint8Array[] {
  return [Buffer.from(message.topic, 'utf8'), sequenceFrame(message.seq), message.payload];
}

/** A subscriber's request for all batches from `startSeq` on, as a DEALER sends it: `[b"", seq]`. */
export function encodeKVEventReplayRequest(startSeq: number): Uint8Array[] {
  return [EMPTY_FRAME, sequenceFrame(startSeq)];
}

export function decodeKVEventReplayRequest(frames: Frames): number {
  return decoding('a KV event replay request', () => {
    expectFrameCount(frames, 2);
    return at('start_seq', () => readSequence(frames[1]));
  });
}

export function encodeKVEventReplayBatch(message: {
  readonly topic: string;
  readonly seq: number;
  readonly payload: Uint8Array;
}): Uint8Array[] {
  return [EMPTY_FRAME, ...encodeKVEventMessage(message)];
}

export function encodeKVEventReplayEnd(): Uint8Array[] {
  return [EMPTY_FRAME, EMPTY_FRAME, END_SEQ, EMPTY_FRAME];
}

/** The functions of the version that this package twins. */
export const {
  encodeHandshakeMessage,
  decodeHandshakeMessage,
  encodeHandshakeMetadata,
  decodeHandshakeMetadata,
  encodeReadyResponse,
  decodeReadyResponse,
  encodeEngineInput,
  decodeEngineInput,
  encodeEngineCoreOutputs,
  decodeEngineCoreOutputs,
  encodeKVEventBatch,
  decodeKVEventMessage,
  decodeKVEventReplayReply,
} = createWireCodec(VLLM_VERSION);
