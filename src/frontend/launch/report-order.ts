/**
 * Keeps the order in which engines report, where a scenario asks for one: an engine's turn comes when all before it, of
 * those that this process has started, have reported or are gone.
 */
import {
  isReportMessage,
  type ReportTurnMessage,
  reportsBefore,
} from '../../shared/faults/report-order.ts';
import type { Child } from './child.ts';

/** What it needs of a child process. */
export type ReportingChild = Pick<Child, 'send' | 'onMessage' | 'ended'>;

export class ReportOrder {
  /** Ranks that have not reported. */
  readonly #missing = new Set<number>();
  /** Those that wait for their turn. */
  readonly #asking = new Map<number, { child: ReportingChild; order: readonly number[] }>();

  /** All engines, before any of them asks. */
  attach(rank: number, child: ReportingChild): void {
    this.#missing.add(rank);
    child.onMessage((message) => {
      if (!isReportMessage(message)) return;
      if (message.type === 'report-asked') this.#asking.set(rank, { child, order: message.order });
      else this.#missing.delete(rank);
      this.#giveTurns();
    });
    void child.ended.then(() => {
      this.#missing.delete(rank);
      this.#asking.delete(rank);
      this.#giveTurns();
    });
  }

  #giveTurns(): void {
    for (const [rank, { child, order }] of [...this.#asking]) {
      const isBehind = [...this.#missing].some((other) => reportsBefore(order, other, rank));
      if (isBehind) continue;
      this.#asking.delete(rank);
      child.send({ type: 'report-turn' } satisfies ReportTurnMessage);
    }
  }
}
