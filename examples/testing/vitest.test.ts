/** vitest: a twin for each test that asks for it, and expectations on its metrics. Run it with `npx vitest run`. */
import { expect } from 'vitest';
import { test } from 'vllm-twin/vitest';

test.override({
  twinOptions: {
    model: 'Qwen/Qwen3-0.6B',
    maxModelLen: 4096,
    dataParallelSize: 2,
    engineOverrides: { 1: { gpu: 'L4' } },
    stepTime: 'zero',
  },
});

const complete = (url: string, rank: number): Promise<Response> =>
  fetch(`${url}/v1/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-data-parallel-rank': String(rank) },
    body: JSON.stringify({ prompt: 'Once upon a time', max_tokens: 8 }),
  });

test('each engine counts its own tokens', async ({ twin }) => {
  expect((await complete(twin.url, 1)).status).toBe(200);
  const metrics = await twin.metrics();
  expect(metrics.value('vllm:generation_tokens_total', { engine: 1 })).toBe(8);
  expect(metrics).toHaveSample('vllm:generation_tokens_total', {
    labels: { engine: 0 },
    equals: 0,
  });
});

test('an engine that hangs keeps its request, and answers once it goes on', async ({ twin }) => {
  const [, engine] = twin.engines;
  await engine?.hang();
  const answer = complete(twin.url, 1);
  await expect(twin).toBecomeHealthy();
  await engine?.resume();
  expect((await answer).status).toBe(200);
});

test('an engine that dies takes /health with it', async ({ twin }) => {
  await twin.engines[0]?.kill();
  await expect(twin).not.toBecomeHealthy({ within: '10s' });
});
