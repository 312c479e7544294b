import { describe, expect, it } from 'vitest';
import { EngineDeath } from '../../../../src/frontend/engine-client/engine-death.ts';

describe('the death of an engine', () => {
  it('is told to all handlers in their order, the first one only', () => {
    const death = new EngineDeath();
    const told: unknown[] = [];
    death.onDeath((...what) => told.push(['first', ...what]));
    death.onDeath((...what) => told.push(['second', ...what]));
    expect(death.hasHappened).toBe(false);
    death.declare(3, 'its process ended');
    death.declare(null, 'another one');
    expect(death.hasHappened).toBe(true);
    expect(told).toEqual([
      ['first', 3, 'its process ended'],
      ['second', 3, 'its process ended'],
    ]);
  });

  it("refuses what comes after it, in vLLM's words", () => {
    const death = new EngineDeath();
    death.ensureAlive();
    death.declare(0, 'its process ended');
    expect(() => death.ensureAlive()).toThrow(
      expect.objectContaining({
        code: 'E_ENGINE_DEAD',
        message: 'EngineCore encountered an issue. See stack trace (above) for the root cause.',
      }),
    );
  });
});
