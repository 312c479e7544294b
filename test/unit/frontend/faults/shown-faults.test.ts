import { describe, expect, it } from 'vitest';
import { Scraped } from '../../../support/scraped.ts';

type Request = Readonly<Record<string, unknown>>;

const USAGE = (rank: number): string =>
  `vllm:kv_cache_usage_perc{engine="${rank}",model_name="tiny"}`;
const PROMPT = (rank: number): string =>
  `vllm:prompt_tokens_total{engine="${rank}",model_name="tiny"}`;
const CREATED = (rank: number): string =>
  `vllm:prompt_tokens_created{engine="${rank}",model_name="tiny"}`;
const ITERATIONS = (rank: number): string =>
  `vllm:iteration_tokens_total_count{engine="${rank}",model_name="tiny"}`;

describe('a scrape without faults', () => {
  it('shows what it would without anything that could have any', async () => {
    const scraped = new Scraped();
    scraped.step(0, 5);
    const families = [...scraped.metrics.prometheus.families];
    expect(scraped.faults.own(families)).toBe(families);
    expect(scraped.faults.shown(families)).toBe(families);
    expect(scraped.faults.scrapeFate).toBeNull();
    expect([...(await scraped.samples()).keys()].join()).not.toContain('vllm_twin');
  });
});

describe('vllm_twin_fault_active', () => {
  it('is 1 per rank while a fault is active, and 0 after', async () => {
    const scraped = new Scraped();
    const handle = scraped.inject({ fault: 'engine.slow' });
    scraped.inject({ fault: 'http.latency' });
    const key = (engine: string, fault: string): string =>
      `vllm_twin_fault_active{engine="${engine}",fault="${fault}"}`;
    let samples = await scraped.samples();
    expect(samples.get(key('0', 'engine.slow'))).toBe(1);
    expect(samples.get(key('1', 'engine.slow'))).toBe(1);
    expect(samples.get(key('', 'http.latency'))).toBe(1);
    scraped.clear(handle);
    samples = await scraped.samples();
    expect(samples.get(key('0', 'engine.slow'))).toBe(0);
    expect(samples.get(key('', 'http.latency'))).toBe(1);
  });

  it('stays 1 while another of the same lasts', async () => {
    const scraped = new Scraped();
    const first = scraped.inject({ fault: 'metrics.hold', engine: 1, value: 0.5 });
    scraped.inject({ fault: 'metrics.hold', engine: 1, value: 0.7 });
    scraped.clear(first);
    const key = 'vllm_twin_fault_active{engine="1",fault="metrics.hold"}';
    expect((await scraped.samples()).get(key)).toBe(1);
  });

  it('is shown in OpenMetrics and over several API servers, too', async () => {
    const scraped = new Scraped();
    scraped.inject({ fault: 'metrics.drop-engine', engine: 1 });
    const key = 'vllm_twin_fault_active{engine="1",fault="metrics.drop-engine"}';
    expect((await scraped.samples('application/openmetrics-text')).get(key)).toBe(1);
    expect((await scraped.merged()).get(key)).toBe(1);
  });

  it('is not there after a fault that is over at once', async () => {
    const scraped = new Scraped();
    scraped.inject({ fault: 'metrics.counter-reset' });
    expect([...(await scraped.samples()).keys()].join()).not.toContain('vllm_twin');
  });
});

