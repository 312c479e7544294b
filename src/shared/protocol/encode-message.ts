/** What all message encoders share. */
import { FrameWriter } from './frame-writer.ts';
import type { StructCodec } from './struct-codec.ts';

/** One for all messages: it keeps nothing of one but the buffer that the next one continues in. */
const writer = new FrameWriter();

/** The frame that `write` writes, and behind it the ones that its arrays need. */
export function encodeFrames(write: (writer: FrameWriter) => void): Uint8Array[] {
  writer.reset();
  write(writer);
  const { frames } = writer;
  frames.unshift(writer.take());
  return frames;
}

/** The struct's frame, and behind it the ones that its arrays need. */
export function encodeStruct<T>(codec: StructCodec<T>, value: T): Uint8Array[] {
  writer.reset();
  codec.write(value, writer);
  const { frames } = writer;
  if (frames.length === 0) return [writer.take()];
  frames.unshift(writer.take());
  return frames;
}
