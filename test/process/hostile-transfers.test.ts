/** kv_transfer_params are a client's word: whatever they name costs their request, and the engine goes on. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { freePorts } from '../support/free-ports.ts';
import { TINYMODEL, Twin } from '../support/twin.ts';

const CONFIG = JSON.stringify({ kv_connector: 'NixlConnector', kv_role: 'kv_both' });
const PARAMS = {
  do_remote_prefill: true,
  remote_block_ids: [[1, 2, 3]],
  remote_engine_id: 'nobody',
  remote_request_id: 'theirs',
  remote_host: '127.0.0.1',
  remote_port: 1,
};

let twin: Twin;
let url = '';

beforeAll(async () => {
  const words = ['--served-model-name', 'tiny', '--port', '0', '--kv-transfer-config', CONFIG];
  const [port] = await freePorts(1);
  twin = new Twin(['serve', TINYMODEL, '--max-model-len', '1024', ...words], {
    VLLM_NIXL_SIDE_CHANNEL_PORT: String(port),
  });
  url = await twin.url();
});
afterAll(() => twin?.stop());

async function complete(params: unknown): Promise<number> {
  const answer = await fetch(`${url}/v1/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      model: 'tiny',
      prompt: 'once upon a time',
      max_tokens: 3,
      kv_transfer_params: params,
    }),
  });
  await answer.text();
  return answer.status;
}

it.each([
  { remote_host: 'two words' },
  { remote_host: 'a\u0000b' },
  { remote_host: {} },
  { remote_host: 'x'.repeat(300) },
  { remote_port: 'ssh' },
  { remote_port: -1 },
  { remote_port: 70_000 },
  { remote_port: [] },
  { remote_port: 2 ** 53 },
  { remote_engine_id: { a: 1 } },
  { remote_request_id: [null] },
  { remote_block_ids: 'all' },
  { remote_block_ids: 2 ** 60 },
  { remote_block_ids: [[-1, -1e12]] },
])('%j costs its request', async (hostile) => {
  expect(await complete({ ...PARAMS, ...hostile })).toBe(500);
  expect((await fetch(`${url}/health`)).status).toBe(200);
  expect(await complete(null)).toBe(200);
});
