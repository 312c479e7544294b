import { describe, expect, it } from 'vitest';
import { FaultDesk } from '../../../../src/frontend/faults/fault-desk.ts';
import { ProcessFaults } from '../../../../src/frontend/faults/process-faults.ts';
import { VirtualClock } from '../../../../src/shared/clock.ts';
import { silentLogger } from '../../../../src/shared/logger.ts';

describe('a desk of a server with --disable-log-stats', () => {
  const desk = new FaultDesk({
    clock: new VirtualClock(),
    logger: silentLogger(),
    hasEngineMetrics: false,
    engineRanks: () => [0, 1],
    askEngine: async () => ({ isOk: true, value: null }),
    processes: new ProcessFaults({
      coordinatorPid: () => null,
      apiServerPids: () => [],
      signal: () => {},
      after: () => () => {},
    }),
    onChange: () => {},
    after: () => () => {},
  });

  it('refuses to show figures of engines that nobody sees', async () => {
    const refused = await desk.inject({ fault: 'metrics.hold', engine: 1, value: 0.5 });
    expect(refused).toMatchObject({ isOk: false, status: 409 });
    expect(desk.active).toEqual([]);
  });

  it('takes faults of whole scrapes', async () => {
    expect(await desk.inject({ fault: 'metrics.status' })).toMatchObject({ isOk: true });
  });
});
