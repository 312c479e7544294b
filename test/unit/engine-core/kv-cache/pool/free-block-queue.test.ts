import { describe, expect, it } from 'vitest';
import { FreeBlockQueue } from '../../../../../src/engine-core/kv-cache/pool/free-block-queue.ts';

describe('FreeBlockQueue', () => {
  it('starts with all blocks but the null block, in order', () => {
    const queue = new FreeBlockQueue(5);
    expect(queue.toArray()).toEqual([1, 2, 3, 4]);
    expect(queue.numFreeBlocks).toBe(4);
    expect(queue.has(0)).toBe(false);
  });

  it('takes from the head and puts back at the tail', () => {
    const queue = new FreeBlockQueue(5);
    expect([queue.popleft(), queue.popleft()]).toEqual([1, 2]);
    queue.append(1);
    expect(queue.toArray()).toEqual([3, 4, 1]);
  });

  it('lets a block in the middle go', () => {
    const queue = new FreeBlockQueue(5);
    queue.remove(3);
    expect(queue.has(3)).toBe(false);
    expect(queue.toArray()).toEqual([1, 2, 4]);
  });

  it('prepends a run in its own order', () => {
    const queue = new FreeBlockQueue(6);
    for (let i = 0; i < 3; i++) queue.popleft();
    let cursor = 0;
    for (const block of [2, 1, 3]) {
      queue.insertAfter(cursor, block);
      cursor = block;
    }
    expect(queue.toArray()).toEqual([2, 1, 3, 4, 5]);
  });

  it('can be emptied and filled again', () => {
    const queue = new FreeBlockQueue(2);
    expect(queue.popleft()).toBe(1);
    expect(queue.toArray()).toEqual([]);
    expect(() => queue.popleft()).toThrow('no free block left');
    queue.append(1);
    expect(queue.toArray()).toEqual([1]);
  });

  it('refuses to free a block twice, or to remove one that is not free', () => {
    const queue = new FreeBlockQueue(3);
    expect(() => queue.append(1)).toThrow('block 1 is free');
    expect(() => queue.append(0)).toThrow('block 0 is free');
    queue.remove(1);
    expect(() => queue.remove(1)).toThrow('block 1 is not in the free queue');
  });

  it('is empty for a pool that has the null block only', () => {
    expect(new FreeBlockQueue(1).toArray()).toEqual([]);
  });
});
