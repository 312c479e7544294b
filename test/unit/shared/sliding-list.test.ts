import { setImmediate as nextTurn } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SlidingList } from '../../../src/shared/sliding-list.ts';
import { collectGarbage } from '../../support/collect-garbage.ts';

describe('a sliding list', () => {
  it('is an array that is pushed to and shifted', () => {
    const call = fc.oneof(fc.constant('push'), fc.constant('shift'));
    fc.assert(
      fc.property(fc.array(call, { maxLength: 200 }), (calls) => {
        const list = new SlidingList<number>();
        const model: number[] = [];
        calls.forEach((name, i) => {
          if (name === 'push') {
            list.push(i);
            model.push(i);
          } else expect(list.shift()).toBe(model.shift());
          expect(list.length).toBe(model.length);
          expect(list.at(0)).toBe(model[0]);
          expect(list.at(model.length - 1)).toBe(model.at(-1));
        });
        expect(list.slice(0)).toEqual(model);
      }),
    );
  });

  it('gives nothing outside its ends', () => {
    const list = new SlidingList<string>();
    for (const item of ['a', 'b', 'c', 'd', 'e']) list.push(item);
    list.shift();
    expect([-1, 0, 3, 4].map((index) => list.at(index))).toEqual([undefined, 'b', 'e', undefined]);
    expect(list.slice(1, 3)).toEqual(['c', 'd']);
    expect(list.slice(2, 100)).toEqual(['d', 'e']);
    expect(list.slice(4)).toEqual([]);
  });

  it('lets go of what falls out, before it is compacted and after', async () => {
    const list = new SlidingList<object>();
    const refs = Array.from({ length: 10 }, (_, index) => {
      const item = { index };
      list.push(item);
      return new WeakRef(item);
    });
    const kept = (): (number | undefined)[] => refs.map((ref, i) => (ref.deref() ? i : undefined));
    for (const numShifted of [3, 7]) {
      while (list.length > 10 - numShifted) list.shift();
      await nextTurn();
      collectGarbage();
      expect(kept()).toEqual(refs.map((_, i) => (i < numShifted ? undefined : i)));
    }
  });
});
