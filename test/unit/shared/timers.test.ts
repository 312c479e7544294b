import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { systemTimers } from '../../../src/shared/timers.ts';

const DAY_MS = 24 * 3_600_000;

describe("the event loop's timers", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('wait for longer than one timer of Node can', async () => {
    const handler = vi.fn();
    systemTimers.after(60 * DAY_MS, handler);
    await vi.advanceTimersByTimeAsync(60 * DAY_MS - 1);
    expect(handler).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    expect(handler).toHaveBeenCalledOnce();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('can be called off at any time of a long wait', async () => {
    const handler = vi.fn();
    const timer = systemTimers.after(Number.POSITIVE_INFINITY, handler);
    await vi.advanceTimersByTimeAsync(100 * DAY_MS);
    timer.cancel();
    expect(vi.getTimerCount()).toBe(0);
    expect(handler).not.toHaveBeenCalled();
  });
});
