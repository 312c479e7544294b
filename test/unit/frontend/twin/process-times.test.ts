import { describe, expect, it } from 'vitest';
import { ProcessTimes } from '../../../../src/frontend/twin/process-times.ts';
import { VirtualClock } from '../../../../src/shared/clock.ts';

describe('the wall clock at a monotonic 0', () => {
  it('is exact for a process of this machine, however long its answer took', () => {
    const clock = new VirtualClock({ startMs: 50_000, epochMs: 1_000_000 });
    const times = new ProcessTimes(clock);
    expect(times.nowMs()).toBe(1_050_000);
    expect(times.epochOf('a', 49_990)).toBe(1_000_000);
    clock.advance(1_000);
    expect(times.epochOf('a', 50_500)).toBe(1_000_000);
  });

  it('is as good as the fastest answer for a process of another machine', () => {
    const clock = new VirtualClock({ startMs: 50_000, epochMs: 1_000_000 });
    const times = new ProcessTimes(clock);
    expect(times.epochOf('b', 7_000_000 - 40)).toBe(1_050_040 - 7_000_000);
    expect(times.epochOf('b', 7_000_000)).toBe(1_050_000 - 7_000_000);
    expect(times.epochOf('b', 7_000_000 - 300)).toBe(1_050_000 - 7_000_000);
  });
});
