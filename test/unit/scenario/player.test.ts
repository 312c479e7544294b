import { describe, expect, it } from 'vitest';
import { describeEvent } from '../../../src/scenario/describe-step.ts';
import { ScenarioPlayer } from '../../../src/scenario/player.ts';
import { readScenario } from '../../../src/scenario/scenario.ts';
import type { ScenarioEvent } from '../../../src/scenario/scenario-event.ts';
import type { ScenarioTarget } from '../../../src/scenario/scenario-target.ts';
import { VirtualTimers } from '../../support/virtual-timers.ts';

type Step = Readonly<Record<string, unknown>>;

/** A target whose metrics are what a test says they are at a time. */
class FakeTarget implements ScenarioTarget {
  readonly calls: string[] = [];
  readonly time = new VirtualTimers();
  restart: ScenarioTarget['restart'] = async () => this.#call('restart');
  metrics: (atMs: number) => string = () => '';
  statusAt: (atMs: number) => number | null = () => 200;
  refusal: string | null = null;

  async inject({ fault }: { readonly fault: string }): Promise<string | null> {
    if (this.refusal !== null) throw new Error(this.refusal);
    this.#call(`inject ${fault}`);
    return 'f1';
  }

  async clear(handle: string): Promise<void> {
    this.#call(`clear ${handle}`);
  }

  async load(): Promise<() => Promise<void>> {
    this.#call('load');
    return async () => this.#call('end load');
  }

  async scrape(): Promise<string> {
    return this.metrics(this.time.monotonicMs());
  }

  async status(): Promise<number | null> {
    return this.statusAt(this.time.monotonicMs());
  }

  #call(what: string): void {
    this.calls.push(`${this.time.monotonicMs()} ${what}`);
  }
}

function play(target: FakeTarget, ...steps: readonly Step[]) {
  const read = readScenario({ name: 'test', steps });
  if (!read.isOk) throw new Error(read.message);
  const events: ScenarioEvent[] = [];
  const player = new ScenarioPlayer({
    scenario: read.value,
    target,
    clock: target.time,
    timers: target.time,
    onEvent: (event) => events.push(event),
  });
  const played = player.play();
  return { player, played, events, ended: () => target.time.run(played) };
}

const usage = (value: number | string, engine = 1): string =>
  `vllm:kv_cache_usage_perc{engine="${engine}",model_name="m"} ${value}\n`;
const expectUsage = (rest: Step): Step => ({
  sample: 'vllm:kv_cache_usage_perc',
  labels: { engine: '1' },
  ...rest,
});

describe('a played scenario', () => {
  it('does each step at its time, and ends what is still open when all is over', async () => {
    const target = new FakeTarget();
    const { ended, player } = play(
      target,
      { at: '4s', restart: 'server' },
      { at: '2s', load: { rate: 1, for: '5s' } },
      { at: '1s', inject: 'engine.hang' },
      { at: '1s', inject: 'engine.kill' },
      { at: '3s', expect: { path: '/health', status: 200 } },
    );
    expect(await ended()).toBe(true);
    expect(player.unmet).toEqual([]);
    expect(target.calls).toEqual([
      '1000 inject engine.hang',
      '1000 inject engine.kill',
      '2000 load',
      '4000 restart',
      '7000 clear f1',
      '7000 end load',
    ]);
  });

  it('without expectations goes on with what has no end, until it is stopped', async () => {
    const target = new FakeTarget();
    const { played, player } = play(target, { at: '1s', inject: 'engine.hang' });
    await target.time.run(target.time.pause(60_000));
    expect(target.calls).toEqual(['1000 inject engine.hang']);
    player.stop();
    expect(await played).toBe(true);
    expect(target.calls).toEqual(['1000 inject engine.hang', '60000 clear f1']);
  });

  it('tells of a step that is refused as of an unmet expectation', async () => {
    const target = new FakeTarget();
    target.refusal = 'no engine 7: there are 0, 1';
    const { ended, events, player } = play(target, { at: '1s', inject: 'engine.hang', engine: 7 });
    expect(await ended()).toBe(false);
    const unmet = player.unmet[0];
    expect(unmet).toEqual({
      step: 1,
      expected: 'inject engine.hang of engine 7',
      got: 'no engine 7: there are 0, 1',
      at_ms: 1_000,
    });
    expect(describeEvent(events.at(-1) as ScenarioEvent)).toBe(
      '1.0 s: step 1 unmet: expected inject engine.hang of engine 7, got no engine 7: there are 0, 1',
    );
  });

  it('stops judging when it is stopped: what is not met is unmet', async () => {
    const target = new FakeTarget();
    const { played, player } = play(
      target,
      { at: '1s', expect: { path: '/health', status: 503, within: '1h' } },
      { at: '2h', expect: { rate: 'x', over: '1h', above: 0 } },
    );
    await target.time.run(target.time.pause(10_000));
    player.stop();
    expect(await played).toBe(false);
    expect(player.unmet.map(({ step, got }) => [step, got])).toEqual([
      [1, 'the scenario was ended before'],
      [2, 'the scenario was ended before'],
    ]);
  });
});

