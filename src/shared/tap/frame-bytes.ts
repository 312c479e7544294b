/** The bytes of a frame: how many they are, and how recordings and people see them. */
import type { Frame } from '../transport/transport.ts';

/** Of a message's parts together. */
export function bytesOfParts(parts: readonly Frame[]): number {
  let bytes = 0;
  for (const part of parts) bytes += part.byteLength;
  return bytes;
}

export function hexOf(bytes: Frame): string {
  return bufferOf(bytes).toString('hex');
}

export function base64Of(bytes: Frame): string {
  return bufferOf(bytes).toString('base64');
}

/** The same bytes, not a copy. */
function bufferOf(bytes: Frame): Buffer {
  if (Buffer.isBuffer(bytes)) return bytes;
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
