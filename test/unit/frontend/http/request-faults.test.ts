import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { faultRecord } from '../../../support/fault-record.ts';
import { createTestServer, type TestServer } from '../../../support/http-server.ts';
import { waitFor } from '../../../support/wait-for.ts';

type Request = Readonly<Record<string, unknown>>;

const COUNTED = 'http_requests_total{handler="/v1/completions",method="POST",status="5xx"}';

describe('a request under faults at HTTP', () => {
  let running: TestServer;
  let address: string;
  let records: ReturnType<typeof faultRecord>[] = [];

  beforeEach(async () => {
    records = [];
    await start(true);
  });

  async function start(enableFaults: boolean, faults: 'all' | 'none' = 'all'): Promise<void> {
    await running?.close();
    running = await createTestServer({ args: { enableFaults, faults } });
    ({ address } = await running.server.listen());
  }

  afterEach(() => running.close());

  function inject(request: Request): void {
    records = [...records, faultRecord(request, { handle: `f${records.length + 1}` })];
    running.faults.update(records);
  }

  function clear(): void {
    records = [];
    running.faults.update(records);
  }

  function complete(
    body: Request = {},
    { header = '', signal }: { header?: string; signal?: AbortSignal } = {},
  ): Promise<Response> {
    return fetch(`${address}/v1/completions`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(header === '' ? {} : { 'x-vllm-twin-fault': header }),
      },
      body: JSON.stringify({ model: 'tiny', prompt: 'hi', max_tokens: 4, ...body }),
      ...(signal === undefined ? {} : { signal }),
    });
  }

  async function status(body: Request = {}, header = ''): Promise<number> {
    const response = await complete(body, { header });
    await response.arrayBuffer();
    return response.status;
  }

  async function metric(key: string): Promise<string | undefined> {
    const text = await (await fetch(`${address}/metrics`)).text();
    return text
      .split('\n')
      .find((line) => line.startsWith(key))
      ?.split(' ')[1];
  }

  /** The events of a stream, and whether it came to its end. */
  async function stream(
    body: Request = {},
    header = '',
  ): Promise<{ readonly events: number; readonly isCut: boolean }> {
    const response = await complete({ stream: true, ignore_eos: true, ...body }, { header });
    const decoder = new TextDecoder();
    let text = '';
    try {
      for await (const chunk of response.body ?? []) text += decoder.decode(chunk as Uint8Array);
      return { events: text.split('\n\n').length - 1, isCut: false };
    } catch {
      return { events: text.split('\n\n').length - 1, isCut: true };
    }
  }

  it('gets an error of every n-th, which is counted and has the request id', async () => {
    inject({ fault: 'http.error', status: 503, every: 2 });
    expect([await status(), await status(), await status(), await status()]).toEqual([
      200, 503, 200, 503,
    ]);
    const response = await complete();
    await response.arrayBuffer();
    const refused = await complete();
    expect(refused.headers.get('x-request-id')).toMatch(/^[0-9a-f]{32}$/);
    expect(refused.headers.get('content-type')).toBe('application/json');
    expect((await refused.json()) as object).toMatchObject({ error: { code: 503 } });
    expect(await metric(COUNTED)).toBe('3');
    expect((await fetch(`${address}/health`)).status).toBe(200);
    clear();
    expect([await status(), await status()]).toEqual([200, 200]);
  });

  it('gets an error at the path that is named', async () => {
    inject({ fault: 'http.error', path: '/health', status: 500 });
    expect((await fetch(`${address}/health`)).status).toBe(500);
    expect(await status()).toBe(200);
  });

  it('carries an error in its header or in vllm_xargs, for itself alone', async () => {
    expect(await status({}, 'http.error;status=503;every=7;path=/nowhere')).toBe(503);
    expect(await status({ vllm_xargs: { vllm_twin_fault: 'http.error;status=429' } })).toBe(429);
    expect(await status()).toBe(200);
    expect(await metric('vllm_twin_fault_active')).toBeUndefined();
  });

  it.each([
    ['without --enable-faults', false, 'all'],
    ['with --faults none', true, 'none'],
  ] as const)('carries nothing %s', async (_, enableFaults, faults) => {
    await start(enableFaults, faults);
    expect(await status({}, 'http.error;status=503')).toBe(200);
    expect(await status({ vllm_xargs: { vllm_twin_fault: 'http.error' } })).toBe(200);
  });

  it('counts a 401 nowhere, as the check of the key does', async () => {
    expect(await status({}, 'http.error;status=401')).toBe(401);
    expect(await status({ vllm_xargs: { vllm_twin_fault: 'http.error;status=401' } })).toBe(401);
    expect(await metric('http_requests_total{handler="/v1/completions"')).toBeUndefined();
  });

  it('waits as long as it is held, and all that hold it add up', async () => {
    inject({ fault: 'http.latency', delay: '60ms' });
    inject({ fault: 'http.latency', delay: '70ms' });
    const begun = performance.now();
    expect(await status()).toBe(200);
    expect(performance.now() - begun).toBeGreaterThanOrEqual(128);
  });

  /** The answer that the server is about to give to the next request that comes. */
  async function nextArrival(): Promise<ServerResponse> {
    const [, response] = (await once(running.server.app.server, 'request')) as [
      IncomingMessage,
      ServerResponse,
    ];
    return response;
  }

  it('goes on at once where the fault that holds it ends', async () => {
    inject({ fault: 'http.latency', delay: '10m' });
    const arrival = nextArrival();
    const held = status();
    await arrival;
    clear();
    expect(await held).toBe(200);
  });

  it('never reaches an engine where its client leaves while it is held', async () => {
    inject({ fault: 'http.latency', delay: '10m' });
    const leaving = new AbortController();
    const arrival = nextArrival();
    const left = complete({}, { signal: leaving.signal }).catch((error: Error) => error.name);
    const response = await arrival;
    const closed = once(response, 'close');
    leaving.abort();
    expect(await left).toBe('AbortError');
    await closed;
    clear();
    expect(await status()).toBe(200);
    const finished = await Promise.all(
      [0, 1].map((rank) =>
        metric(`vllm:request_success_total{engine="${rank}",finished_reason="length"`),
      ),
    );
    expect(finished.toSorted()).toEqual(['0', '1']);
  });

  it('has its stream cut after some events, and is aborted', async () => {
    inject({ fault: 'http.cut-stream', after: 3 });
    expect(await stream({ max_tokens: 500 })).toEqual({ events: 3, isCut: true });
    await waitFor('no running request', () => running.server.llm.numUnfinishedRequests === 0);
    expect(await status({ max_tokens: 5 })).toBe(200);
    clear();
    expect(await stream()).toEqual({ events: 5, isCut: false });
  });

  it('has its stream cut before the first event, or not at all past its last', async () => {
    inject({ fault: 'http.cut-stream', after: 0 });
    expect(await stream()).toEqual({ events: 0, isCut: true });
    clear();
    inject({ fault: 'http.cut-stream', after: 9 });
    expect(await stream()).toEqual({ events: 5, isCut: false });
  });

  it('carries a cut, and only streams count where some are picked', async () => {
    expect(await stream({}, 'http.cut-stream;after=2')).toEqual({ events: 2, isCut: true });
    const xargs = { vllm_xargs: { vllm_twin_fault: 'http.cut-stream;after=1' } };
    expect(await stream(xargs)).toEqual({ events: 1, isCut: true });
    inject({ fault: 'http.cut-stream', first: 1 });
    expect(await status()).toBe(200);
    expect((await stream()).isCut).toBe(true);
    expect((await stream()).isCut).toBe(false);
  });

  it('has its connection reset while they are refused, but for scrapes', async () => {
    inject({ fault: 'http.refuse' });
    const codeOf = (path: string): Promise<unknown> =>
      fetch(`${address}${path}`).then(
        ({ status: given }) => given,
        (error: { cause?: { code?: string } }) => error.cause?.code,
      );
    expect(await codeOf('/health')).toBe('ECONNRESET');
    expect(await codeOf('/v1/models')).toBe('ECONNRESET');
    expect(await codeOf('/metrics')).toBe(200);
    clear();
    expect(await codeOf('/health')).toBe(200);
  });

  it('is refused and cut where it is asked within the process, too', async () => {
    const { app } = running.server;
    inject({ fault: 'http.refuse' });
    await expect(app.inject('/health')).rejects.toThrow('destroyed');
    expect((await app.inject('/metrics')).statusCode).toBe(200);
    clear();
    inject({ fault: 'http.cut-stream' });
    const payload = { model: 'tiny', prompt: 'hi', stream: true };
    const cut = app.inject({ method: 'POST', url: '/v1/completions', payload });
    await expect(cut).rejects.toThrow('destroyed');
  });

  it('is answered late, with a status or in part where it is a scrape', async () => {
    inject({ fault: 'metrics.status', status: 503 });
    const refused = await fetch(`${address}/metrics`);
    expect([refused.status, ((await refused.json()) as { error: object }).error]).toMatchObject([
      503,
      { type: 'Service Unavailable' },
    ]);
    clear();
    inject({ fault: 'metrics.slow', delay: '80ms' });
    const begun = performance.now();
    await (await fetch(`${address}/metrics`)).text();
    expect(performance.now() - begun).toBeGreaterThanOrEqual(78);
    inject({ fault: 'metrics.truncate', share: 0.5 });
    const part = await fetch(`${address}/metrics`);
    expect(Number(part.headers.get('content-length'))).toBeGreaterThan(1_000);
    await expect(part.text()).rejects.toThrow('terminated');
  });
});
