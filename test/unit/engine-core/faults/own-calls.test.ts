import { expect, it } from 'vitest';
import { AwaitedOwnCalls } from '../../../../src/engine-core/faults/own-calls.ts';

it('own calls are told from others, and their answers once each', () => {
  const own = new AwaitedOwnCalls();
  const call = (clientIndex: number, callId: number | bigint, method: string) =>
    own.take({ clientIndex, callId, method, args: [] });
  expect(call(0, 7, 'vllm_twin_clear')).toBe(true);
  expect(call(1, 2n ** 60n, 'vllm_twin_inject')).toBe(true);
  expect(call(0, 8, 'is_sleeping')).toBe(false);
  expect(own.settle(1, 7)).toBe(false);
  expect(own.settle(0, 8)).toBe(false);
  expect(own.settle(0, 7)).toBe(true);
  expect(own.settle(0, 7)).toBe(false);
  expect(own.settle(1, 2n ** 60n)).toBe(true);
});

it('of more own calls than are ever awaited, the oldest is forgotten', () => {
  const own = new AwaitedOwnCalls();
  for (let callId = 0; callId <= 1_024; callId += 1)
    own.take({ clientIndex: 0, callId, method: 'vllm_twin_frames', args: [] });
  expect(own.settle(0, 0)).toBe(false);
  expect(own.settle(0, 1)).toBe(true);
});
