import { beforeEach, describe, expect, it } from 'vitest';
import { FaultPoints } from '../../../../src/engine-core/faults/fault-points.ts';
import { Request } from '../../../../src/engine-core/scheduler/request.ts';
import { createTestRequest } from '../../../support/engine.ts';
import { noTargets } from '../../../support/fault-points.ts';

describe('the fault points of an engine', () => {
  let points: FaultPoints;
  let factors: number[];
  let shares: number[];
  let changes: string[];
  let numFills = 0;

  beforeEach(() => {
    factors = [];
    shares = [];
    changes = [];
    const [, process] = noTargets();
    const targets = {
      setSlowFactor: (factor: number) => factors.push(factor),
      setReservedShare: (share: number) => shares.push(share),
      fillReservation: () => {
        numFills += 1;
      },
      preempt: () => {},
    };
    numFills = 0;
    points = new FaultPoints(targets, process);
    points.onChange = (what) => changes.push(what);
  });

  it('hang until the last of several hangs ends', () => {
    const first = points.hang();
    const second = points.hang();
    first();
    expect(points.isHung).toBe(true);
    second();
    expect(points.isHung).toBe(false);
    expect(changes).toEqual(['hang', 'hang', 'hang', 'hang']);
  });

  it('slow steps down by the product of what is active', () => {
    const ten = points.slowDown(10);
    const half = points.slowDown(0.5);
    ten();
    half();
    expect(factors).toEqual([10, 5, 0.5, 1]);
  });

  it('reserve the sum of what is active, all blocks at most, and say so', () => {
    points.fillReservation();
    expect(numFills).toBe(0);
    const most = points.reserveBlocks(0.75);
    const half = points.reserveBlocks(0.5);
    points.fillReservation();
    expect(numFills).toBe(1);
    most();
    half();
    expect(shares).toEqual([0.75, 1, 0.5, 0]);
    points.fillReservation();
    expect(numFills).toBe(1);
    expect(changes).toEqual(['blocks', 'blocks', 'blocks', 'blocks']);
  });

  it('end one of two equal faults, not both', () => {
    const first = points.slowDown(2);
    points.slowDown(2);
    first();
    expect(factors.at(-1)).toBe(2);
  });

  it('tell of requests until nobody listens, and check those that are sampled', () => {
    const request = new Request(createTestRequest({ requestId: 'a' }));
    const heard: string[] = [];
    const stop = points.onRequest(({ requestId }) => heard.push(requestId));
    points.requestTaken(request);
    stop();
    points.requestTaken(request);
    expect(heard).toEqual(['a']);
    points.beforeSampling(request, () => heard.push('first'));
    points.beforeSampling(request, () => heard.push('second'));
    points.checkSampling([request, undefined], 2);
    points.checkSampling([request], 0);
    expect(heard).toEqual(['a', 'first', 'second']);
  });

  it('change messages of one direction each', () => {
    const end = points.onWire('to-engine', { change: () => null });
    expect(points.wire['to-engine'].isAny).toBe(true);
    expect(points.wire['from-engine'].isAny).toBe(false);
    end();
    expect(points.wire['to-engine'].isAny).toBe(false);
  });
});
