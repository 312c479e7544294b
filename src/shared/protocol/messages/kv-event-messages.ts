/** KV cache events as published, and their replay. */
import {
  at,
  decoding,
  expectFrameCount,
  type Frames,
  isSameFrame,
  readWhole,
} from '../decode-message.ts';
import { encodeStruct } from '../encode-message.ts';
import type { KVEventBatch, KVEventMessage, KVEventReplayReply } from '../kv-events.ts';
import { DecodeFault } from '../msgpack-reader.ts';
import type { StructCodecs } from '../struct-codec.ts';

/** An encoded batch, as it is published and kept for replays. */
export interface NumberedKVEventPayload {
  readonly topic: string;
  readonly seq: number;
  readonly payload: Uint8Array;
}

const EMPTY_FRAME = new Uint8Array();
/** Sequence number -1, the replay's end mark. */
const END_SEQ = Buffer.alloc(8, 0xff);

export function createKVEventMessages(structs: StructCodecs) {
  function readKVEventMessage(frames: Frames): KVEventMessage {
    expectFrameCount(frames, 3);
    const topic = Buffer.from(frames[0] as Uint8Array).toString('utf8');
    const seq = at('seq', () => readSequence(frames[1]));
    const batch = readWhole(frames, 2, (reader) => structs.kvEventBatch.read(reader));
    return { topic, seq, batch };
  }

  return {
    encodeKVEventBatch: (batch: KVEventBatch): Uint8Array =>
      encodeStruct(structs.kvEventBatch, batch)[0] as Uint8Array,

    /** What a PUB socket sends. */
    encodeKVEventMessage: kvEventFrames,

    decodeKVEventMessage: (frames: Frames): KVEventMessage =>
      decoding('a KV event', () => readKVEventMessage(frames)),

    /** A subscriber's request for all batches from `startSeq` on, as a DEALER sends it: `[b"", seq]`. */
    encodeKVEventReplayRequest: (startSeq: number): Uint8Array[] => [
      EMPTY_FRAME,
      sequenceFrame(startSeq),
    ],

    decodeKVEventReplayRequest: (frames: Frames): number =>
      decoding('a KV event replay request', () => {
        expectFrameCount(frames, 2);
        return at('start_seq', () => readSequence(frames[1]));
      }),

    encodeKVEventReplayBatch: (message: NumberedKVEventPayload): Uint8Array[] => [
      EMPTY_FRAME,
      ...kvEventFrames(message),
    ],

    encodeKVEventReplayEnd: (): Uint8Array[] => [EMPTY_FRAME, EMPTY_FRAME, END_SEQ, EMPTY_FRAME],

    /** The frames behind the identity: `[b"", topic, seq, payload]`. */
    decodeKVEventReplayReply: (frames: Frames): KVEventReplayReply =>
      decoding('a KV event replay', () => {
        expectFrameCount(frames, 4);
        if (frames[0]?.length !== 0) throw new DecodeFault('an empty delimiter', 'bytes');
        if (isSameFrame(frames[2], END_SEQ)) return { type: 'end' };
        return { type: 'batch', message: readKVEventMessage(frames.slice(1)) };
      }),
  };
}

function kvEventFrames({ topic, seq, payload }: NumberedKVEventPayload): Uint8Array[] {
  return [Buffer.from(topic, 'utf8'), sequenceFrame(seq), payload];
}

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
