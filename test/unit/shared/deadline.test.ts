import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Deadline, type Standstill } from '../../../src/shared/deadline.ts';

class Switch implements Standstill {
  isStandingStill = false;
  readonly listeners = new Set<(isStandingStill: boolean) => void>();

  onStandstill(listener: (isStandingStill: boolean) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  turn(isStandingStill: boolean): void {
    this.isStandingStill = isStandingStill;
    for (const listener of this.listeners) listener(isStandingStill);
  }
}

describe('a deadline', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  function start(standstill: Switch): { readonly deadline: Deadline; readonly ends: () => number } {
    const onExpired = vi.fn();
    const deadline = new Deadline({ timeoutMs: 1_000, onExpired, standstill });
    return { deadline, ends: () => onExpired.mock.calls.length };
  }

  it('counts only the time in which nothing stands still', () => {
    const standstill = new Switch();
    const { ends } = start(standstill);
    vi.advanceTimersByTime(600);
    standstill.turn(true);
    vi.advanceTimersByTime(3_600_000);
    expect(ends()).toBe(0);
    standstill.turn(false);
    vi.advanceTimersByTime(399);
    expect(ends()).toBe(0);
    vi.advanceTimersByTime(1);
    expect(ends()).toBe(1);
  });

  it('that begins in a standstill waits for its end', () => {
    const standstill = new Switch();
    standstill.isStandingStill = true;
    const { ends } = start(standstill);
    vi.advanceTimersByTime(5_000);
    standstill.turn(false);
    vi.advanceTimersByTime(1_000);
    expect(ends()).toBe(1);
  });

  it('that was cleared never ends, and listens to nothing', () => {
    const standstill = new Switch();
    const { deadline, ends } = start(standstill);
    deadline.clear();
    standstill.turn(true);
    standstill.turn(false);
    vi.advanceTimersByTime(5_000);
    expect([ends(), standstill.listeners.size]).toEqual([0, 0]);
  });
});
