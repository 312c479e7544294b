import { describe, expect, it } from 'vitest';
import { UtilityCalls } from '../../../../src/frontend/engine-client/utility-calls.ts';

describe('utility calls', () => {
  it('have an id each, and are settled by it in any order', async () => {
    const calls = new UtilityCalls();
    const [a, b] = [calls.start(), calls.start()];
    expect([a.callId, b.callId]).toEqual([1, 2]);
    expect(calls.pendingCount).toBe(2);
    expect(calls.settle({ callId: 2, failureMessage: null, result: 'b' })).toBe(true);
    expect(calls.settle({ callId: 1, failureMessage: null, result: 'a' })).toBe(true);
    expect(await Promise.all([a.result, b.result])).toEqual(['a', 'b']);
    expect(calls.pendingCount).toBe(0);
  });

  it("reject with the engine's own message", async () => {
    const calls = new UtilityCalls();
    const { callId, result } = calls.start();
    calls.settle({ callId, failureMessage: 'no', result: undefined });
    await expect(result).rejects.toMatchObject({ code: 'E_UTILITY_FAILED', message: 'no' });
  });

  it('do not take an answer twice, or to a call that nobody made', async () => {
    const calls = new UtilityCalls();
    const { callId, result } = calls.start();
    expect(calls.settle({ callId: 99n, failureMessage: null, result: 0 })).toBe(false);
    calls.settle({ callId, failureMessage: null, result: 1 });
    expect(calls.settle({ callId, failureMessage: null, result: 2 })).toBe(false);
    expect(calls.unclaimedAnswerCount).toBe(2);
    expect(await result).toBe(1);
  });

  it('are all rejected at once, and answers that come later find nobody', async () => {
    const calls = new UtilityCalls();
    const [a, b] = [calls.start(), calls.start()];
    calls.rejectAll(new Error('dead'));
    await expect(a.result).rejects.toThrow('dead');
    await expect(b.result).rejects.toThrow('dead');
    expect(calls.pendingCount).toBe(0);
    expect(calls.settle({ callId: a.callId, failureMessage: null, result: 1 })).toBe(false);
  });
});
