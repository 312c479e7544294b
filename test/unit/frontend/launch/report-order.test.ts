import { beforeEach, describe, expect, it } from 'vitest';
import { awaitReportTurn } from '../../../../src/engine-core/report-turn.ts';
import { ReportOrder } from '../../../../src/frontend/launch/report-order.ts';

/** An engine at the other end of an IPC channel. */
class FakeEngine {
  readonly rank: number;
  hasTurn = false;
  #toParent: (message: unknown) => void = () => {};
  #toEngine: (message: unknown) => void = () => {};
  #end: () => void = () => {};
  #tellReported: () => void = () => {};

  constructor(rank: number, reports: ReportOrder) {
    this.rank = rank;
    reports.attach(rank, {
      send: (message) => this.#toEngine(message),
      onMessage: (handler) => {
        this.#toParent = handler;
      },
      ended: new Promise<void>((resolve) => {
        this.#end = resolve;
      }),
    });
  }

  async ask(order: readonly number[]): Promise<void> {
    const channel = {
      send: (message: unknown) => {
        this.#toParent(message);
        return true;
      },
      on: (_event: 'message', listener: (message: unknown) => void) => {
        this.#toEngine = listener;
      },
    };
    this.#tellReported = await awaitReportTurn(channel, this.rank, order);
    this.hasTurn = true;
  }

  report(): void {
    this.#tellReported();
  }

  end(): void {
    this.#end();
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('an order of reports', () => {
  let engines: readonly FakeEngine[];
  beforeEach(() => {
    const reports = new ReportOrder();
    engines = [0, 1, 2].map((rank) => new FakeEngine(rank, reports));
  });

  const turns = (): readonly number[] =>
    engines.filter(({ hasTurn }) => hasTurn).map(({ rank }) => rank);
  const askAll = (order: readonly number[], asking = [0, 1, 2]): void => {
    for (const rank of asking) void engines[rank]?.ask(order);
  };

  it('gives each its turn when those before it have reported', async () => {
    askAll([2, 0, 1]);
    await turn();
    expect(turns()).toEqual([2]);
    engines[2]?.report();
    await turn();
    expect(turns()).toEqual([0, 2]);
    engines[0]?.report();
    await turn();
    expect(turns()).toEqual([0, 1, 2]);
  });

  it('lets ranks that are left out come last, in order of rank', async () => {
    askAll([1]);
    await turn();
    expect(turns()).toEqual([1]);
    engines[1]?.report();
    await turn();
    expect(turns()).toEqual([0, 1]);
  });

  it('waits for one that has not asked yet', async () => {
    askAll([1, 0, 2], [0, 2]);
    await turn();
    expect(turns()).toEqual([]);
    void engines[1]?.ask([1, 0, 2]);
    await turn();
    expect(turns()).toEqual([1]);
  });

  it('does not wait for one that is gone, nor for ranks of somebody else', async () => {
    askAll([9, 1, 0, 2], [0, 2]);
    engines[1]?.end();
    await turn();
    expect(turns()).toEqual([0]);
  });

  it('is kept by nobody for an engine that was started by hand', () => {
    expect(() => awaitReportTurn({ on: () => {} }, 0, [0])).toThrow(
      'handshake.order: nobody keeps the order of an engine that was started by hand',
    );
  });
});
