import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestServer, type TestServer } from '../../../support/http-server.ts';

describe('the load report of an answer', () => {
  let running: TestServer;
  let base = '';

  beforeAll(async () => {
    running = await createTestServer();
    base = (await running.server.listen()).address;
  });
  afterAll(async () => {
    await running.close();
  });

  async function reportOf(
    path: string,
    body: object,
    format: string | null,
  ): Promise<{ readonly status: number; readonly report: string | null }> {
    const response = await fetch(`${base}${path}`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(format === null ? {} : { 'endpoint-load-metrics-format': format }),
      },
      body: JSON.stringify({ model: 'tiny', ...body }),
    });
    await response.text();
    return { status: response.status, report: response.headers.get('endpoint-load-metrics') };
  }

  const completion = { prompt: 'hello', max_tokens: 2 };
  const chat = { messages: [{ role: 'user', content: 'hello' }], max_tokens: 2 };

  it('names every gauge of every engine as text, in the order of a scrape', async () => {
    const { report } = await reportOf('/v1/completions', completion, 'TEXT');
    expect(report).toMatch(
      /^TEXT (named_metrics\.num_requests_waiting=0\.0, ){2}named_metrics\.kv_cache_usage_perc=[\d.e-]+, named_metrics\.kv_cache_usage_perc=[\d.e-]+$/,
    );
  });

  it('names each gauge once as JSON, also of a chat', async () => {
    const { report } = await reportOf('/v1/chat/completions', chat, 'json');
    expect(report).toMatch(
      /^JSON \{"named_metrics": \{"num_requests_waiting": 0\.0, "kv_cache_usage_perc": [\d.e-]+\}\}$/,
    );
  });

  it.each([
    ['nobody asks', '/v1/completions', completion, null, 200],
    ['the format is unknown', '/v1/completions', completion, 'BIN', 200],
    ['it is a stream', '/v1/completions', { ...completion, stream: true }, 'TEXT', 200],
    ['the request is refused', '/v1/completions', { ...completion, max_tokens: -1 }, 'TEXT', 400],
    ['it is a response of /v1/responses', '/v1/responses', { input: 'hello' }, 'TEXT', 200],
  ])('is left out where %s', async (_why, path, body, format, status) => {
    expect(await reportOf(path, body, format)).toEqual({ status, report: null });
  });
});
