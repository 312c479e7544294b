import { describe, expect, it } from 'vitest';
import {
  GroupTable,
  RequestKVState,
} from '../../../../src/engine-core/kv-cache/request-kv-state.ts';

describe('a block table', () => {
  it('grows as blocks come, and keeps those that it has', () => {
    const table = new GroupTable();
    const blocks = Array.from({ length: 50 }, (_, i) => i + 1);

    for (const block of blocks) table.push(block);

    expect(table.slice()).toEqual(blocks);
    expect(table.length).toBe(50);
    expect(table.get(49)).toBe(50);
  });

  it('takes many null blocks at once', () => {
    const table = new GroupTable();
    table.push(7);

    table.pushNulls(30);
    table.push(8);
    table.pushNulls(0);
    table.pushNulls(-1);

    expect(table.slice()).toEqual([7, ...new Array(30).fill(0), 8]);
  });

  it('has nulls where another request’s blocks were', () => {
    const table = new GroupTable();
    for (const block of [1, 2, 3]) table.push(block);

    table.reset();
    table.pushNulls(3);

    expect(table.slice()).toEqual([0, 0, 0]);
  });

  it('is copied from any index on', () => {
    const table = new GroupTable();
    for (const block of [1, 2, 3]) table.push(block);

    expect(table.slice(1)).toEqual([2, 3]);
    expect(table.slice(3)).toEqual([]);
    expect(table.slice(9)).toEqual([]);
  });

  it('has no entry beyond its length', () => {
    const table = new GroupTable();
    table.push(1);

    expect(() => table.get(1)).toThrow('table index 1 of 1');
    expect(() => table.get(-1)).toThrow('table index -1 of 1');
  });

  it('is as new after a reset', () => {
    const table = new GroupTable();
    const fresh = new GroupTable();
    table.push(1);
    Object.assign(table, {
      numCachedBlocks: 3,
      nextSkipTokens: 4,
      lastCachedTokens: 5,
      partialHitIndex: 6,
      partialHitBlock: 7,
      hasAllocated: true,
      lastStateBlockIndex: 8,
      numRetiredBlocks: 9,
      checkpointPosition: 10,
      checkpointIndex: 11,
    });

    table.reset();

    expect({ ...table, ids: null }).toEqual({ ...fresh, ids: null });
  });
});

it('the state of a request has a table a group, and is as new after a reset', () => {
  const state = new RequestKVState(2);
  expect(state.tables).toHaveLength(2);
  state.tables[1]?.push(5);
  Object.assign(state, { slotLimit: 1, cacheLimit: 2, skipLimit: 3 });

  state.reset();

  expect(state.tables[1]?.length).toBe(0);
  expect(state).toMatchObject({ slotLimit: -1, cacheLimit: -1, skipLimit: -1 });
});
