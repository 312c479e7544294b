import { beforeEach, describe, expect, it } from 'vitest';
import {
  EngineFaults,
  MAX_ENGINE_FAULTS,
} from '../../../../src/engine-core/faults/engine-faults.ts';
import { FaultError } from '../../../../src/engine-core/faults/fault-error.ts';
import { FaultPoints } from '../../../../src/engine-core/faults/fault-points.ts';
import type { ScheduledFault } from '../../../../src/shared/faults/scheduled-fault.ts';
import { noTargets } from '../../../support/fault-points.ts';
import { injectionOf } from '../../../support/faulty-start.ts';
import { ManualTime } from '../../../support/manual-time.ts';

const plan = (
  ...steps: readonly (readonly [number | null, Readonly<Record<string, unknown>>])[]
): ScheduledFault[] => steps.map(([atMs, given]) => ({ atMs, injection: injectionOf(given) }));

describe('the faults of an engine', () => {
  let points: FaultPoints;
  let time: ManualTime;
  let said: string[];
  let preempted: number[];
  let faults: EngineFaults;
  beforeEach(() => {
    preempted = [];
    const [targets, process] = noTargets();
    points = new FaultPoints({ ...targets, preempt: (count) => preempted.push(count) }, process);
    time = new ManualTime();
    said = [];
    const logger = { info: (text: unknown) => said.push(String(text)) };
    faults = new EngineFaults({ host: points, timers: time, logger } as never);
  });

  const hang = (forMs: number | null) => ({ fault: 'engine.hang', forMs, parameters: {} });

  it('last until they are ended by their handle', () => {
    faults.inject('f1', hang(null));
    expect(points.isHung).toBe(true);
    expect(faults.clear('f2')).toBe(false);
    expect(faults.clear('f1')).toBe(true);
    expect(points.isHung).toBe(false);
    expect(faults.clear('f1')).toBe(false);
    expect(said).toEqual([]);
  });

  it('end by their time, unless they were ended before', () => {
    faults.inject('f1', hang(100));
    time.advance(99);
    expect(points.isHung).toBe(true);
    time.advance(1);
    expect(points.isHung).toBe(false);
    faults.inject('f1', hang(100));
    faults.clear('f1');
    expect(time.numDue).toBe(0);
  });

  it('are over at once where they are momentary: their handle is free', () => {
    const preempt = { fault: 'engine.preempt', forMs: null, parameters: { count: 3 } };
    faults.inject('f1', preempt);
    faults.inject('f1', preempt);
    expect(preempted).toEqual([3, 3]);
    expect(faults.clear('f1')).toBe(false);
  });

  it('are refused, and change nothing, where they are not known, not right, or one too many', () => {
    const refusal = (handle: string, fault: string, parameters = {}): unknown => {
      try {
        faults.inject(handle, { fault, forMs: null, parameters });
        return null;
      } catch (error) {
        expect(error).toBeInstanceOf(FaultError);
        return (error as Error).message;
      }
    };
    expect(refusal('f1', 'handshake.order')).toBe('a running engine has no fault handshake.order');
    expect(refusal('f1', 'http.error')).toBe('a running engine has no fault http.error');
    expect(refusal('f1', 'engine.slow', { factor: 0 })).toBe(
      'engine.slow: factor is 0, not a number from 0.01 to 1000',
    );
    expect(points.isHung).toBe(false);
    expect(refusal('f1', 'engine.hang')).toBeNull();
    expect(refusal('f1', 'engine.hang')).toBe('the handle f1 is in use');
    for (let i = 1; i < MAX_ENGINE_FAULTS; i += 1) faults.inject(`g${i}`, hang(null));
    expect(refusal('h', 'engine.hang')).toBe('1000 faults are active: end some of them first');
    faults.close();
    expect(points.isHung).toBe(false);
  });

  it('follow a plan of their own, and say when each begins and ends', () => {
    const start = { fault: 'handshake.late-ready' };
    faults.follow(
      plan(
        [null, start],
        [10, { fault: 'engine.hang', for: '20ms' }],
        [15, { fault: 'engine.preempt', count: 2 }],
        [40, start],
      ),
    );
    time.advance(9);
    expect(said).toEqual([]);
    time.advance(1);
    expect(points.isHung).toBe(true);
    time.advance(5);
    expect(preempted).toEqual([2]);
    time.advance(100);
    expect(points.isHung).toBe(false);
    expect(said).toEqual([
      'Fault engine.hang begins, for 20 ms (by the scenario)',
      'Fault engine.preempt begins (by the scenario)',
      'Fault engine.hang ends (by the scenario)',
      'Fault handshake.late-ready begins (by the scenario)',
      'Fault handshake.late-ready is refused: a running engine has no fault handshake.late-ready',
    ]);
  });

  it('end with the engine, those that are planned too', () => {
    faults.follow(plan([10, { fault: 'engine.hang' }], [20, { fault: 'engine.preempt' }]));
    time.advance(10);
    expect(points.isHung).toBe(true);
    faults.close();
    expect(points.isHung).toBe(false);
    expect(time.numDue).toBe(0);
  });

  it('change messages on the wire, in the directions that are meant', () => {
    const wires = () => [points.wire['to-engine'], points.wire['from-engine']] as const;
    const drop = { every: 2, direction: 'both' };
    faults.inject('f1', { fault: 'wire.drop', forMs: null, parameters: drop });
    const message = [Buffer.from('a')];
    for (const wire of wires()) {
      expect(wire.change(message)).toBe(message);
      expect(wire.change(message)).toBeNull();
    }
    faults.clear('f1');
    faults.inject('f2', { fault: 'wire.delay', forMs: null, parameters: { delay: 30 } });
    faults.inject('f3', {
      fault: 'wire.delay',
      forMs: null,
      parameters: { delay: 12, direction: 'to-engine' },
    });
    expect(wires().map(({ delayMs }) => delayMs)).toEqual([42, 30]);
    const garbage = { every: 1, bytes: 3, seed: 7 };
    faults.inject('f4', { fault: 'wire.garbage', forMs: null, parameters: garbage });
    expect(wires()[0].change(message)).toBe(message);
    const [first] = wires()[1].change(message) ?? [];
    const [second] = wires()[1].change(message) ?? [];
    expect(first).toHaveLength(3);
    expect(first).not.toEqual(second);
    faults.close();
    expect(wires().map(({ isAny }) => isAny)).toEqual([false, false]);
  });
});
