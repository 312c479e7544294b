/**
 * What all message decoders share: a fault becomes E_BAD_FRAME with its place in words, and frames are read whole.
 */
import { ServerError } from '../errors.ts';
import { DecodeFault, locate, MsgpackReader } from './msgpack-reader.ts';
import type { StructCodec } from './struct-codec.ts';

/** A message without the identity frame. */
export type Frames = readonly Uint8Array[];

export function isSameFrame(frame: Uint8Array | undefined, expected: Uint8Array): boolean {
  return frame !== undefined && Buffer.compare(frame, expected) === 0;
}

/** Runs a decoder and turns its fault into E_BAD_FRAME. */
export function decoding<T>(message: string, decode: () => T): T {
  try {
    return decode();
  } catch (error) {
    if (!(error instanceof DecodeFault)) throw error;
    throw new ServerError('E_BAD_FRAME', describeFault(message, error));
  }
}

/** `EngineCoreOutput.finish_reason: expected …, got … (in OUTPUT, EngineCoreOutputs.outputs[2])`. */
function describeFault(message: string, fault: DecodeFault): string {
  const structs: string[] = [];
  for (const step of fault.path) {
    if (step.startsWith('[') && structs.length > 0) structs[structs.length - 1] += step;
    else structs.push(step);
  }
  const where = structs.at(-1) ?? message;
  const outer = structs.slice(0, -1);
  const context = [message, ...outer].join(', ');
  return `${where}: expected ${fault.expected}, got ${fault.got} (in ${context})`;
}

export function expectFrameCount(frames: Frames, count: number): void {
  if (frames.length !== count) {
    throw new DecodeFault(`${count} frame${count === 1 ? '' : 's'}`, `${frames.length}`);
  }
}

/** Reads one whole value out of `frames[index]`. */
export function readWhole<T>(frames: Frames, index: number, read: (reader: MsgpackReader) => T): T {
  const reader = new MsgpackReader(frames, index);
  const value = read(reader);
  reader.finish();
  return value;
}

/** A message of one struct and no other frames. */
export function decodeStruct<T>(message: string, codec: StructCodec<T>, frames: Frames): T {
  return decoding(message, () => {
    expectFrameCount(frames, 1);
    return readWhole(frames, 0, (reader) => codec.read(reader));
  });
}

export function expectLength(reader: MsgpackReader, length: number, what: string): void {
  at(what, () => {
    const got = reader.arrayHeader(`an array of ${length}`);
    if (got !== length) throw new DecodeFault(`an array of ${length}`, `${got} elements`);
  });
}

export function at<T>(step: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw locate(error, step);
  }
}
