import { afterEach, describe, expect, it } from 'vitest';
import { parseExposition } from '../../../support/exposition.ts';
import { createTestServer, type TestServer } from '../../../support/http-server.ts';

/** What Prometheus 3 sends on its defaults. */
const ACCEPT =
  'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;q=0.4,*/*;q=0.2';

describe('GET /metrics', () => {
  let running: TestServer;

  async function scrape(
    path: string,
    headers: Readonly<Record<string, string>>,
    enableOpenmetrics = false,
  ): Promise<{
    readonly type: string | null;
    readonly encoding: string | null;
    readonly body: string;
  }> {
    running = await createTestServer({ args: { enableOpenmetrics } });
    const { address } = await running.server.listen();
    const response = await fetch(`${address}${path}`, { headers });
    return {
      type: response.headers.get('content-type'),
      encoding: response.headers.get('content-encoding'),
      body: await response.text(),
    };
  }

  afterEach(async () => {
    await running.close();
  });

  it.each([[ACCEPT], ['application/openmetrics-text'], ['text/html'], ['*/*']])(
    'answers the text format to who accepts %s',
    async (accept) => {
      const { type, body } = await scrape('/metrics', { accept });
      expect(type).toBe('text/plain; version=1.0.0; charset=utf-8');
      expect(body).toContain('# TYPE vllm:prompt_tokens_created gauge');
      expect(body).not.toContain('# EOF');
    },
  );

  it('answers OpenMetrics to who accepts it with --enable-openmetrics', async () => {
    const { type, body } = await scrape('/metrics', { accept: ACCEPT }, true);
    expect(type).toContain('application/openmetrics-text; version=1.0.0');
    expect(body.endsWith('# EOF\n')).toBe(true);
  });

  it('compresses nothing and filters nothing', async () => {
    const path = '/metrics?name[]=vllm:num_requests_running';
    const { encoding, body } = await scrape(path, { 'accept-encoding': 'gzip' });
    expect(encoding).toBeNull();
    expect(body).toContain('vllm:kv_cache_usage_perc{');
    expect(body).toContain('process_cpu_seconds_total');
  });
});

describe('what else begins with /metrics', () => {
  it.each([
    ['gzip', 'gzip'],
    ['deflate, GZIP;q=0', 'gzip'],
    ['x-gzip, *', null],
    ['identity', null],
  ])("compresses for who accepts %s what Python's client would: %s", async (accepted, encoding) => {
    const running = await createTestServer();
    try {
      const { address } = await running.server.listen();
      const headers = { 'accept-encoding': accepted };
      const response = await fetch(`${address}/metrics/?name[]=vllm:num_requests_running`, {
        headers,
      });
      expect(response.headers.get('content-encoding')).toBe(encoding);
      expect(response.headers.get('content-type')).toContain('text/plain');
      expect([...parseExposition(await response.text()).keys()]).toEqual([
        'vllm:num_requests_running',
      ]);
    } finally {
      await running.close();
    }
  });
});
