/**
 * The metrics of one API server among several: what it records is its own, what `/metrics` shows is everybody's.
 */
import { ServerError } from '../../shared/errors.ts';
import type { HttpMetricsSource } from '../http/http-metrics-source.ts';
import type { Exposition } from '../metrics/exposition.ts';
import type { FamilySnapshot } from '../metrics/families.ts';
import type { FrontendMetrics, ScrapeOptions } from '../metrics/frontend-metrics.ts';
import type { SleepOperation } from '../metrics/sleep-operation-metrics.ts';

/** How long a scrape waits for the other API servers. */
const GATHER_TIMEOUT_MS = 5_000;

export class SharedMetrics implements HttpMetricsSource {
  readonly #own: FrontendMetrics;
  readonly #askForAll: (requestId: number) => void;
  readonly #waiting = new Map<
    number,
    (snapshots: readonly (readonly FamilySnapshot[])[] | null) => void
  >();
  #nextId = 1;

  constructor(own: FrontendMetrics, askForAll: (requestId: number) => void) {
    this.#own = own;
    this.#askForAll = askForAll;
  }

  readonly record: FrontendMetrics['record'] = (...message) => this.#own.record(...message);
  readonly recordHttp: FrontendMetrics['recordHttp'] = (exchange) => this.#own.recordHttp(exchange);
  readonly recordSleepState: FrontendMetrics['recordSleepState'] = (state) =>
    this.#own.recordSleepState(state);
  readonly recordAdmissionRejection: FrontendMetrics['recordAdmissionRejection'] = (reason) =>
    this.#own.recordAdmissionRejection(reason);

  readonly recordToolParser: FrontendMetrics['recordToolParser'] = (invocation) =>
    this.#own.recordToolParser(invocation);

  readonly namedMetrics: FrontendMetrics['namedMetrics'] = () => this.#own.namedMetrics();

  recordSleepOperation<T>(operation: SleepOperation, run: () => Promise<T>): Promise<T> {
    return this.#own.recordSleepOperation(operation, run);
  }

  async render(options: ScrapeOptions): Promise<Exposition> {
    const id = this.#nextId;
    this.#nextId += 1;
    const snapshots = await new Promise<readonly (readonly FamilySnapshot[])[] | null>(
      (resolve) => {
        const timer = setTimeout(() => resolve(null), GATHER_TIMEOUT_MS);
        this.#waiting.set(id, (all) => {
          clearTimeout(timer);
          resolve(all);
        });
        this.#askForAll(id);
      },
    );
    this.#waiting.delete(id);
    if (snapshots === null) {
      throw new ServerError(
        'E_METRICS_INCOMPLETE',
        `An API server process did not report its metrics within ${GATHER_TIMEOUT_MS / 1000} s.`,
      );
    }
    return this.#own.renderMerged(snapshots, options);
  }

  /** The primary's answer to `askForAll`. */
  take(requestId: number, snapshots: readonly (readonly FamilySnapshot[])[]): void {
    this.#waiting.get(requestId)?.(snapshots);
  }
}
