import { describe, expect, it } from 'vitest';
import {
  createRequestQueue,
  FcfsRequestQueue,
  PriorityRequestQueue,
} from '../../../../src/engine-core/scheduler/request-queue.ts';
import {
  describeRequestQueue,
  idsOf,
  makeRequest,
} from '../../../support/describe-request-queue.ts';

describeRequestQueue('FcfsRequestQueue', () => new FcfsRequestQueue());
describeRequestQueue('PriorityRequestQueue', () => new PriorityRequestQueue());

describe('FcfsRequestQueue', () => {
  it('puts prepended requests in front, the last one first', () => {
    const queue = new FcfsRequestQueue();
    queue.add(makeRequest('a'));
    queue.prependAll([makeRequest('b'), makeRequest('c')]);
    queue.prepend(makeRequest('d'));
    expect(idsOf(queue.toArray())).toEqual(['d', 'c', 'b', 'a']);
  });
});

describe('PriorityRequestQueue', () => {
  it('orders by priority, then arrival, then id, and prepending changes nothing', () => {
    const queue = new PriorityRequestQueue();
    queue.add(makeRequest('late', 1, 9));
    queue.prepend(makeRequest('b', 1, 2));
    queue.add(makeRequest('a', 1, 2));
    queue.prependAll([makeRequest('urgent', -1, 50), makeRequest('idle', 5, 0)]);
    expect(idsOf(queue.toArray())).toEqual(['urgent', 'a', 'b', 'late', 'idle']);
  });
});

it('makes the queue that the policy asks for', () => {
  expect(createRequestQueue('fcfs')).toBeInstanceOf(FcfsRequestQueue);
  expect(createRequestQueue('priority')).toBeInstanceOf(PriorityRequestQueue);
});
