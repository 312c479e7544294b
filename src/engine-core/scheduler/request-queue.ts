/**
 * The two orders in which requests wait. Both implement one interface and pass one test suite.
 * Source: vllm/v1/core/sched/request_queue.py (0.33.0).
 */
import { assert } from '../../shared/assert.ts';
import { comesBefore, type Request } from './request.ts';
import type { SchedulingPolicy } from './scheduler-config.ts';

export interface RequestQueue {
  readonly length: number;
  add(request: Request): void;
  /** The next request, taken out. Throws when empty. */
  pop(): Request;
  /** The next request, left in. Throws when empty. */
  peek(): Request;
  /** Puts a request in front (fcfs) or in its place (priority). */
  prepend(request: Request): void;
  /** Prepends one by one: the last of `requests` ends up first under fcfs. */
  prependAll(requests: readonly Request[]): void;
  removeAll(requests: ReadonlySet<Request>): void;
  /** In the order in which they would be popped. */
  toArray(): Request[];
}

/** First come, first served: a deque in a ring buffer whose size is a power of two. All but removeAll are O(1). */
export class FcfsRequestQueue implements RequestQueue {
  #ring: (Request | undefined)[] = new Array<Request | undefined>(16);
  #head = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  add(request: Request): void {
    this.#reserveOne();
    this.#ring[(this.#head + this.#length) & (this.#ring.length - 1)] = request;
    this.#length += 1;
  }

  pop(): Request {
    const request = this.peek();
    this.#ring[this.#head] = undefined;
    this.#head = (this.#head + 1) & (this.#ring.length - 1);
    this.#length -= 1;
    return request;
  }

  peek(): Request {
    const request = this.#ring[this.#head];
    assert(this.#length > 0 && request !== undefined, 'peek from an empty queue');
    return request;
  }

  prepend(request: Request): void {
    this.#reserveOne();
    this.#head = (this.#head - 1) & (this.#ring.length - 1);
    this.#ring[this.#head] = request;
    this.#length += 1;
  }

  prependAll(requests: readonly Request[]): void {
    for (const request of requests) this.prepend(request);
  }

  removeAll(requests: ReadonlySet<Request>): void {
    if (requests.size === 0) return;
    const kept = this.toArray().filter((request) => !requests.has(request));
    this.#ring.fill(undefined);
    this.#head = 0;
    this.#length = 0;
    for (const request of kept) this.add(request);
  }

  toArray(): Request[] {
    const requests: Request[] = [];
    for (let i = 0; i < this.#length; i += 1) {
      const request = this.#ring[(this.#head + i) & (this.#ring.length - 1)];
      if (request !== undefined) requests.push(request);
    }
    return requests;
  }

  #reserveOne(): void {
    if (this.#length < this.#ring.length) return;
    const requests: (Request | undefined)[] = this.toArray();
    requests.length = this.#ring.length * 2;
    this.#ring = requests;
    this.#head = 0;
  }
}

/** By (priority, arrival time, id), smallest first: a binary heap. */
export class PriorityRequestQueue implements RequestQueue {
  #heap: Request[] = [];

  get length(): number {
    return this.#heap.length;
  }

  add(request: Request): void {
    const heap = this.#heap;
    let index = heap.length;
    heap.push(request);
    while (index > 0) {
      const parentIndex = (index - 1) >> 1;
      const parent = heap[parentIndex];
      if (parent === undefined || !comesBefore(request, parent)) break;
      heap[index] = parent;
      index = parentIndex;
    }
    heap[index] = request;
  }

  pop(): Request {
    const first = this.peek();
    const last = this.#heap.pop();
    if (last !== undefined && last !== first) this.#siftDown(last);
    return first;
  }

  peek(): Request {
    const first = this.#heap[0];
    assert(first !== undefined, 'peek from an empty queue');
    return first;
  }

  prepend(request: Request): void {
    this.add(request);
  }

  prependAll(requests: readonly Request[]): void {
    for (const request of requests) this.add(request);
  }

  removeAll(requests: ReadonlySet<Request>): void {
    if (requests.size === 0) return;
    const kept = this.#heap.filter((request) => !requests.has(request));
    if (kept.length === this.#heap.length) return;
    this.#heap = [];
    for (const request of kept) this.add(request);
  }

  toArray(): Request[] {
    return this.#heap.slice().sort((a, b) => (comesBefore(a, b) ? -1 : 1));
  }

  /** Puts `request` at the root and lets it sink to its place. */
  #siftDown(request: Request): void {
    const heap = this.#heap;
    let index = 0;
    for (;;) {
      let childIndex = 2 * index + 1;
      let child = heap[childIndex];
      if (child === undefined) break;
      const right = heap[childIndex + 1];
      if (right !== undefined && comesBefore(right, child)) {
        childIndex += 1;
        child = right;
      }
      if (!comesBefore(child, request)) break;
      heap[index] = child;
      index = childIndex;
    }
    heap[index] = request;
  }
}

export function createRequestQueue(policy: SchedulingPolicy): RequestQueue {
  return policy === 'priority' ? new PriorityRequestQueue() : new FcfsRequestQueue();
}
