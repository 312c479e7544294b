import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runDisconnectingClients } from '../support/disconnecting-clients.ts';
import { samplesByKey } from '../support/exposition.ts';
import { TINYMODEL, Twin } from '../support/twin.ts';
import { waitUntil } from '../support/wait-for.ts';

describe('clients that hang up', () => {
  let twin: Twin;
  let url: string;
  const labels = '{engine="0",model_name="tiny"}';

  beforeAll(async () => {
    const size = ['--max-model-len', '1024', '--num-gpu-blocks-override', '4097'];
    const words = ['--served-model-name', 'tiny', '--port', '0', '--step-time', '2'];
    twin = new Twin(['serve', TINYMODEL, ...size, ...words]);
    url = await twin.url();
  });

  afterAll(async () => {
    await twin?.stop();
  });

  const metric = async (name: string, of = labels): Promise<number> =>
    samplesByKey(await (await fetch(`${url}/metrics`)).text()).get(name + of) ?? Number.NaN;

  it('are gone from the engine long before their answer would end', async () => {
    const abort = new AbortController();
    const body = JSON.stringify({
      model: 'tiny',
      prompt: [1, 2],
      max_tokens: 1000,
      ignore_eos: true,
      stream: true,
    });
    const headers = { 'content-type': 'application/json' };
    const response = await fetch(`${url}/v1/completions`, {
      method: 'POST',
      headers,
      body,
      signal: abort.signal,
    });
    await response.body?.getReader().read();
    await waitUntil(
      'the request to run',
      async () => (await metric('vllm:num_requests_running')) === 1,
    );
    abort.abort();
    await waitUntil(
      'the request to be gone',
      async () => (await metric('vllm:num_requests_running')) === 0,
    );
  });

  it('leave no request, block or file descriptor behind', async () => {
    await metric('vllm:num_requests_running');
    const fds = (): number => readdirSync(`/proc/${twin.pid}/fd`).length;
    const before = fds();
    const { finished, hungUp } = await runDisconnectingClients({
      url,
      clients: 100,
      seconds: 5,
      seed: 1,
    });
    expect(Math.min(finished, hungUp)).toBeGreaterThan(50);
    await waitUntil('an idle engine', async () => {
      const running = await metric('vllm:num_requests_running');
      return running + (await metric('vllm:num_requests_waiting')) === 0;
    });
    expect(await metric('vllm:kv_cache_usage_perc')).toBe(0);
    // Invariant 2: every stream that was read to its end finished once; of those hung up, a few were done just before.
    const ended = '{engine="0",finished_reason="length",model_name="tiny"}';
    const counted = await metric('vllm:request_success_total', ended);
    expect(counted).toBeGreaterThanOrEqual(finished);
    expect(counted - finished).toBeLessThan(0.1 * hungUp);
    await waitUntil('closed connections', async () => fds() <= before + 5);
  });
});
