import { beforeEach, describe, expect, it } from 'vitest';
import { WireFaults } from '../../../src/engine-core/faults/wire-faults.ts';
import {
  MAX_WAITING_BYTES,
  MAX_WAITING_MESSAGES,
  WireLane,
} from '../../../src/engine-core/wire-lane.ts';
import { ManualTime } from '../../support/manual-time.ts';

describe('a lane of messages', () => {
  let faults: WireFaults;
  let time: ManualTime;
  let lane: WireLane;
  let got: string[];
  beforeEach(() => {
    faults = new WireFaults();
    time = new ManualTime();
    lane = new WireLane({ faults, clock: time, timers: time });
    got = [];
  });

  const pass = (...texts: readonly string[]): void => {
    for (const text of texts)
      lane.pass([Buffer.from(text)], (frames) => got.push(frames.map(String).join('|')));
  };

  it('hands on at once what no fault changes', () => {
    expect(lane.isClear).toBe(true);
    pass('a', 'b');
    expect(got).toEqual(['a', 'b']);
    expect(time.numDue).toBe(0);
  });

  it('delays each by as much as was asked for when it came', () => {
    faults.add({ delayMs: 100 });
    pass('a');
    time.advance(60);
    pass('b');
    time.advance(40);
    expect(got).toEqual(['a']);
    time.advance(59);
    expect(got).toEqual(['a']);
    time.advance(1);
    expect(got).toEqual(['a', 'b']);
    expect(time.numDue).toBe(0);
  });

  it('keeps the order where a longer delay gives way to a shorter one', () => {
    const end = faults.add({ delayMs: 100 });
    faults.add({ delayMs: 10 });
    pass('a');
    end();
    pass('b');
    time.advance(109);
    expect(got).toEqual([]);
    time.advance(1);
    expect(got).toEqual(['a', 'b']);
  });

  it('hands on what waits as soon as nothing is delayed any more, and all of it when it is closed', () => {
    const end = faults.add({ delayMs: 100 });
    pass('a', 'b');
    expect(lane.isClear).toBe(false);
    end();
    expect(got).toEqual(['a', 'b']);
    expect(lane.isClear).toBe(true);
    expect(time.numDue).toBe(0);
    faults.add({ delayMs: 100 });
    pass('c');
    lane.flush();
    expect(got).toEqual(['a', 'b', 'c']);
  });

  it('loses and changes messages in the order in which the faults began', () => {
    faults.add({ change: (frames) => (String(frames[0]) === 'b' ? null : frames) });
    faults.add({ change: (frames) => [...frames, Buffer.from('!')] });
    pass('a', 'b', 'c');
    expect(got).toEqual(['a|!', 'c|!']);
  });

  it('lets the oldest go early where too many wait', () => {
    faults.add({ delayMs: 1_000 });
    pass(...Array.from({ length: MAX_WAITING_MESSAGES + 2 }, (_, i) => `${i}`));
    expect(got).toEqual(['0', '1']);
  });

  it('lets the oldest go early where they are too large', () => {
    faults.add({ delayMs: 1_000 });
    const sizes: number[] = [];
    for (const size of [MAX_WAITING_BYTES / 2, MAX_WAITING_BYTES / 2, 1])
      lane.pass([Buffer.alloc(size)], ([frame]) => sizes.push(frame?.length ?? 0));
    expect(sizes).toEqual([MAX_WAITING_BYTES / 2]);
  });
});
