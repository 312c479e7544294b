import { describe, expect, it } from 'vitest';
import { faultPlanOf, headlessProblem } from '../../../src/scenario/headless-plan.ts';
import {
  hasExpectations,
  readScenario,
  type Scenario,
  startFaultsOf,
  startProblem,
} from '../../../src/scenario/scenario.ts';

function scenario(...steps: readonly Readonly<Record<string, unknown>>[]): Scenario {
  const read = readScenario({ name: 'test', steps });
  if (!read.isOk) throw new Error(read.message);
  return read.value;
}

const EXPECT = { sample: 'vllm:kv_cache_usage_perc', above: 0.9 };

describe('a scenario', () => {
  it('is read with its steps in order, faults flat', () => {
    const read = readScenario({
      name: 'kv',
      flags: ['--data-parallel-size', 2],
      steps: [
        { at: 'start', inject: 'handshake.late-ready', engine: 1, delay: '5s' },
        { at: '10s', inject: 'engine.reserve-kv', engine: 1, for: '60s', share: 0.5 },
        { at: 12_000, load: { rate: '20/s', for: '30s' } },
        { at: '30s', expect: { rate: 'vllm:num_preemptions_total', over: '10s', above: 0 } },
        { at: '40s', expect: { path: '/health', status: 503, within: '10s' } },
        { at: '50s', restart: 'server' },
      ],
    });
    if (!read.isOk) throw new Error(read.message);
    const { flags, steps } = read.value;
    expect(flags).toEqual(['--data-parallel-size', '2']);
    expect(steps.map(({ atMs }) => atMs)).toEqual([null, 10_000, 12_000, 30_000, 40_000, 50_000]);
    expect(steps[1]?.action).toEqual({
      kind: 'inject',
      injection: {
        fault: 'engine.reserve-kv',
        engine: 1,
        forMs: 60_000,
        parameters: { share: 0.5 },
      },
    });
    expect(startFaultsOf(read.value)).toMatchObject([{ fault: 'handshake.late-ready', engine: 1 }]);
    expect(hasExpectations(read.value)).toBe(true);
  });

  it.each([
    [{ at: '1s', inject: 'engine.hang', share: 1 }, 'share', 'engine.hang has no parameter share'],
    [{ at: '1s', inject: 'engine.reserve-kv', share: 2 }, 'share', 'share is 2, not a number from'],
    [{ at: '1s', inject: 'engine.rust' }, 'fault', 'there is no fault "engine.rust"'],
    [{ at: 'soon', inject: 'engine.hang' }, 'at', 'at is "soon"'],
    [{ inject: 'engine.hang' }, 'at', 'at is missing'],
    [{ at: 'start', inject: 'engine.hang' }, 'at', 'no fault of a start-up'],
    [{ at: '1s', inject: 'handshake.no-ready' }, 'at', 'at is start, not 1000'],
    [{ at: 'start', load: { rate: 1 } }, 'at', 'load needs a time'],
    [{ at: '1s' }, 'step', 'one of inject, load, restart, expect'],
    [{ at: '1s', restart: 'server', load: { rate: 1 } }, 'restart', 'has load and restart'],
    [{ at: '1s', restart: 'engine' }, 'restart', 'restart is "engine", not server'],
    [{ at: '1s', load: { rate: 1 }, for: '3s' }, 'for', 'it goes into load'],
    [{ at: '1s', load: { rat: 1 } }, 'rat', 'load has no rat'],
    [{ at: '1s', expect: { sample: 'x' } }, 'expect', 'compared with something'],
    [{ at: '1s', expect: { above: 1 } }, 'expect', 'one of sample'],
    [{ at: '1s', expect: { sample: 'x y', above: 1 } }, 'sample', "a sample's name"],
    [{ at: '1s', expect: { sample: 'x', path: '/', above: 1 } }, 'path', 'given beside sample'],
    [{ at: '1s', expect: { path: '/health', status: 'up' } }, 'status', 'from 100 to 599'],
    [{ at: '1s', expect: { path: '/health', labels: {}, status: 200 } }, 'labels', 'no meaning'],
    [{ at: '1s', expect: { rate: 'x', over: '10s', above: 0 } }, 'at', 'a rate looks back'],
    [{ at: '1s', expect: { rate: 'x', above: 0 } }, 'over', 'over is missing'],
  ])('step %j is refused by number, field, value and what is allowed', (step, param, words) => {
    const read = readScenario({ name: 'test', steps: [{ at: 0, restart: 'server' }, step] });
    expect(read).toMatchObject({
      isOk: false,
      param: param === 'restart' && 'load' in step ? 'restart' : param,
    });
    const message = read.isOk ? '' : read.message;
    expect(message).toContain(words);
    expect(message).toMatch(/^step 2: /);
  });

  it.each([
    [null, 'scenario is null'],
    [{ steps: [] }, 'name is missing'],
    [{ name: 'x', steps: [] }, 'steps is []'],
    [{ name: 'x', step: [] }, 'step is not known'],
    [{ name: 'x', flags: '--model', steps: [{}] }, 'flags is "--model"'],
  ])('%j is no scenario', (given, words) => {
    const read = readScenario(given);
    expect(read.isOk ? '' : read.message).toContain(words);
  });

  it('says what a server that runs cannot play', () => {
    const start = { at: 'start', inject: 'handshake.no-ready' };
    expect(startProblem(scenario(start))?.message).toContain('step 1: at: start');
    expect(startProblem(scenario({ at: 0, restart: 'server' }))?.param).toBe('restart');
    expect(startProblem(scenario({ at: 0, expect: EXPECT }))).toBeNull();
  });
});

describe('headless engines', () => {
  const faults = scenario(
    { at: 'start', inject: 'handshake.late-hello', engine: 1 },
    { at: '5s', inject: 'engine.slow', factor: 4 },
    { at: '9s', inject: 'wire.drop', engine: 0, for: '1s' },
  );

  it('get each their own share, and what names no engine', () => {
    const shares = [0, 1].map((rank) =>
      faultPlanOf(faults, rank).map(({ atMs, injection }) => [atMs, injection.fault]),
    );
    expect(headlessProblem(faults, 2)).toBeNull();
    expect(shares).toEqual([
      [
        [5_000, 'engine.slow'],
        [9_000, 'wire.drop'],
      ],
      [
        [null, 'handshake.late-hello'],
        [5_000, 'engine.slow'],
      ],
    ]);
  });

  it('refuse what needs a server, and engines that there are not', () => {
    expect(headlessProblem(faults, 1)?.message).toContain('step 1: engine is 1, not from 0 to 0');
    for (const step of [
      { at: 0, load: { rate: 1 } },
      { at: 0, expect: EXPECT },
      { at: 0, restart: 'server' },
      { at: 0, inject: 'http.refuse' },
      { at: 0, inject: 'coordinator.kill' },
    ])
      expect(headlessProblem(scenario(step), 2)?.message).toContain('headless engines have none');
  });
});
