import type { Prng } from '../../shared/prng.ts';

/** The first is a code that MessagePack never uses, so that no reader takes them for a message. */
const NEVER_USED = 0xc1;

export function randomBytes(prng: Prng, count: number): Uint8Array {
  return Uint8Array.from({ length: count }, (_, i) => (i === 0 ? NEVER_USED : prng.nextBelow(256)));
}
