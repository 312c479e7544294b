import { describe, expect, it } from 'vitest';
import { type Load, loadRecord, readLoad } from '../../../src/scenario/load.ts';
import { LoadPlan, type PlannedRequest, promptTokenIds } from '../../../src/scenario/load-plan.ts';
import { LoadRunner, MAX_PROMPT_TOKENS_UNDER_WAY } from '../../../src/scenario/load-runner.ts';
import { VirtualTimers } from '../../support/virtual-timers.ts';

function load(given: Readonly<Record<string, unknown>>): Load {
  const read = readLoad(given);
  if (!read.isOk) throw new Error(read.message);
  return read.value;
}

function planned(given: Readonly<Record<string, unknown>>, most = 100_000): PlannedRequest[] {
  const plan = new LoadPlan(load(given));
  const all: PlannedRequest[] = [];
  for (let next = plan.next(); next !== null && all.length < most; next = plan.next())
    all.push(next);
  return all;
}

describe('a load', () => {
  it('reads texts of a shell as values of JSON', () => {
    const shell = {
      rate: '1/s..20/s:30s',
      prompt_tokens: '100..500',
      output_tokens: '64~8',
      for: '1m',
    };
    expect(load(shell)).toEqual(
      load({
        rate: { from: 1, to: 20, over: 30_000 },
        prompt_tokens: { min: 100, max: 500 },
        output_tokens: { mean: 64, stddev: 8 },
        for: 60_000,
      }),
    );
    expect(load({ rate: '90/m' }).rate.from).toBe(1.5);
    expect(load({ rate: 20, stream: 'false', concurrency: '4', abort: '0.5' })).toMatchObject({
      isStream: false,
      concurrency: 4,
      abort: 0.5,
    });
  });

  it('is refused at once, however long a text its rate is', () => {
    const beginMs = performance.now();
    expect(readLoad({ rate: `x${'..'.repeat(500_000)}` })).toMatchObject({ param: 'rate' });
    expect(readLoad({ rate: `${'1..'.repeat(500_000)}:` })).toMatchObject({ param: 'rate' });
    expect(performance.now() - beginMs).toBeLessThan(1_000);
  });

  it('comes back as it was asked for, with its defaults', () => {
    const record = loadRecord(load({ rate: '20/s', prompt_tokens: { min: 1, max: 5 } }));
    expect(record).toMatchObject({ rate: 20, arrival: 'poisson', output_tokens: 128, for: null });
    expect(loadRecord(load(record))).toEqual(record);
  });

  it.each([
    [{}, 'rate', 'rate is missing'],
    [{ rate: '0/s' }, 'rate', 'more than 0'],
    [{ rate: 'fast' }, 'rate', '"fast"'],
    [{ rate: 1e9 }, 'rate', 'at most 100000 a second'],
    [{ rate: { from: 1, to: 2 } }, 'rate.over', 'is missing'],
    [{ rate: 1, speed: 2 }, 'speed', 'it has rate, arrival'],
    [{ rate: 1, shared_prefix: 2 }, 'shared_prefix', 'from 0 to 1'],
    [{ rate: 1, prompt_tokens: { min: 5, max: 4 } }, 'prompt_tokens.max', 'at least min (5)'],
    [{ rate: 1, arrival: 'ramp' }, 'arrival', 'constant or poisson'],
    [{ rate: 1, for: 'ever' }, 'for', '"ever"'],
  ])('%j is refused by name', (given, param, words) => {
    const read = readLoad(given);
    expect(read).toMatchObject({ isOk: false, param });
    expect(read.isOk ? '' : read.message).toContain(words);
  });
});