describe('metrics.hold', () => {
  it('shows a value of one engine, whatever that engine says', async () => {
    const scraped = new Scraped();
    const handle = scraped.inject({ fault: 'metrics.hold', engine: 1, value: 0.95 });
    scraped.step(1, 5);
    const samples = await scraped.samples();
    expect(samples.get(USAGE(0))).toBe(0);
    expect(samples.get(USAGE(1))).toBe(0.95);
    scraped.clear(handle);
    expect((await scraped.samples()).get(USAGE(1))).toBe(0);
  });

  it('is of all engines where none is named, and the later one wins', async () => {
    const scraped = new Scraped();
    scraped.inject({ fault: 'metrics.hold', value: 0.5 });
    scraped.inject({ fault: 'metrics.hold', engine: 0, value: 0.25 });
    const samples = await scraped.samples();
    expect([samples.get(USAGE(0)), samples.get(USAGE(1))]).toEqual([0.25, 0.5]);
  });

  it('takes the series with a label alone where one is named', async () => {
    const scraped = new Scraped();
    scraped.inject({
      fault: 'metrics.hold',
      metric: 'vllm:num_requests_waiting_by_reason',
      label: 'reason=deferred',
      value: 4,
    });
    const samples = await scraped.samples();
    const of = (reason: string): number | undefined =>
      samples.get(
        `vllm:num_requests_waiting_by_reason{engine="0",model_name="tiny",reason="${reason}"}`,
      );
    expect([of('capacity'), of('deferred')]).toEqual([0, 4]);
  });

  it('shows a gauge over several API servers that nobody has set yet', async () => {
    const scraped = new Scraped();
    scraped.inject({ fault: 'metrics.hold', engine: 1, value: 0.95 });
    expect((await scraped.merged(new Scraped())).get(USAGE(1))).toBe(0.95);
  });
});

describe('metrics.wave', () => {
  async function shapeOf(shape: string, request: Request = {}): Promise<readonly number[]> {
    const scraped = new Scraped();
    scraped.clock.advance(12_345);
    const bounds = { min: 0.2, max: 0.6, period: '40s' };
    scraped.inject({ fault: 'metrics.wave', engine: 1, shape, ...bounds, ...request });
    const metric = String(request['metric'] ?? 'vllm:kv_cache_usage_perc');
    const values: number[] = [];
    for (let i = 0; i < 6; i++) {
      const samples = await scraped.samples();
      values.push(samples.get(`${metric}{engine="1",model_name="tiny"}`) ?? Number.NaN);
      scraped.clock.advance(10_000);
    }
    return values.map((value) => Number(value.toFixed(9)));
  }

  it('begins at its lowest value, whatever the shape', async () => {
    expect(await shapeOf('ramp')).toEqual([0.2, 0.3, 0.4, 0.5, 0.6, 0.6]);
    expect(await shapeOf('sine')).toEqual([0.2, 0.4, 0.6, 0.4, 0.2, 0.4]);
    expect(await shapeOf('square')).toEqual([0.2, 0.2, 0.6, 0.6, 0.2, 0.2]);
    expect(await shapeOf('sawtooth')).toEqual([0.2, 0.3, 0.4, 0.5, 0.2, 0.3]);
  });

  it('shows whole numbers of what is counted', async () => {
    const waiting = { metric: 'vllm:num_requests_waiting', min: 0, max: 10 };
    expect(await shapeOf('ramp', waiting)).toEqual([0, 3, 5, 8, 10, 10]);
  });
});