describe('an expectation', () => {
  it('is judged once at its time', async () => {
    const target = new FakeTarget();
    target.metrics = (at) => usage(at >= 2_000 ? 0.95 : 0.1) + usage(0.2, 0);
    const { ended, player } = play(
      target,
      { at: '1s', expect: expectUsage({ above: 0.9 }) },
      { at: '2s', expect: expectUsage({ above: 0.9 }) },
    );
    expect(await ended()).toBe(false);
    expect(player.unmet).toEqual([
      {
        step: 1,
        expected: 'vllm:kv_cache_usage_perc{engine="1"} above 0.9',
        got: '0.1',
        at_ms: 1_000,
      },
    ]);
  });

  it('within a window is met as soon as it is so, and unmet when the window is over', async () => {
    const target = new FakeTarget();
    target.statusAt = (at) => (at >= 3_000 ? 503 : 200);
    const { ended, events, player } = play(
      target,
      { at: '1s', expect: { path: '/health', status: 503, within: '5s' } },
      { at: '1s', expect: { path: '/health', status: 'none', within: '3s' } },
    );
    expect(await ended()).toBe(false);
    expect(events).toMatchObject([
      { kind: 'met', step: 1, atMs: 3_000 },
      { kind: 'unmet', step: 2, got: '503', at_ms: 4_000 },
    ]);
    expect(player.unmet[0]?.expected).toBe('status of /health = none within 3 s');
  });

  it('for a time must be met at every look of it', async () => {
    const target = new FakeTarget();
    target.metrics = (at) => usage(at === 5_000 ? 0.5 : 0.95);
    const { ended, events } = play(
      target,
      { at: '1s', expect: expectUsage({ above: 0.9, for: '3s' }) },
      { at: '1s', expect: expectUsage({ above: 0.9, for: '10s' }) },
      { at: '1s', expect: expectUsage({ above: 0.9, for: '6s', within: '5s' }) },
    );
    expect(await ended()).toBe(false);
    expect(events).toMatchObject([
      { kind: 'met', step: 1, atMs: 4_000 },
      { kind: 'unmet', step: 2, at_ms: 5_000, got: '0.5' },
      { kind: 'met', step: 3, atMs: 11_250 },
    ]);
  });

  it('of several samples is met by each of them, never by their sum', async () => {
    const target = new FakeTarget();
    target.metrics = () => usage(0.5, 0) + usage(0.6, 1);
    const { ended, player } = play(
      target,
      { at: 0, expect: { sample: 'vllm:kv_cache_usage_perc', above: 0.4 } },
      { at: 0, expect: { sample: 'vllm:kv_cache_usage_perc', above: 0.55 } },
      { at: 0, expect: { sample: 'vllm:kv_cache', above: 0 } },
    );
    expect(await ended()).toBe(false);
    expect(player.unmet.map(({ got }) => got)).toEqual([
      '0.5 (vllm:kv_cache_usage_perc{engine="0",model_name="m"})',
      'no such sample',
    ]);
  });

  it('of no sample is met where a scrape has none, and there is a scrape', async () => {
    const target = new FakeTarget();
    target.metrics = () => usage(0.5, 0);
    const { ended, player } = play(
      target,
      { at: 0, expect: { sample: 'vllm:kv_cache', equals: 'none' } },
      { at: 0, expect: { sample: 'vllm:kv_cache_usage_perc', equals: 'none' } },
      { at: '1s', expect: { sample: 'vllm:kv_cache', equals: 'none' } },
    );
    target.scrape = async () => {
      if (target.time.monotonicMs() >= 1_000) throw new Error('ECONNREFUSED');
      return target.metrics(0);
    };
    expect(await ended()).toBe(false);
    expect(player.unmet).toMatchObject(
      [
        { step: 2, expected: 'vllm:kv_cache_usage_perc = none', got: /^0\.5/ },
        { step: 3, got: 'ECONNREFUSED' },
      ].map((one) => ({ ...one, got: expect.stringMatching(one.got) })),
    );
  });

  it('of a rate looks back, and takes a fall for a counter that began again', async () => {
    const target = new FakeTarget();
    target.metrics = (at) =>
      `c_total{engine="0"} ${at < 5_000 ? at / 100 : (at - 5_000) / 100}\nflat_total 3\n`;
    const rate = { over: '2s', labels: {} };
    const { ended, player } = play(
      target,
      { at: '4s', expect: { rate: 'c_total', ...rate, above: 9.9, below: 10.1 } },
      { at: '6s', expect: { rate: 'c_total', ...rate, above: 8.5, below: 10.1 } },
      { at: '4s', expect: { rate: 'flat_total', ...rate, above: 0 } },
    );
    expect(await ended()).toBe(false);
    expect(player.unmet).toMatchObject([
      {
        step: 3,
        expected: 'rate of flat_total over 2 s above 0',
        got: '0 (flat_total)',
        at_ms: 4_000,
      },
    ]);
  });

  it('knows what Prometheus adds to a scrape', async () => {
    const target = new FakeTarget();
    target.scrape = async () => {
      if (target.time.monotonicMs() > 5_000) throw new Error('ECONNREFUSED');
      await target.time.pause(1_500);
      return '';
    };
    const { ended, player } = play(
      target,
      { at: 0, expect: { sample: 'scrape_duration_seconds', equals: 1.5 } },
      { at: 0, expect: { sample: 'up', equals: 1 } },
      { at: '6s', expect: { sample: 'up', equals: 0 } },
      { at: '6s', expect: { sample: 'scrape_duration_seconds', above: 0 } },
    );
    expect(await ended()).toBe(false);
    expect(player.unmet).toMatchObject([{ step: 4, got: 'ECONNREFUSED' }]);
  });

  it('restarts one at a time, whenever they are due, and none once it is stopped', async () => {
    const target = new FakeTarget();
    const during: string[] = [];
    target.restart = async () => {
      during.push('begins');
      await target.time.pause(3_000);
      during.push('ends');
    };
    const restart = (at: string): Step => ({ at, restart: 'server' });
    const steps = [restart('1s'), restart('1s'), restart('2s'), restart('60s')];
    const { ended, player } = play(target, ...steps);
    target.time.after(30_000, () => player.stop());
    await ended();
    expect(during).toEqual(['begins', 'ends', 'begins', 'ends', 'begins', 'ends']);
    expect(player.unmet).toEqual([]);
  });
});
