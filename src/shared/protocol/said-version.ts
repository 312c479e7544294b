import { isJsonObject } from '../json-object.ts';
import { MsgpackReader } from './msgpack-reader.ts';

/** `vllm_version` of a ready response, whatever else is wrong with it; null where it says none. */
export function saidVersion(frames: readonly Uint8Array[]): string | null {
  let said: unknown;
  try {
    said = new MsgpackReader(frames, 0).any();
  } catch {
    // No message at all: there is no version in it.
    return null;
  }
  const version = isJsonObject(said) ? said['vllm_version'] : null;
  return typeof version === 'string' ? version : null;
}