describe('metrics.counter-reset', () => {
  it('begins counters and histograms anew, with their _created, and leaves gauges', async () => {
    const scraped = new Scraped();
    scraped.step(0, 5, 3);
    scraped.step(1, 7);
    const before = await scraped.samples();
    scraped.clock.advance(60_000);
    scraped.inject({ fault: 'metrics.counter-reset' });
    let samples = await scraped.samples();
    for (const [key, value] of samples)
      if (/_total\{|_count\{|_sum\{|_bucket\{/.test(key) && key.startsWith('vllm:'))
        expect(value, key).toBe(0);
    const waiting = 'vllm:num_requests_waiting{engine="0",model_name="tiny"}';
    expect(samples.get(waiting)).toBe(3);
    expect(samples.get(CREATED(0))).toBe((before.get(CREATED(0)) ?? 0) + 60);
    scraped.step(0, 4);
    samples = await scraped.samples();
    expect([samples.get(PROMPT(0)), samples.get(PROMPT(1)), samples.get(ITERATIONS(0))]).toEqual([
      4, 0, 1,
    ]);
    scraped.inject({ fault: 'metrics.counter-reset' });
    scraped.step(0, 2);
    expect((await scraped.samples()).get(PROMPT(0))).toBe(2);
  });

  it('is of one engine where one is named', async () => {
    const scraped = new Scraped();
    scraped.step(0, 5);
    scraped.step(1, 7);
    scraped.inject({ fault: 'metrics.counter-reset', engine: 1 });
    const samples = await scraped.samples();
    expect([samples.get(PROMPT(0)), samples.get(PROMPT(1))]).toEqual([5, 0]);
  });

  it('adds up over several API servers', async () => {
    const one = new Scraped();
    const other = new Scraped();
    one.step(0, 5);
    other.step(0, 7);
    expect((await one.merged(other)).get(PROMPT(0))).toBe(12);
    for (const scraped of [one, other]) scraped.inject({ fault: 'metrics.counter-reset' });
    other.step(0, 3);
    expect((await one.merged(other)).get(PROMPT(0))).toBe(3);
    expect((await other.merged(one)).get(PROMPT(0))).toBe(3);
  });
});

describe('metrics.freeze', () => {
  it('shows what was there when it began, then everything', async () => {
    const scraped = new Scraped();
    scraped.step(0, 5);
    const handle = scraped.inject({ fault: 'metrics.freeze' });
    scraped.step(0, 7);
    expect((await scraped.samples()).get(PROMPT(0))).toBe(5);
    scraped.clear(handle);
    expect((await scraped.samples()).get(PROMPT(0))).toBe(12);
  });

  it('shows the same sum whichever of several API servers is asked', async () => {
    const one = new Scraped();
    const other = new Scraped();
    one.step(0, 5);
    one.inject({ fault: 'metrics.freeze' });
    one.step(0, 1);
    other.step(0, 7);
    other.inject({ fault: 'metrics.freeze' });
    other.step(0, 1);
    expect((await one.merged(other)).get(PROMPT(0))).toBe(12);
    expect((await other.merged(one)).get(PROMPT(0))).toBe(12);
  });
});

describe('metrics.drop-engine', () => {
  it('takes every series of the engine away, and of no other', async () => {
    const scraped = new Scraped();
    const before = [...(await scraped.samples()).keys()];
    scraped.inject({ fault: 'metrics.drop-engine', engine: 1 });
    const after = [...(await scraped.samples()).keys()].filter((key) => !/^vllm_twin/.test(key));
    expect(after).toEqual(before.filter((key) => !key.includes('engine="1"')));
    expect(after.length).toBeLessThan(before.length);
  });
});

describe('several at once', () => {
  it('are applied in one order, however they began', async () => {
    const faults: readonly Request[] = [
      { fault: 'metrics.names', version: '0.28.0' },
      { fault: 'metrics.drop-engine', engine: 1 },
      { fault: 'metrics.hold', value: 0.9 },
      { fault: 'metrics.freeze' },
    ];
    const seen: (readonly string[])[] = [];
    for (const order of [faults, faults.toReversed()]) {
      const scraped = new Scraped();
      for (const fault of order) scraped.inject(fault);
      scraped.step(0, 5);
      const samples = await scraped.samples();
      expect(samples.get(USAGE(0))).toBe(0.9);
      expect(samples.has(USAGE(1))).toBe(false);
      expect(samples.get(PROMPT(0))).toBe(0);
      seen.push([...samples.keys()].filter((key) => !/^(vllm_twin|process)/.test(key)));
    }
    expect(seen[0]).toEqual(seen[1]);
  });

  it('add their delays up and send the least of their shares', () => {
    const scraped = new Scraped();
    scraped.inject({ fault: 'metrics.slow', delay: '1s' });
    scraped.inject({ fault: 'metrics.slow', delay: '2s' });
    scraped.inject({ fault: 'metrics.truncate', share: 0.7 });
    scraped.inject({ fault: 'metrics.truncate', share: 0.2 });
    scraped.inject({ fault: 'metrics.status', status: 502 });
    scraped.inject({ fault: 'metrics.status', status: 503 });
    expect(scraped.faults.scrapeFate).toEqual({ delayMs: 3_000, status: 502, share: 0.2 });
  });
});
