/** Faults of scrapes, injected into a running server of two engines: what /metrics and a real Prometheus make of them. */
import { spawnSync } from 'node:child_process';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { isPrometheusInstalled, Prometheus } from '../support/prometheus.ts';
import { TINYMODEL, Twin } from '../support/twin.ts';
import { TwinFaults } from '../support/twin-faults.ts';
import { waitUntil } from '../support/wait-for.ts';

const SERVE = ['serve', TINYMODEL, '--max-model-len', '1024', '--num-gpu-blocks-override', '1025'];
const TWO = ['--served-model-name', 'tiny', '--port', '0', '--data-parallel-size', '2'];
const isInstalled = isPrometheusInstalled();

const USAGE = (rank: number): string =>
  `vllm:kv_cache_usage_perc{engine="${rank}",model_name="tiny"}`;
const GENERATED = (rank: number): string =>
  `vllm:generation_tokens_total{engine="${rank}",model_name="tiny"}`;
const ACTIVE = (fault: string, engine = ''): string =>
  `vllm_twin_fault_active{engine="${engine}",fault="${fault}"}`;

function generated(samples: ReadonlyMap<string, number>): number {
  return (samples.get(GENERATED(0)) ?? 0) + (samples.get(GENERATED(1)) ?? 0);
}

async function completeAll(faults: TwinFaults, count: number): Promise<void> {
  const given = await Promise.all(Array.from({ length: count }, () => faults.complete()));
  await Promise.all(given.map((response) => response.arrayBuffer()));
  expect(given.map(({ status }) => status)).toEqual(given.map(() => 200));
}

describe('a server of two engines', () => {
  let twin: Twin;
  let faults: TwinFaults;
  let handles: string[] = [];

  beforeAll(async () => {
    twin = new Twin([...SERVE, ...TWO, '--step-time', 'zero']);
    faults = new TwinFaults(await twin.url());
  });

  afterEach(async () => {
    for (const handle of handles) await faults.clear(handle);
    handles = [];
  });

  afterAll(() => twin?.stop());

  async function inject(request: Readonly<Record<string, unknown>>): Promise<string> {
    const handle = await faults.inject(request);
    handles.push(handle);
    return handle;
  }

  it('holds a gauge of one engine, and shows that it does', async () => {
    expect([...(await faults.samples()).keys()].join()).not.toContain('vllm_twin');
    const handle = await inject({ fault: 'metrics.hold', engine: 1, value: 0.95 });
    await completeAll(faults, 4);
    let samples = await faults.samples();
    expect([samples.get(USAGE(0)), samples.get(USAGE(1))]).toEqual([0, 0.95]);
    expect(samples.get(ACTIVE('metrics.hold', '1'))).toBe(1);
    expect(samples.has(ACTIVE('metrics.hold', '0'))).toBe(false);
    expect(await faults.clear(handle)).toBe(204);
    samples = await faults.samples();
    expect([samples.get(USAGE(1)), samples.get(ACTIVE('metrics.hold', '1'))]).toEqual([0, 0]);
    await twin.waitForLog(
      new RegExp(`Fault metrics.hold of engine 1 begins \\(handle ${handle}\\)`),
    );
  });

  it('names the gauges where another metric is asked for', async () => {
    const refused = await faults.post({ fault: 'metrics.wave', metric: 'vllm:request_success' });
    expect(refused.status).toBe(400);
    const { error } = (await refused.json()) as { error: Record<string, string> };
    expect(error['param']).toBe('metric');
    expect(error['allowed']).toContain('vllm:kv_cache_usage_perc');
  });

  it('waves within its bounds', async () => {
    const wave = { shape: 'sine', min: 0.2, max: 0.6, period: '400ms' };
    await inject({ fault: 'metrics.wave', engine: 0, ...wave });
    const seen = new Set<number>();
    await waitUntil('values over half of the range', async () => {
      const value = (await faults.samples()).get(USAGE(0)) ?? Number.NaN;
      expect(value).toBeGreaterThanOrEqual(0.2);
      expect(value).toBeLessThanOrEqual(0.6);
      seen.add(value);
      return Math.max(...seen) - Math.min(...seen) > 0.2;
    });
  });

  it('stands still, and goes on from where it really is', async () => {
    await completeAll(faults, 2);
    const handle = await inject({ fault: 'metrics.freeze' });
    const before = await faults.samples();
    await completeAll(faults, 3);
    expect(generated(await faults.samples())).toBe(generated(before));
    await faults.clear(handle);
    expect(generated(await faults.samples())).toBe(generated(before) + 12);
  });

  it('drops an engine, and has it back', async () => {
    const before = [...(await faults.samples()).keys()];
    const handle = await inject({ fault: 'metrics.drop-engine', engine: 1 });
    const during = [...(await faults.samples()).keys()];
    const ofEngine = (keys: readonly string[]): readonly string[] =>
      keys.filter((key) => key.includes('engine="1"') && !key.startsWith('vllm_twin'));
    expect(ofEngine(before).length).toBeGreaterThan(50);
    expect(ofEngine(during)).toEqual([]);
    await faults.clear(handle);
    expect(ofEngine([...(await faults.samples()).keys()])).toEqual(ofEngine(before));
  });

  it('begins its counters anew', async () => {
    await completeAll(faults, 2);
    await faults.inject({ fault: 'metrics.counter-reset' });
    expect(generated(await faults.samples())).toBe(0);
    await completeAll(faults, 2);
    expect(generated(await faults.samples())).toBe(8);
    await twin.waitForLog(/Fault metrics.counter-reset of all engines begins/);
  });

  it('shows the names of an older vLLM', async () => {
    await inject({ fault: 'metrics.names', version: '0.28.0' });
    const body = await faults.body();
    expect(body).not.toContain('vllm:request_num_preemptions');
    expect(body).toContain('user_specified_mamba_block_size="False"');
  });

  it('shows families under the names that they had before they were renamed', async () => {
    await completeAll(faults, 2);
    const now = await faults.samples();
    const handle = await inject({ fault: 'metrics.names' });
    const then = await faults.samples();
    for (const rank of [0, 1]) {
      const labels = `{engine="${rank}",model_name="tiny"}`;
      const counted = now.get(`vllm:inter_token_latency_seconds_count${labels}`);
      expect(counted).toBeDefined();
      expect(then.get(`vllm:time_per_output_token_seconds_count${labels}`)).toBe(counted);
      const queried = now.get(`vllm:prefix_cache_queries_total${labels}`);
      expect(queried).toBeDefined();
      expect(then.get(`vllm:gpu_prefix_cache_queries_total${labels}`)).toBe(queried);
      expect(then.has(`vllm:gpu_cache_usage_perc${labels}`)).toBe(true);
      expect(then.has(USAGE(rank))).toBe(false);
    }
    await faults.clear(handle);
    expect([...(await faults.samples()).keys()].join()).not.toContain('vllm:gpu_');
  });

  it.skipIf(!isInstalled)('is read by promtool as without faults', async () => {
    const complaints = (body: string): readonly string[] => {
      const input = { input: body, encoding: 'utf8' as const };
      const { stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], input);
      return `${stdout}${stderr}`.split('\n').filter((line) => line !== '');
    };
    const known = new Set(complaints(await faults.body()));
    await inject({ fault: 'metrics.hold', value: 0.5 });
    await inject({ fault: 'metrics.names', version: '0.20.0' });
    await inject({ fault: 'metrics.drop-engine', engine: 0 });
    expect(complaints(await faults.body()).filter((line) => !known.has(line))).toEqual([]);
  });
});

