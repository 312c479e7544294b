import { describe, expect, it } from 'vitest';
import { Metrics } from '../../../src/testing/metrics.ts';
import type { Twin } from '../../../src/testing/twin.ts';
import '../../../src/testing/vitest.ts';

const metricsOf = (waiting: number): Metrics =>
  new Metrics(
    `vllm:num_requests_waiting{engine="0"} 0.0\nvllm:num_requests_waiting{engine="1"} ${waiting}\n`,
  );
const WAITING = 'vllm:num_requests_waiting';

/** A twin whose queue grows by one at each look, and whose health is bad until so much of its time is over. */
function createTwin({ healthyAfterMs = 0 } = {}): Twin & { readonly waitedMs: () => number } {
  let looks = 0;
  let waitedMs = 0;
  const twin: Partial<Twin> & { readonly waitedMs: () => number } = {
    metrics: async () => metricsOf(looks++),
    health: async () => (waitedMs >= healthyAfterMs ? 200 : null),
    wait: async (duration) => {
      waitedMs += Number(duration);
    },
    waitedMs: () => waitedMs,
  };
  return twin as Twin & { readonly waitedMs: () => number };
}

describe('toHaveSample', () => {
  it('holds metrics to a name, labels and limits', () => {
    const metrics = metricsOf(5);
    expect(metrics).toHaveSample(WAITING);
    expect(metrics).toHaveSample(WAITING, { labels: { engine: 1 }, above: 4, below: 6, equals: 5 });
    expect(metrics).not.toHaveSample(WAITING, { labels: { engine: 2 } });
    expect(() =>
      expect(metrics).toHaveSample(WAITING, { labels: { engine: 1 }, above: 5 }),
    ).toThrow(`expected a sample ${WAITING}{engine="1"} above 5, but ${WAITING}{engine="1"} is 5`);
    expect(() => expect(metrics).toHaveSample('nothing')).toThrow(
      'expected a sample nothing, but no sample nothing',
    );
  });

  it('wants each of several samples to be so, never their sum', () => {
    expect(() => expect(metricsOf(5)).toHaveSample(WAITING, { above: 2 })).toThrow(
      `expected a sample ${WAITING} above 2, but ${WAITING}{engine="0"} is 0`,
    );
  });

  it('looks at a twin until it is so', async () => {
    const twin = createTwin();
    await expect(twin).toHaveSample(WAITING, { labels: { engine: 1 }, above: 3, within: '5s' });
    expect(twin.waitedMs()).toBe(400);
    await expect(twin).not.toHaveSample(WAITING, {
      labels: { engine: 1 },
      below: 10,
      within: '5s',
    });
  });

  it('looks at a twin once without `within`, and says how long it waited with it', async () => {
    const twin = createTwin();
    const condition = { labels: { engine: 1 }, above: 3 };
    await expect(expect(twin).toHaveSample(WAITING, condition)).rejects.toThrow('is 0');
    expect(twin.waitedMs()).toBe(0);
    await expect(
      expect(createTwin()).toHaveSample(WAITING, { ...condition, within: '150ms' }),
    ).rejects.toThrow(`above 3 within 150 ms, but ${WAITING}{engine="1"} is 2`);
  });
});

describe('toBecomeHealthy', () => {
  it('waits for /health, or for its end', async () => {
    await expect(createTwin({ healthyAfterMs: 900 })).toBecomeHealthy();
    await expect(
      expect(createTwin({ healthyAfterMs: 900 })).toBecomeHealthy({ within: '500ms' }),
    ).rejects.toThrow('expected /health to answer 200 within 500 ms, but nobody answers');
    await expect(createTwin({ healthyAfterMs: 900 })).not.toBecomeHealthy();
  });
});
