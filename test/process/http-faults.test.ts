/** Faults at HTTP, injected into a running server of two engines: what clients, probes, scrapes and the log show. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { TINYMODEL, Twin } from '../support/twin.ts';
import { TwinFaults } from '../support/twin-faults.ts';
import { waitUntil } from '../support/wait-for.ts';

const SERVE = ['serve', TINYMODEL, '--max-model-len', '1024', '--num-gpu-blocks-override', '1025'];
const TWO = ['--served-model-name', 'tiny', '--port', '0', '--data-parallel-size', '2'];

describe('a server of two engines', () => {
  let twin: Twin;
  let faults: TwinFaults;
  let handles: string[] = [];

  beforeAll(async () => {
    twin = new Twin([...SERVE, ...TWO, '--step-time', '5', '--enable-faults']);
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

  async function statuses(count: number): Promise<readonly number[]> {
    const given: number[] = [];
    for (let i = 0; i < count; i++) {
      const response = await faults.complete();
      await response.arrayBuffer();
      given.push(response.status);
    }
    return given;
  }

  it('answers errors, logs and counts them, and is healthy', async () => {
    const counted = 'http_requests_total{handler="/v1/completions",method="POST",status="5xx"}';
    const handle = await inject({ fault: 'http.error', status: 503, first: 2 });
    expect(await statuses(3)).toEqual([503, 503, 200]);
    expect(await faults.status('/health')).toBe(200);
    const samples = await faults.samples();
    expect(samples.get(counted)).toBe(2);
    expect(samples.get('vllm_twin_fault_active{engine="",fault="http.error"}')).toBe(1);
    await twin.waitForLog(/POST \/v1\/completions HTTP\/1.1\\" 503 Service Unavailable/);
    await twin.waitForLog(new RegExp(`Fault http.error begins \\(handle ${handle}\\)`));
    expect(await faults.clear(handle)).toBe(204);
    await twin.waitForLog(new RegExp(`Fault http.error ends \\(handle ${handle}\\)`));
    expect(await faults.clear(handle)).toBe(404);
    expect(await statuses(1)).toEqual([200]);
    const after = await faults.samples();
    expect(after.get('vllm_twin_fault_active{engine="",fault="http.error"}')).toBe(0);
  });

  it('ends a fault by itself after its time', async () => {
    await inject({ fault: 'http.error', path: '/health', for: '2s' });
    expect(await faults.status('/health')).toBe(500);
    await waitUntil('a healthy server', async () => (await faults.status('/health')) === 200);
  });

  it('holds requests, and a probe where its path is meant', async () => {
    await inject({ fault: 'http.latency', delay: '200ms', path: '/health' });
    const begun = performance.now();
    expect(await statuses(1)).toEqual([200]);
    expect(await faults.status('/health')).toBe(200);
    expect(performance.now() - begun).toBeGreaterThanOrEqual(198);
  });

  it('cuts streams off and aborts them in the engines', async () => {
    await inject({ fault: 'http.cut-stream', after: 2 });
    const response = await faults.complete({ stream: true, max_tokens: 900 });
    let text = '';
    const reading = (async () => {
      for await (const chunk of response.body ?? [])
        text += new TextDecoder().decode(chunk as Uint8Array);
    })();
    await expect(reading).rejects.toThrow('terminated');
    expect(text.split('\n\n')).toHaveLength(3);
    await waitUntil('no running request', async () => {
      const samples = await faults.samples();
      return [0, 1].every(
        (rank) =>
          samples.get(`vllm:num_requests_running{engine="${rank}",model_name="tiny"}`) === 0,
      );
    });
    const samples = await faults.samples();
    for (const [key, value] of samples)
      if (key.includes('finished_reason="abort"') && key.includes('_total{'))
        expect(value, 'as vLLM counts no finish of a client that left').toBe(0);
  });

  it('refuses connections, but for scrapes and the twin itself', async () => {
    const handle = await inject({ fault: 'http.refuse' });
    expect(await faults.status('/health')).toBe('ECONNRESET');
    expect(await faults.status('/v1/models')).toBe('ECONNRESET');
    expect(await faults.status('/metrics')).toBe(200);
    expect(await faults.status('/twin/api/state')).toBe(200);
    await faults.clear(handle);
    expect(await faults.status('/health')).toBe(200);
  });

  it('takes a fault from the header of a request, for it alone', async () => {
    const header = { 'x-vllm-twin-fault': 'http.latency;delay=20ms, http.error;status=429' };
    const refused = await faults.complete({}, header);
    expect(refused.status).toBe(429);
    expect(await refused.json()).toEqual({
      error: { message: 'Too Many Requests', type: 'Too Many Requests', param: null, code: 429 },
    });
    expect(await statuses(1)).toEqual([200]);
  });

  it('says what is wrong with an injection', async () => {
    const refused = await faults.post({ fault: 'http.error', first: 1, share: 0.5 });
    expect(refused.status).toBe(400);
    expect(await refused.json()).toMatchObject({
      error: { param: 'share', allowed: 'one of first, every, share' },
    });
  });
});

describe('two API servers', () => {
  let twin: Twin;

  afterAll(() => twin?.stop());

  it('refuse together, and come back together', async () => {
    twin = new Twin([...SERVE, ...TWO, '--step-time', 'zero', '--api-server-count', '2']);
    const faults = new TwinFaults(await twin.url());
    const all = async (): Promise<string> => {
      const given = await Promise.all(Array.from({ length: 12 }, () => faults.status('/health')));
      return [...new Set(given)].join();
    };
    expect(await all()).toBe('200');
    const handle = await faults.inject({ fault: 'http.refuse' });
    await waitUntil('resets by all', async () => (await all()) === 'ECONNRESET');
    expect(await faults.clear(handle)).toBe(204);
    await waitUntil('answers by all', async () => (await all()) === '200');
  });
});