describe.skipIf(!isInstalled)('a real Prometheus', () => {
  let twin: Twin;
  let faults: TwinFaults;
  let prometheus: Prometheus;

  beforeAll(async () => {
    twin = new Twin([...SERVE, ...TWO, '--step-time', 'zero']);
    faults = new TwinFaults(await twin.url());
    prometheus = await Prometheus.start({ twin: faults.url });
    await prometheus.waitUntilScraped(['twin']);
  });

  afterAll(async () => {
    await prometheus?.stop();
    await twin?.stop();
  });

  it.each([
    ['a body that is cut', { fault: 'metrics.truncate', share: 0.9 }],
    ['a status', { fault: 'metrics.status', status: 503 }],
    ['an answer later than its timeout', { fault: 'metrics.slow', delay: '2s' }],
  ])('sees the server down by %s, and up again after', async (_, request) => {
    const handle = await faults.inject(request);
    await waitUntil('up == 0', async () => (await prometheus.query('up == 0')).length === 1);
    await faults.clear(handle);
    await prometheus.waitUntilScraped(['twin']);
  });

  it('has the held gauge, and who holds it', async () => {
    await faults.inject({ fault: 'metrics.hold', engine: 1, value: 0.97 });
    const query = 'vllm:kv_cache_usage_perc > 0.96';
    await waitUntil('the held value', async () => (await prometheus.query(query)).length === 1);
    const [active] = await prometheus.query('vllm_twin_fault_active == 1');
    expect(active).toMatchObject({ engine: '1', fault: 'metrics.hold' });
  });
});

describe('two API servers', () => {
  let twin: Twin;

  afterAll(() => twin?.stop());

  it('show one exposition, whichever is asked', async () => {
    twin = new Twin([...SERVE, ...TWO, '--step-time', 'zero', '--api-server-count', '2']);
    const faults = new TwinFaults(await twin.url());
    const scrapes = (): Promise<readonly ReadonlyMap<string, number>[]> =>
      Promise.all(Array.from({ length: 8 }, () => faults.samples()));
    await completeAll(faults, 12);
    await waitUntil('48 tokens', async () => generated(await faults.samples()) === 48);
    await faults.inject({ fault: 'metrics.counter-reset' });
    expect((await scrapes()).map(generated)).toEqual([0, 0, 0, 0, 0, 0, 0, 0]);
    await completeAll(faults, 6);
    await waitUntil('24 tokens', async () => generated(await faults.samples()) === 24);
    const frozen = await faults.inject({ fault: 'metrics.freeze' });
    await faults.inject({ fault: 'metrics.hold', engine: 1, value: 0.9 });
    await completeAll(faults, 6);
    for (const samples of await scrapes()) {
      expect(generated(samples)).toBe(24);
      expect(samples.get(USAGE(1))).toBe(0.9);
      expect(samples.get(ACTIVE('metrics.freeze'))).toBe(1);
    }
    expect(await faults.clear(frozen)).toBe(204);
    await waitUntil('48 tokens', async () => generated(await faults.samples()) === 48);
  });
});
