import { afterEach, beforeEach, expect, it } from 'vitest';
import { samplesByKey } from '../../../support/exposition.ts';
import { createTestServer, type TestServer } from '../../../support/http-server.ts';

let running: TestServer;
let address: string;

beforeEach(async () => {
  running = await createTestServer({});
  address = (await running.server.listen()).address;
});

afterEach(async () => {
  await running.close();
});

/** The bytes of the answer's body, and what /metrics says of the answers of this handler. */
async function bytesOf(
  path: string,
  body?: unknown,
): Promise<{
  readonly read: number;
  readonly told: string | null;
  readonly counted: number | undefined;
}> {
  const init =
    body === undefined
      ? {}
      : {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(body),
        };
  const response = await fetch(`${address}${path}`, init);
  const told = response.headers.get('content-length');
  const read = (await response.arrayBuffer()).byteLength;
  const samples = samplesByKey(await (await fetch(`${address}/metrics`)).text());
  const counted = samples.get(`http_response_size_bytes_sum{handler="${path}"}`);
  return { read, told, counted };
}

it.each([
  ['/v1/models', undefined],
  ['/tokenize', { prompt: 'a b' }],
  ['/v1/completions', { prompt: [1, 2, 3], max_tokens: 2 }],
  ['/v1/completions', { prompt: [1, 2, 3], max_tokens: -2 }],
])('counts what %s says of its length (%j)', async (path, body) => {
  const { read, told, counted } = await bytesOf(path, body);
  expect(told).toBe(String(read));
  expect(counted).toBe(read);
});

it('counts nothing for a stream, which tells no length', async () => {
  const { told, read, counted } = await bytesOf('/v1/completions', {
    prompt: [1, 2, 3],
    max_tokens: 2,
    stream: true,
  });
  expect(told).toBeNull();
  expect(read).toBeGreaterThan(0);
  expect(counted).toBe(0);
});
