import { describe, expect, it } from 'vitest';
import { readScenario } from '../../../src/scenario/scenario.ts';
import type { ScenarioEvent } from '../../../src/scenario/scenario-event.ts';
import { resolveArgs } from '../../../src/shared/config/resolve-args.ts';
import { hasEnd, runSimulation } from '../../../src/simulate/run-simulation.ts';
import type { Scraped } from '../../../src/simulate/scrape/scraped.ts';

function scenarioOf(steps: readonly unknown[]) {
  const read = readScenario({ name: 'test', steps });
  if (!read.isOk) throw new Error(read.message);
  return read.value;
}

async function run(steps: readonly unknown[], durationMs: number | null) {
  const scrapes: Scraped[] = [];
  const events: ScenarioEvent[] = [];
  let isClosed = false;
  const isMet = await runSimulation({
    args: resolveArgs([]),
    scenario: scenarioOf(steps),
    durationMs,
    scrapeIntervalMs: 15_000,
    target: { job: 'twin', instance: 'a:1' },
    sinks: [
      {
        take: (scraped) => scrapes.push(scraped),
        close: () => {
          isClosed = true;
        },
        abandon: () => {},
      },
    ],
    onEvent: (event) => events.push(event),
    onProgress: () => {},
  });
  const up = scrapes.map(({ samples }) => samples.find(({ name }) => name === 'up')?.value);
  return { isMet, up, events, isClosed, scrapes };
}

describe('a scenario on virtual time', () => {
  it('is scraped from the start at every interval', async () => {
    const { scrapes, isMet, isClosed } = await run([{ at: '1s', load: { rate: 1 } }], 60_000);
    const startMs = scrapes[0]?.atMs ?? 0;
    expect(scrapes.map(({ atMs }) => atMs - startMs)).toEqual([0, 15_000, 30_000, 45_000, 60_000]);
    expect(isMet).toBe(true);
    expect(isClosed).toBe(true);
  });

  it('is over with its last step, and tells what came of each', async () => {
    const { isMet, events, up } = await run(
      [
        { at: '5s', inject: 'engine.kill' },
        { at: '6s', expect: { path: '/health', status: 503, within: '1s' } },
        { at: '20s', restart: 'server' },
        { at: '40s', expect: { path: '/health', status: 200, within: '5s' } },
        { at: '41s', expect: { sample: 'vllm:num_requests_running', above: 3, within: '2s' } },
      ],
      null,
    );
    expect(isMet).toBe(false);
    expect(up).toEqual(['1', '0', '1']);
    expect(events.filter(({ kind }) => kind === 'met')).toHaveLength(2);
    expect(events.at(-1)).toMatchObject({ kind: 'unmet', step: 5, at_ms: 43_000 });
  });

  it('judges what is open at its end as unmet', async () => {
    const steps = [{ at: '1s', expect: { sample: 'up', equals: 5, within: '1h' } }];
    const { isMet, events } = await run(steps, 10_000);
    expect(isMet).toBe(false);
    expect(events.at(-1)).toMatchObject({ kind: 'unmet', step: 1 });
  });

  it.each([
    [true, [{ at: '1s', load: { rate: 1, for: '1s' } }]],
    [true, [{ at: '1s', inject: 'engine.preempt' }]],
    [
      true,
      [
        { at: '1s', load: { rate: 1 } },
        { at: '2s', expect: { sample: 'a', above: 1 } },
      ],
    ],
    [false, [{ at: '1s', load: { rate: 1 } }]],
    [false, [{ at: '1s', inject: 'engine.hang' }]],
  ])('has an end by itself: %s for %j', (expected, steps) => {
    expect(hasEnd(scenarioOf(steps))).toBe(expected);
  });
});
