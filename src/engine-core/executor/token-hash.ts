/** Mixes one value into a 32-bit hash: what is said follows from what was read, in this order. */
export function mixToken(hash: number, value: number): number {
  let z = (Math.imul(hash ^ value, 0x9e3779b1) + 0x85ebca77) >>> 0;
  z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
  z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
  return (z ^ (z >>> 15)) >>> 0;
}

/** A hash as a number in [0, 1). */
export function shareOf(hash: number): number {
  return (hash >>> 0) / 0x1_0000_0000;
}
