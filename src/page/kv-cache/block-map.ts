/** An engine's block map, decoded: what each block is, whose it is, and when it goes. */
import { BLOCK_STATES, type BlockMap } from '../../shared/twin-api/engine-views.ts';

export type BlockStateName = (typeof BLOCK_STATES)[number];

/** The group of a block that no group holds. */
export const NO_GROUP = 15;

export interface DecodedBlocks {
  readonly numBlocks: number;
  /** Per block the index in `BLOCK_STATES`, and in the upper four bits the group; as it came. */
  readonly bytes: Uint8Array;
  /** Per block its place among those that will be evicted, 0 goes next; -1 for all others. */
  readonly evictionPlaces: Int32Array;
  readonly numEvictable: number;
}

/** Has the blocks that were told: of a very large pool not all of them. */
export function decodeBlocks(map: BlockMap): DecodedBlocks {
  const text = atob(map.states);
  const numBlocks = Math.min(text.length, map.num_blocks);
  const bytes = new Uint8Array(numBlocks);
  for (let at = 0; at < numBlocks; at++) bytes[at] = text.charCodeAt(at);
  const evictionPlaces = new Int32Array(numBlocks).fill(-1);
  map.eviction_order.forEach((id, place) => {
    if (id < numBlocks) evictionPlaces[id] = place;
  });
  return { numBlocks, bytes, evictionPlaces, numEvictable: map.eviction_order.length };
}

export function stateOf(blocks: DecodedBlocks, id: number): BlockStateName {
  return BLOCK_STATES[(blocks.bytes[id] ?? 1) & 0x0f] ?? 'free';
}

/** Null where the block is in none. */
export function groupOf(blocks: DecodedBlocks, id: number): number | null {
  const group = (blocks.bytes[id] ?? 0xff) >> 4;
  return group === NO_GROUP ? null : group;
}

export interface BlockCounts {
  readonly states: Readonly<Record<BlockStateName, number>>;
  /** Blocks in use and blocks cached, by group. */
  readonly groups: ReadonlyMap<number, { readonly inUse: number; readonly cached: number }>;
}

export function countBlocks({ bytes }: DecodedBlocks): BlockCounts {
  const byByte = new Uint32Array(256);
  for (const byte of bytes) byByte[byte] = (byByte[byte] ?? 0) + 1;
  const states: Record<BlockStateName, number> = { null: 0, free: 0, cached_free: 0, in_use: 0 };
  const groups = new Map<number, { inUse: number; cached: number }>();
  byByte.forEach((count, byte) => {
    const state = BLOCK_STATES[byte & 0x0f];
    if (count === 0 || state === undefined) return;
    states[state] += count;
    const group = byte >> 4;
    if (group === NO_GROUP || (state !== 'in_use' && state !== 'cached_free')) return;
    const sums = groups.get(group) ?? { inUse: 0, cached: 0 };
    if (state === 'in_use') sums.inUse += count;
    else sums.cached += count;
    groups.set(group, sums);
  });
  return { states, groups };
}

/** The map in a sentence, for those who do not see it. `numInPool` are more than shown where the pool is very large. */
export function describeCounts(
  { states }: BlockCounts,
  { numBlocks }: DecodedBlocks,
  numInPool: number,
): string {
  const n = (value: number): string => value.toLocaleString('en-US');
  const shown =
    numBlocks < numInPool ? `The first ${n(numBlocks)} of ${n(numInPool)}` : n(numBlocks);
  return (
    `${shown} blocks: ${n(states.in_use)} in use, ${n(states.cached_free)} free and cached, ` +
    `${n(states.free)} free, ${n(states.null)} null.`
  );
}
