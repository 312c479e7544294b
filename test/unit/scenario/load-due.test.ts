import { describe, expect, it } from 'vitest';
import { loadOf } from '../../../src/scenario/load.ts';
import { LoadRunner } from '../../../src/scenario/load-runner.ts';
import { VirtualTime } from '../../../src/simulate/virtual-time.ts';

describe('a load that begins at a time of many digits', () => {
  it('sends what is due, although no such difference can be added to the clock', async () => {
    const time = new VirtualTime();
    await time.runUntil(90_005.123456789);
    const runner = new LoadRunner({
      load: loadOf({ rate: 100, for: '10s' }),
      clock: time,
      timers: time,
      send: async () => 'finished',
    });
    await time.runUntil(time.monotonicMs() + 11_000);
    expect(runner.state).toBe('ended');
    expect(runner.counts.sent).toBeGreaterThan(800);
  });
});
