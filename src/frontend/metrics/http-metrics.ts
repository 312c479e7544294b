/**
 * The `http_*` families that vLLM gets from its instrumentation middleware: per handler (the route's template), method
 * and status class. Source: vllm/entrypoints/serve/instrumentator/metrics.py, prometheus_fastapi_instrumentator 8.
 */
import { Family } from './families.ts';

/** Handlers that contain one of these are not counted: the middleware searches, it does not compare. */
const EXCLUDED_HANDLERS = ['/metrics', '/health', '/load', '/ping', '/version', '/server_info'];

const HIGHR_BUCKETS = [
  0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5, 7.5, 10, 30,
  60,
];
const LOWR_BUCKETS = [0.1, 0.5, 1];

export interface HttpExchange {
  /** The route's template, `/v1/completions`; null where no route matched. */
  readonly handler: string | null;
  /** The path asked for, to see whether an unmatched one is excluded. */
  readonly path: string;
  readonly method: string;
  readonly statusCode: number;
  /** The Content-Length headers; 0 without. */
  readonly requestBytes: number;
  readonly responseBytes: number;
  readonly durationSeconds: number;
  /** Wall-clock seconds, for `_created`. */
  readonly nowSeconds: number;
}

export class HttpMetrics {
  readonly #total = new Family<'counter', 'handler' | 'method' | 'status'>({
    type: 'counter',
    name: 'http_requests',
    help: 'Total number of requests by method, status and handler.',
  });
  readonly #requestSize = new Family<'summary', 'handler'>({
    type: 'summary',
    name: 'http_request_size_bytes',
    help: 'Content length of incoming requests by handler. Only value of header is respected. Otherwise ignored. No percentile calculated. ',
  });
  readonly #responseSize = new Family<'summary', 'handler'>({
    type: 'summary',
    name: 'http_response_size_bytes',
    help: 'Content length of outgoing responses by handler. Only value of header is respected. Otherwise ignored. No percentile calculated. ',
  });
  readonly #highr = new Family<'histogram', never>({
    type: 'histogram',
    name: 'http_request_duration_highr_seconds',
    help: 'Latency with many buckets but no API specific labels. Made for more accurate percentile calculations. ',
    buckets: HIGHR_BUCKETS,
  });
  readonly #lowr = new Family<'histogram', 'handler' | 'method'>({
    type: 'histogram',
    name: 'http_request_duration_seconds',
    help: 'Latency with only few buckets by handler. Made to be only used if aggregation by handler is important. ',
    buckets: LOWR_BUCKETS,
  });

  /** `createdSeconds`: wall-clock time; the family without labels exists from the start. */
  constructor(createdSeconds: number) {
    this.#highr.child({}, createdSeconds);
  }

  get families(): readonly Family[] {
    return [this.#total, this.#requestSize, this.#responseSize, this.#highr, this.#lowr];
  }

  record(exchange: HttpExchange): void {
    const { method, statusCode, durationSeconds, nowSeconds } = exchange;
    const name = exchange.handler ?? exchange.path;
    if (EXCLUDED_HANDLERS.some((excluded) => name.includes(excluded))) return;
    const handler = exchange.handler ?? 'none';
    const status = `${Math.floor(statusCode / 100)}xx`;
    this.#total.child({ handler, method, status }, nowSeconds).inc(1);
    this.#requestSize.child({ handler }, nowSeconds).observe(exchange.requestBytes);
    this.#responseSize.child({ handler }, nowSeconds).observe(exchange.responseBytes);
    this.#highr.child({}, nowSeconds).observe(durationSeconds);
    this.#lowr.child({ handler, method }, nowSeconds).observe(durationSeconds);
  }
}
