import { describe, expect, it } from 'vitest';
import { ChurningMap } from '../../../src/shared/churning-map.ts';

describe('a churning map', () => {
  it('holds what was set and not deleted, in the order in which it was set', () => {
    const map = new ChurningMap<string, number>();
    const model = new Map<string, number>();
    for (let i = 0; i < 1_000; i++) {
      map.set(`r${i}`, i);
      model.set(`r${i}`, i);
      if (i % 3 === 0) continue;
      const gone = `r${i - (i % 40)}`;
      expect(map.delete(gone)).toBe(model.delete(gone));
    }
    expect([...map.keys()]).toEqual([...model.keys()]);
    expect([...map.values()]).toEqual([...model.values()]);
    expect(map.size).toBe(model.size);
    expect(map.get('r999')).toBe(999);
    expect(map.get('never')).toBeUndefined();
  });

  it('a key that is set again keeps its place', () => {
    const map = new ChurningMap<string, number>();
    map.set('a', 1);
    map.set('b', 2);
    map.set('a', 3);
    expect([...map.values()]).toEqual([3, 2]);
  });

  it('clear leaves nothing', () => {
    const map = new ChurningMap<string, number>();
    map.set('a', 1);
    map.clear();
    expect(map.size).toBe(0);
    expect(map.delete('a')).toBe(false);
  });
});
