/** What all message encoders share. */
import { packBytes } from './msgpack-writer.ts';
import type { StructCodec } from './struct-codec.ts';

/** The struct's frame, and behind it the ones that its arrays need. */
export function encodeStruct<T>(codec: StructCodec<T>, value: T): Uint8Array[] {
  const frames: Uint8Array[] = [];
  const main = packBytes(codec.pack(value, frames));
  return frames.length === 0 ? [main] : [main, ...frames];
}
