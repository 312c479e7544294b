import { beforeEach, describe, expect, it } from 'vitest';
import { ProcessFaults } from '../../../../src/frontend/faults/process-faults.ts';
import { IMMEDIATE_TIMERS } from '../../../support/immediate-timers.ts';

describe('faults at the processes beside the engines', () => {
  let signals: (readonly [number, string])[];
  beforeEach(() => {
    signals = [];
  });

  const faults = (coordinator: number | null, apiServers: readonly number[]): ProcessFaults =>
    new ProcessFaults({
      coordinatorPid: () => coordinator,
      apiServerPids: () => apiServers,
      kill: (pid) => signals.push([pid, 'SIGKILL']),
      stop: (pid) => {
        signals.push([pid, 'SIGSTOP']);
        return () => signals.push([pid, 'SIGCONT']);
      },
      timers: IMMEDIATE_TIMERS,
    });

  it.each([
    ['coordinator.kill', {}, 7],
    ['api-server.kill', { index: 1 }, 9],
  ])('%s kills it, and there is nothing to end', async (fault, parameters, pid) => {
    const begun = faults(7, [8, 9]).begin(fault, parameters);
    if (begun.isOk) await begun.value();
    expect(signals).toEqual([[pid, 'SIGKILL']]);
  });

  it.each([
    ['coordinator.hang', {}, 7],
    ['api-server.hang', { index: 0 }, 8],
  ])('%s stops it, and lets it go on at its end', async (fault, parameters, pid) => {
    const begun = faults(7, [8, 9]).begin(fault, parameters);
    expect(signals).toEqual([[pid, 'SIGSTOP']]);
    if (begun.isOk) await begun.value();
    expect(signals.at(-1)).toEqual([pid, 'SIGCONT']);
  });

  it('are refused where there is no such process, with what would give one', () => {
    expect(faults(null, []).begin('coordinator.hang', {})).toMatchObject({
      isOk: false,
      status: 409,
      message: expect.stringContaining('--data-parallel-size above 1'),
    });
    expect(faults(7, []).begin('api-server.hang', { index: 0 })).toMatchObject({
      isOk: false,
      status: 409,
      message: expect.stringContaining('--api-server-count of at least 2'),
    });
    expect(faults(7, [8, 9]).begin('api-server.kill', { index: 2 })).toEqual({
      isOk: false,
      status: 400,
      message: 'api-server.kill: index is 2, not a whole number from 0 to 1',
      param: 'index',
      allowed: 'a whole number from 0 to 1',
    });
    expect(signals).toEqual([]);
  });
});
