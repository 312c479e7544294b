import { describe, expect, it } from 'vitest';
import {
  countBlocks,
  decodeBlocks,
  describeCounts,
  groupOf,
  stateOf,
} from '../../../../src/page/kv-cache/block-map.ts';
import type { BlockMap } from '../../../../src/shared/twin-api/engine-views.ts';

const NONE = 15;

function mapOf(cells: readonly (readonly [state: number, group: number])[]): BlockMap {
  const bytes = Uint8Array.from(cells, ([state, group]) => (group << 4) | state);
  return {
    num_blocks: cells.length,
    states: Buffer.from(bytes).toString('base64'),
    eviction_order: [3, 2],
    num_free: 0,
    usage: 0,
    recent_hits: [],
    groups: [],
    request_ids: [],
  };
}

const MAP = mapOf([
  [0, NONE],
  [1, NONE],
  [2, 0],
  [2, 1],
  [3, 0],
  [3, 1],
  [3, 1],
  [3, NONE],
]);

describe('a block map', () => {
  it('has a state and a group for each block', () => {
    const blocks = decodeBlocks(MAP);
    expect([0, 1, 2, 4].map((id) => stateOf(blocks, id))).toEqual([
      'null',
      'free',
      'cached_free',
      'in_use',
    ]);
    expect([0, 1, 2, 3, 4, 6].map((id) => groupOf(blocks, id))).toEqual([null, null, 0, 1, 0, 1]);
  });

  it('knows the place of each cached block in the order of eviction', () => {
    expect([...decodeBlocks(MAP).evictionPlaces]).toEqual([-1, -1, 1, 0, -1, -1, -1, -1]);
  });

  it('is counted by state and by group', () => {
    const blocks = decodeBlocks(MAP);
    const counts = countBlocks(blocks);
    expect(counts.states).toEqual({ null: 1, free: 1, cached_free: 2, in_use: 4 });
    expect([...counts.groups]).toEqual([
      [0, { inUse: 1, cached: 1 }],
      [1, { inUse: 2, cached: 1 }],
    ]);
    expect(describeCounts(counts, blocks, 8)).toBe(
      '8 blocks: 4 in use, 2 free and cached, 1 free, 1 null.',
    );
  });

  it('of a very large pool has its first blocks alone, and says so', () => {
    const first = { ...MAP, states: MAP.states.slice(0, 4) };
    const blocks = decodeBlocks(first);
    const counts = countBlocks(blocks);
    expect(counts.states).toEqual({ null: 1, free: 1, cached_free: 1, in_use: 0 });
    expect(describeCounts(counts, blocks, 8)).toContain('The first 3 of 8 blocks: 0 in use');
  });

  it('ignores evicted ids that it does not have', () => {
    expect(decodeBlocks({ ...MAP, eviction_order: [900] }).evictionPlaces).toHaveLength(8);
  });
});
