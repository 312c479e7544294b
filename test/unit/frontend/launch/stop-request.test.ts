import { EventEmitter } from 'node:events';
import { describe, expect, it } from 'vitest';
import { StopRequest } from '../../../../src/frontend/launch/stop-request.ts';

class Signals extends EventEmitter {
  readonly env: Readonly<Record<string, string | undefined>>;

  constructor(env: Readonly<Record<string, string | undefined>> = {}) {
    super();
    this.env = env;
  }
}

describe('the request to stop', () => {
  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)(
    'is made by the first %s; the second insists with exit code %i',
    async (signal, code) => {
      const signals = new Signals();
      const stop = new StopRequest();
      const exitCodes: number[] = [];
      stop.listenToSignals(signals, (exitCode) => exitCodes.push(exitCode));
      signals.emit(signal);
      expect(await stop.requested).toEqual({ kind: 'signal', signal });
      expect(exitCodes).toEqual([]);
      signals.emit(signal);
      expect(exitCodes).toEqual([code]);
      stop.stopListening();
      expect(signals.eventNames()).toEqual([]);
    },
  );

  it('is not made by a hang-up under nohup', () => {
    const signals = new Signals({ _: '/usr/bin/nohup' });
    const stop = new StopRequest();
    stop.listenToSignals(signals, () => {});
    signals.emit('SIGHUP');
    expect(stop.isRequested).toBe(false);
  });
});
