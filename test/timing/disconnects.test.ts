/** How soon the engine is rid of a request whose client hung up, on a machine as busy as it is. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { samplesByKey } from '../support/exposition.ts';
import { slowdown } from '../support/slowdown.ts';
import { TINYMODEL, Twin } from '../support/twin.ts';
import { waitUntil } from '../support/wait-for.ts';

const LIMIT_MS = 100;

let twin: Twin;
let url: string;

beforeAll(async () => {
  const words = ['--served-model-name', 'tiny', '--port', '0', '--step-time', '2'];
  twin = new Twin(['serve', TINYMODEL, '--max-model-len', '1024', ...words]);
  url = await twin.url();
});

afterAll(async () => {
  await twin?.stop();
});

async function numRunning(): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const key = 'vllm:num_requests_running{engine="0",model_name="tiny"}';
  return samplesByKey(text).get(key) ?? Number.NaN;
}

it('a client that hangs up is gone from the engine within 100 ms', async () => {
  const abort = new AbortController();
  const request = {
    model: 'tiny',
    prompt: [1, 2],
    max_tokens: 1000,
    ignore_eos: true,
    stream: true,
  };
  const response = await fetch(`${url}/v1/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(request),
    signal: abort.signal,
  });
  await response.body?.getReader().read();
  await waitUntil('the request to run', async () => (await numRunning()) === 1);
  const factor = slowdown();
  expect(await numRunning(), 'the request ended before its client').toBe(1);
  abort.abort();
  const startMs = performance.now();
  const isGone = async (): Promise<boolean> => (await numRunning()) === 0;
  await waitUntil('the request to be gone', isGone, { intervalMs: 1 });
  const goneMs = performance.now() - startMs;
  expect(goneMs).toBeLessThan(LIMIT_MS * Math.max(factor, slowdown()));
});
