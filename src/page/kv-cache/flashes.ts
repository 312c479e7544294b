/** Blocks that prefix hits took lately, each fading from the moment it was told. */

export const FLASH_MS = 1_400;

export type Flashes = ReadonlyMap<number, number>;

/** The old ones that still glow with the new ones; `at` is in milliseconds of any one clock. */
export function addFlashes(flashes: Flashes, ids: readonly number[], at: number): Flashes {
  const next = new Map<number, number>();
  for (const [id, since] of flashes) if (at - since < FLASH_MS) next.set(id, since);
  for (const id of ids) next.set(id, at);
  return next;
}

/** 1 at first, 0 when it is over. */
export function glow(since: number, at: number): number {
  return Math.max(0, Math.min(1, 1 - (at - since) / FLASH_MS));
}
