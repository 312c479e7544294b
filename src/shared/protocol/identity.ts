/** An engine core's socket identity: its index as two bytes, little endian. Source: vllm/v1/engine/core.py (0.33.0). */
import { assert } from '../assert.ts';
import { ServerError } from '../errors.ts';
import type { EngineIndex } from './ids.ts';

const MAX_ENGINE_INDEX = 0xffff;

export function identityFromEngineIndex(engineIndex: EngineIndex): Uint8Array {
  assert(
    Number.isInteger(engineIndex) && engineIndex >= 0 && engineIndex <= MAX_ENGINE_INDEX,
    () => `engine index out of range: ${engineIndex}`,
  );
  return Uint8Array.of(engineIndex & 0xff, engineIndex >> 8);
}

/** Throws E_BAD_FRAME for an identity that is not two bytes: no engine core has such a one. */
export function engineIndexFromIdentity(identity: Uint8Array): EngineIndex {
  const [low, high] = identity;
  if (identity.length !== 2 || low === undefined || high === undefined) {
    throw new ServerError(
      'E_BAD_FRAME',
      `identity: expected 2 bytes, got ${identity.length}: ${Buffer.from(identity.subarray(0, 16)).toString('hex')}`,
    );
  }
  return low | (high << 8);
}
