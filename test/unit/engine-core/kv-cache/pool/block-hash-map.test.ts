import { describe, expect, it } from 'vitest';
import { BlockHashMap } from '../../../../../src/engine-core/kv-cache/pool/block-hash-map.ts';

describe('BlockHashMap', () => {
  it('returns the block that was inserted first, and the next one when that is gone', () => {
    const map = new BlockHashMap(10);
    for (const block of [5, 2, 7]) map.insertPrimary(1, 2, 0, block);
    expect(map.size).toBe(1);
    expect(map.getOneBlock(1, 2, 0)).toBe(5);
    map.removePrimary(5);
    expect(map.getOneBlock(1, 2, 0)).toBe(2);
    map.insertPrimary(1, 2, 0, 5);
    map.removePrimary(7);
    map.removePrimary(2);
    expect(map.getOneBlock(1, 2, 0)).toBe(5);
    map.removePrimary(5);
    expect(map.getOneBlock(1, 2, 0)).toBe(0);
    expect(map.size).toBe(0);
  });

  it('keeps groups and both halves of a hash apart', () => {
    const map = new BlockHashMap(10);
    map.insertPrimary(1, 2, 0, 3);
    expect(map.getOneBlock(1, 2, 1)).toBe(0);
    expect(map.getOneBlock(1, 3, 0)).toBe(0);
    expect(map.getOneBlock(2, 2, 0)).toBe(0);
    expect(map.contains(1, 2, 0, 3)).toBe(true);
    expect(map.contains(1, 2, 0, 4)).toBe(false);
  });

  it('finds every key when all fall on the same slot, also after removals', () => {
    const map = new BlockHashMap(100);
    // The low word decides the slot.
    for (let block = 1; block < 40; block++) map.insertPrimary(7, block, 0, block);
    for (let block = 1; block < 40; block += 2) map.removePrimary(block);
    for (let block = 1; block < 40; block++) {
      expect(map.getOneBlock(7, block, 0)).toBe(block % 2 === 0 ? block : 0);
    }
  });

  it('enters a block under further hashes and removes them all', () => {
    const map = new BlockHashMap(4);
    map.insertPrimary(1, 1, 0, 2);
    for (let i = 2; i < 50; i++) map.insertExtra(i, i, 0, 2);
    expect(map.extrasOf(2)?.length).toBe(48);
    expect(map.getOneBlock(49, 49, 0)).toBe(2);
    expect(map.contains(30, 30, 0, 2)).toBe(true);
    map.removeExtras(2);
    expect(map.getOneBlock(49, 49, 0)).toBe(0);
    expect(map.getOneBlock(1, 1, 0)).toBe(2);
    expect(map.size).toBe(1);
    map.clear();
    expect(map.getOneBlock(1, 1, 0)).toBe(0);
  });
});