describe('the plan of a load', () => {
  it('is the same for the same seed, and another for another', () => {
    const given = {
      rate: 50,
      for: '10s',
      prompt_tokens: '10..90',
      output_tokens: '32~9',
      abort: 0.3,
    };
    expect(planned(given)).toEqual(planned({ ...given, seed: 0 }));
    expect(planned({ ...given, seed: 1 })).not.toEqual(planned(given));
  });

  it('has constant arrivals one interval apart, the first at once', () => {
    const times = planned({ rate: 4, arrival: 'constant', for: '1s' }).map(({ atMs }) => atMs);
    expect(times).toEqual([0, 250, 500, 750]);
  });

  it('has Poisson arrivals of the rate: as many, and as irregular', () => {
    const times = planned({ rate: 100, for: '100s' }).map(({ atMs }) => atMs);
    expect(times.length).toBeGreaterThan(9_600);
    expect(times.length).toBeLessThan(10_400);
    const gaps = times.slice(1).map((at, index) => at - (times[index] ?? 0));
    const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
    const variance = gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length;
    // The deviation of exponential gaps is their mean.
    expect(Math.sqrt(variance) / mean).toBeCloseTo(1, 1);
  });

  it.each([
    [{ from: 0, to: 10, over: '10s' }, 50 + 100],
    [{ from: 10, to: 0, over: '10s' }, 50],
    [{ from: 2, to: 2, over: '10s' }, 40],
  ])('ramps %j in a straight line, and keeps what it has come to', (rate, expected) => {
    const times = planned({ rate, arrival: 'constant', for: '20s' }).map(({ atMs }) => atMs);
    expect(Math.abs(times.length - expected)).toBeLessThanOrEqual(1);
    expect(times.every((at, index) => index === 0 || at > (times[index - 1] ?? 0))).toBe(true);
    const early = times.filter((at) => at < 5_000).length;
    expect(Math.abs(early - 5 * rate.from - (12.5 * (rate.to - rate.from)) / 10)).toBeLessThan(1.5);
  });

  it('keeps lengths within their bounds, and aborts its share midway', () => {
    const all = planned({
      rate: 100,
      for: '20s',
      prompt_tokens: { min: 10, max: 12 },
      output_tokens: { mean: 20, stddev: 30, min: 5, max: 40 },
      abort: 0.25,
    });
    expect(new Set(all.map(({ promptTokens }) => promptTokens))).toEqual(new Set([10, 11, 12]));
    const outputs = all.map(({ outputTokens }) => outputTokens);
    expect([Math.min(...outputs), Math.max(...outputs)]).toEqual([5, 40]);
    const aborted = all.filter(({ abortAfterTokens }) => abortAfterTokens !== null);
    expect(aborted.length / all.length).toBeCloseTo(0.25, 1);
    for (const { abortAfterTokens, outputTokens } of aborted)
      expect(abortAfterTokens).toBeLessThan(outputTokens);
  });

  it('makes prompts that are alike in their shared part and unlike beyond it', () => {
    const seeded = load({ rate: 1, prompt_tokens: '60..80', shared_prefix: 0.5, seed: 7 });
    const plan = new LoadPlan(seeded);
    const [a, b] = [plan.next(), plan.next()];
    if (a === null || b === null) throw new Error('no requests');
    const [x, y] = [promptTokenIds(seeded, a), promptTokenIds(seeded, b)];
    const shared = Math.min(a.sharedTokens, b.sharedTokens);
    expect(x).toHaveLength(a.promptTokens);
    expect(x.slice(0, shared)).toEqual(y.slice(0, shared));
    expect(x.slice(-20)).not.toEqual(y.slice(-20));
    expect(promptTokenIds(seeded, a)).toEqual(x);
  });
});

describe('a running load', () => {
  function run(given: Readonly<Record<string, unknown>>, ms: number, outcome = 'finished') {
    const time = new VirtualTimers();
    const sentAt: number[] = [];
    const runner = new LoadRunner({
      load: load(given),
      clock: time,
      timers: time,
      send: async (_request, signal) => {
        sentAt.push(time.monotonicMs());
        await time.pause(ms);
        if (outcome === 'failed') throw new Error('status 503: no');
        if (signal.aborted) throw new Error('gone');
        return outcome === 'aborted' ? 'aborted' : 'finished';
      },
    });
    return { time, runner, sentAt };
  }

  it('sends what is due, and is over when the last has ended', async () => {
    const { time, runner, sentAt } = run({ rate: 10, arrival: 'constant', for: '1s' }, 3_000);
    await time.run(runner.over);
    expect(sentAt).toEqual([0, 100, 200, 300, 400, 500, 600, 700, 800, 900]);
    expect(time.monotonicMs()).toBe(3_900);
    expect(runner.state).toBe('ended');
    expect(runner.counts).toMatchObject({ sent: 10, finished: 10, failed: 0, running: 0 });
  });

  it('keeps to its concurrency: what waits is sent when another has ended', async () => {
    const given = { rate: 100, arrival: 'constant', for: '1s', concurrency: 2 };
    const { time, runner, sentAt } = run(given, 300);
    await time.run(runner.over);
    expect(sentAt).toEqual([0, 10, 300, 310, 600, 610, 900, 910]);
    expect(runner.counts.finished).toBe(8);
  });

  it('has no more tokens of prompts under way than a server can hold', async () => {
    const most = MAX_PROMPT_TOKENS_UNDER_WAY / 1_000_000;
    const given = { rate: 100, arrival: 'constant', for: '1s', prompt_tokens: 1_000_000 };
    const { time, runner, sentAt } = run(given, 500);
    await time.run(time.pause(400));
    expect(runner.counts.running).toBe(most);
    await time.run(runner.over);
    expect(sentAt.slice(0, most + 1)).toEqual([0, 10, 20, 30, 40, 50, 60, 70, 500]);
    expect(runner.counts.finished).toBe(runner.counts.sent);
  });

  it('ends when it is told, cutting off what is under way', async () => {
    const { time, runner } = run({ rate: 10, arrival: 'constant' }, 500);
    await time.run(time.pause(1_050));
    expect(runner.counts).toMatchObject({ sent: 11, running: 5 });
    await time.run(runner.stop());
    expect(runner.counts).toMatchObject({ sent: 11, finished: 6, aborted: 5, running: 0 });
  });

  it('counts failures and says what the last was', async () => {
    const { time, runner } = run({ rate: 1, arrival: 'constant', for: '2s' }, 10, 'failed');
    await time.run(runner.over);
    expect(runner.counts).toMatchObject({ failed: 2, lastError: 'status 503: no' });
  });
});
