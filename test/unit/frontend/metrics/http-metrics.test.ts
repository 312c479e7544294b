import { describe, expect, it } from 'vitest';
import { type HttpExchange, HttpMetrics } from '../../../../src/frontend/metrics/http-metrics.ts';
import { parseExposition, sampleKey, samplesByKey } from '../../../support/exposition.ts';
import { renderExposition } from '../../../support/metrics.ts';

function exchange(fields: Partial<HttpExchange> = {}): HttpExchange {
  return {
    handler: '/v1/models',
    path: '/v1/models',
    method: 'GET',
    statusCode: 200,
    requestBytes: 3,
    responseBytes: 50,
    durationSeconds: 0.03,
    nowSeconds: 7,
    ...fields,
  };
}

async function textOf(metrics: HttpMetrics): Promise<string> {
  return (await renderExposition(metrics.families, false)).body;
}

describe('HTTP metrics', () => {
  it('show one child from the start: the one without labels; the others have names and types only', async () => {
    const families = parseExposition(await textOf(new HttpMetrics(5)));
    const withSamples = [...families.values()].filter(({ samples }) => samples.length > 0);
    expect(withSamples.map(({ name }) => name)).toEqual([
      'http_request_duration_highr_seconds',
      'http_request_duration_highr_seconds_created',
    ]);
    expect([...families.keys()]).toContain('http_requests_total');
    const created = families.get('http_request_duration_highr_seconds_created')?.samples;
    expect(created?.map(({ value }) => value)).toEqual([5]);
  });

  it('count an exchange in every family by its labels', async () => {
    const metrics = new HttpMetrics(5);
    metrics.record(exchange());
    metrics.record(
      exchange({ method: 'POST', statusCode: 503, requestBytes: 4, responseBytes: 6 }),
    );
    const samples = samplesByKey(await textOf(metrics));
    const own = [...samples].filter(([key]) => !/_bucket|_created/.test(key));
    expect(Object.fromEntries(own)).toEqual({
      'http_requests_total{handler="/v1/models",method="GET",status="2xx"}': 1,
      'http_requests_total{handler="/v1/models",method="POST",status="5xx"}': 1,
      'http_request_size_bytes_count{handler="/v1/models"}': 2,
      'http_request_size_bytes_sum{handler="/v1/models"}': 7,
      'http_response_size_bytes_count{handler="/v1/models"}': 2,
      'http_response_size_bytes_sum{handler="/v1/models"}': 56,
      'http_request_duration_highr_seconds_count{}': 2,
      'http_request_duration_highr_seconds_sum{}': 0.06,
      'http_request_duration_seconds_count{handler="/v1/models",method="GET"}': 1,
      'http_request_duration_seconds_sum{handler="/v1/models",method="GET"}': 0.03,
      'http_request_duration_seconds_count{handler="/v1/models",method="POST"}': 1,
      'http_request_duration_seconds_sum{handler="/v1/models",method="POST"}': 0.03,
    });
    const created = [...samples].filter(([key]) => key.startsWith('http_requests_created'));
    expect(created.map(([, value]) => value)).toEqual([7, 7]);
  });

  it("have the middleware's buckets: many without labels, few by handler", async () => {
    const metrics = new HttpMetrics(5);
    metrics.record(exchange());
    const families = parseExposition(await textOf(metrics));
    const boundsOf = (name: string) =>
      families
        .get(name)
        ?.samples.filter((sample) => sample.name === `${name}_bucket`)
        .map(({ labels }) => Number(labels['le']?.replace('+Inf', 'Infinity')));
    expect(boundsOf('http_request_duration_highr_seconds')).toEqual([
      0.01,
      0.025,
      0.05,
      0.075,
      0.1,
      0.25,
      0.5,
      0.75,
      1,
      1.5,
      2,
      2.5,
      3,
      3.5,
      4,
      4.5,
      5,
      7.5,
      10,
      30,
      60,
      Number.POSITIVE_INFINITY,
    ]);
    expect(boundsOf('http_request_duration_seconds')).toEqual([
      0.1,
      0.5,
      1,
      Number.POSITIVE_INFINITY,
    ]);
  });

  it("have the middleware's types and help", async () => {
    const metrics = new HttpMetrics(5);
    metrics.record(exchange());
    const families = [...parseExposition(await textOf(metrics)).values()];
    const own = families.filter(({ name }) => !name.endsWith('_created'));
    expect(own.map(({ name, type, help }) => [name, type, help])).toEqual([
      ['http_requests_total', 'counter', 'Total number of requests by method, status and handler.'],
      [
        'http_request_size_bytes',
        'summary',
        'Content length of incoming requests by handler. Only value of header is respected. Otherwise ignored. No percentile calculated. ',
      ],
      [
        'http_response_size_bytes',
        'summary',
        'Content length of outgoing responses by handler. Only value of header is respected. Otherwise ignored. No percentile calculated. ',
      ],
      [
        'http_request_duration_highr_seconds',
        'histogram',
        'Latency with many buckets but no API specific labels. Made for more accurate percentile calculations. ',
      ],
      [
        'http_request_duration_seconds',
        'histogram',
        'Latency with only few buckets by handler. Made to be only used if aggregation by handler is important. ',
      ],
    ]);
  });

  it.each(['/metrics', '/health', '/load', '/ping', '/version', '/server_info'])(
    'leave out what watches the server: %s, also as a part of a path that no route has',
    async (path) => {
      const metrics = new HttpMetrics(5);
      metrics.record(exchange({ handler: path, path }));
      metrics.record(exchange({ handler: null, path: `/x${path}/y` }));
      metrics.record(exchange({ handler: '/v1/models', path: `/v1/models?${path}` }));
      const counted = parseExposition(await textOf(metrics)).get('http_requests_total')?.samples;
      expect(counted?.map(sampleKey)).toEqual([
        'http_requests_total{handler="/v1/models",method="GET",status="2xx"}',
      ]);
    },
  );

  it('call a path that no route has none', async () => {
    const metrics = new HttpMetrics(5);
    metrics.record(exchange({ handler: null, path: '/nothing', statusCode: 404 }));
    const samples = samplesByKey(await textOf(metrics));
    expect(samples.get('http_requests_total{handler="none",method="GET",status="4xx"}')).toBe(1);
  });
});
