import { describe, expect, it } from 'vitest';
import { Request } from '../../src/engine-core/scheduler/request.ts';
import type { RequestQueue } from '../../src/engine-core/scheduler/request-queue.ts';
import { Prng } from '../../src/shared/prng.ts';
import { createTestRequest } from './engine.ts';

export function makeRequest(requestId: string, priority = 0, arrivalTime = 0): Request {
  return new Request(createTestRequest({ requestId, priority, arrivalTime }));
}

export function idsOf(requests: readonly Request[]): string[] {
  return requests.map(({ requestId }) => requestId);
}

/** What every request queue keeps to, whatever its order. `makeQueue` gives an empty one. */
export function describeRequestQueue(name: string, makeQueue: () => RequestQueue): void {
  describe(name, () => {
    it('is empty at first and refuses to give', () => {
      const queue = makeQueue();
      expect(queue.length).toBe(0);
      expect(queue.toArray()).toEqual([]);
      expect(() => queue.peek()).toThrow('empty queue');
      expect(() => queue.pop()).toThrow('empty queue');
    });

    it('gives requests of equal rank in the order in which they came', () => {
      const queue = makeQueue();
      const ids = Array.from({ length: 50 }, (_, i) => `r${String(i).padStart(2, '0')}`);
      ids.forEach((id, i) => {
        queue.add(makeRequest(id, 0, i));
      });
      expect(idsOf(queue.toArray())).toEqual(ids);
      expect(idsOf(ids.map(() => queue.pop()))).toEqual(ids);
      expect(queue.length).toBe(0);
    });

    it('peeks at what it would pop', () => {
      const queue = makeQueue();
      for (const [id, priority] of [
        ['a', 3],
        ['b', 1],
        ['c', 2],
      ] as const) {
        queue.add(makeRequest(id, priority));
      }
      while (queue.length > 0) {
        const next = queue.peek();
        expect(queue.toArray()[0]).toBe(next);
        expect(queue.pop()).toBe(next);
      }
    });

    it('removes exactly the requests that it is told to', () => {
      const queue = makeQueue();
      const requests = ['a', 'b', 'c', 'd'].map((id, i) => makeRequest(id, 0, i));
      for (const request of requests) queue.add(request);
      queue.removeAll(new Set(requests.filter((_, i) => i % 2 === 1)));
      expect(idsOf(queue.toArray())).toEqual(['a', 'c']);
      queue.removeAll(new Set([makeRequest('a')]));
      expect(queue.length).toBe(2);
    });

    it('lists what it would pop, after any mix of operations', () => {
      const prng = new Prng(7);
      const queue = makeQueue();
      const inside = new Set<Request>();
      for (let i = 0; i < 2000; i += 1) {
        const choice = prng.nextBelow(10);
        if (choice < 5 || inside.size === 0) {
          const request = makeRequest(`r${i}`, prng.nextBelow(3), prng.nextBelow(20));
          inside.add(request);
          if (choice % 2 === 0) queue.add(request);
          else queue.prepend(request);
        } else if (choice < 8) {
          const [first] = queue.toArray();
          expect(queue.pop()).toBe(first);
          if (first !== undefined) inside.delete(first);
        } else if (choice === 8) {
          const gone = new Set([...inside].filter(() => prng.nextBelow(4) === 0));
          queue.removeAll(gone);
          for (const request of gone) inside.delete(request);
        } else {
          const more = [0, 1].map((n) => makeRequest(`p${i}-${n}`, prng.nextBelow(3)));
          queue.prependAll(more);
          for (const request of more) inside.add(request);
        }
        expect(queue.length).toBe(inside.size);
        expect(new Set(queue.toArray())).toEqual(inside);
      }
    });
  });
}
