import { describe, expect, it } from 'vitest';
import { VirtualTime } from '../../../src/simulate/virtual-time.ts';

describe('virtual time', () => {
  it('calls what is due in order of time, and of asking where that is equal', async () => {
    const time = new VirtualTime();
    const seen: string[] = [];
    time.after(20, () => seen.push(`late ${time.monotonicMs()}`));
    time.after(10, () => seen.push('first'));
    time.after(10, () => seen.push('second'));
    time.after(30, () => seen.push('not yet'));
    await time.runUntil(25);
    expect(seen).toEqual(['first', 'second', 'late 20']);
    expect(time.monotonicMs()).toBe(25);
    expect(time.wallMs()).toBe(1_767_225_600_025);
  });

  it('lets all promises of a turn come through before the next one', async () => {
    const time = new VirtualTime();
    const seen: number[] = [];
    time.after(1, async () => {
      for (let i = 0; i < 10; i += 1) {
        await null;
        seen.push(i);
      }
    });
    time.after(1, () => seen.push(10));
    await time.runUntil(1);
    expect(seen).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  });

  it('takes the turns of a moment before time moves on', async () => {
    const time = new VirtualTime();
    const seen: number[] = [];
    time.after(1, () => seen.push(time.monotonicMs()));
    time.soon(() => time.soon(() => seen.push(time.monotonicMs())));
    await time.runUntil(1);
    expect(seen).toEqual([0, 1]);
  });

  it('has waited for the rest of a time when it says so, whatever the fractions', async () => {
    const time = new VirtualTime();
    await time.runUntil(12_000.123);
    const beginMs = time.monotonicMs();
    let numTries = 0;
    const dueMs = 1_000 / 3;
    const look = (): void => {
      numTries += 1;
      const ageMs = time.monotonicMs() - beginMs;
      if (ageMs < dueMs) time.after(dueMs - ageMs, look);
    };
    look();
    await time.runUntil(20_000);
    expect(numTries).toBeLessThanOrEqual(3);
  });

  it('calls no timer that was cancelled, and keeps few of them', async () => {
    const time = new VirtualTime();
    let numCalls = 0;
    for (let i = 0; i < 10_000; i += 1) time.after(1e9, () => numCalls++).cancel();
    time.after(1, () => numCalls++);
    expect(time.numTimers).toBeLessThan(3_000);
    await time.runUntil(2e9);
    expect(numCalls).toBe(1);
  });

  it('stops where a promise has settled', async () => {
    const time = new VirtualTime();
    expect(await time.settle(time.pause(10), 100)).toBe(true);
    expect(time.monotonicMs()).toBe(10);
    expect(await time.settle(new Promise(() => {}), 100)).toBe(false);
    expect(time.monotonicMs()).toBe(110);
  });

  it('stands still for what waits outside', async () => {
    const time = new VirtualTime();
    let atMs = -1;
    time.after(5, () => {
      const outside = new Promise((resolve) => setTimeout(resolve, 5));
      void time.standStill(outside).then(() => {
        atMs = time.monotonicMs();
      });
    });
    await time.runUntil(1_000);
    expect(atMs).toBe(5);
  });

  it('rejects with what a turn throws, and says where time stood', async () => {
    const time = new VirtualTime();
    time.after(7, () => {
      throw new Error('broken');
    });
    await expect(time.runUntil(100)).rejects.toThrow('broken');
    expect(time.monotonicMs()).toBe(7);
  });
});
