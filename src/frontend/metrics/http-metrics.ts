/**
 * The `http_*` families that vLLM gets from its instrumentation middleware: per handler (the route's template), method
 * and status class. Source: vllm/entrypoints/serve/instrumentator/metrics.py, prometheus_fastapi_instrumentator 8.
 */
import type { Counter, Observer } from './child.ts';
import { Family } from './families.ts';

/** Handlers that contain one of these are not counted: the middleware searches, it does not compare. */
const EXCLUDED_HANDLERS = ['/metrics', '/health', '/load', '/ping', '/version', '/server_info'];

/** Of paths that no route has. */
const NO_HANDLER = 'none';

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

/** What exchanges with one handler, method and status class are counted in. */
interface ExchangeChildren {
  readonly total: Counter;
  readonly requestSize: Observer;
  readonly responseSize: Observer;
  readonly highr: Observer;
  readonly lowr: Observer;
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

  readonly families: readonly Family[] = [
    this.#total,
    this.#requestSize,
    this.#responseSize,
    this.#highr,
    this.#lowr,
  ];
  /** By handler, method and status class: looking a child up by its labels takes several times as long as counting. */
  readonly #children = new Map<string, Map<string, Map<number, ExchangeChildren>>>();
  readonly #excludedHandlers = new Map<string, boolean>();

  /** `createdSeconds`: wall-clock time; the family without labels exists from the start. */
  constructor(createdSeconds: number) {
    this.#highr.child({}, createdSeconds);
  }

  record(exchange: HttpExchange): void {
    const { handler, method, durationSeconds } = exchange;
    // Paths that no route has are not remembered: there is no end of them.
    if (handler === null ? isExcluded(exchange.path) : this.#isHandlerExcluded(handler)) return;
    const statusClass = Math.floor(exchange.statusCode / 100);
    const children =
      this.#children
        .get(handler ?? NO_HANDLER)
        ?.get(method)
        ?.get(statusClass) ?? this.#createChildren(exchange, statusClass);
    children.total.inc(1);
    children.requestSize.observe(exchange.requestBytes);
    children.responseSize.observe(exchange.responseBytes);
    children.highr.observe(durationSeconds);
    children.lowr.observe(durationSeconds);
  }

  #isHandlerExcluded(handler: string): boolean {
    let excluded = this.#excludedHandlers.get(handler);
    if (excluded === undefined) {
      excluded = isExcluded(handler);
      this.#excludedHandlers.set(handler, excluded);
    }
    return excluded;
  }

  #createChildren(
    { handler: route, method, nowSeconds }: HttpExchange,
    statusClass: number,
  ): ExchangeChildren {
    const handler = route ?? NO_HANDLER;
    const status = `${statusClass}xx`;
    const children = {
      total: this.#total.child({ handler, method, status }, nowSeconds),
      requestSize: this.#requestSize.child({ handler }, nowSeconds),
      responseSize: this.#responseSize.child({ handler }, nowSeconds),
      highr: this.#highr.child({}, nowSeconds),
      lowr: this.#lowr.child({ handler, method }, nowSeconds),
    };
    const byMethod =
      this.#children.get(handler) ?? new Map<string, Map<number, ExchangeChildren>>();
    this.#children.set(handler, byMethod);
    const byStatusClass = byMethod.get(method) ?? new Map<number, ExchangeChildren>();
    byMethod.set(method, byStatusClass.set(statusClass, children));
    return children;
  }
}

function isExcluded(name: string): boolean {
  return EXCLUDED_HANDLERS.some((excluded) => name.includes(excluded));
}
