import { describe, expect, it } from 'vitest';
import {
  describeCell,
  type LaneCell,
  lanePath,
  MAX_LANES,
  MAX_STEPS_KEPT,
  mergeSteps,
  stepWindow,
  timelineOf,
  tokensOf,
} from '../../../../src/page/scheduler/timeline.ts';
import type { StepView } from '../../../../src/shared/twin-api/engine-views.ts';

function stepOf(step: number, given: Partial<StepView> = {}): StepView {
  return {
    step,
    start_ms: step * 10,
    end_ms: step * 10 + 8,
    scheduled: [],
    total_tokens: 0,
    preempted: [],
    finished: [],
    num_running: 0,
    num_waiting: 0,
    kv_cache_usage: 0,
    waiting: [],
    ...given,
  };
}

const part = (request_id: string, num_tokens: number, num_prefill_tokens: number) => ({
  request_id,
  num_tokens,
  num_prefill_tokens,
  num_computed_tokens: 0,
});
const waits = (request_id: string) => ({ request_id, why: 'token_budget', text: 'no tokens left' });
const IDLE: LaneCell = {
  prefillTokens: 0,
  decodeTokens: 0,
  isWaiting: false,
  isPreempted: false,
  isFinished: false,
};

describe('the kept steps', () => {
  it('grow at their end, and take no step twice', () => {
    const kept = mergeSteps([], [stepOf(1), stepOf(2)]);
    expect(mergeSteps(kept, [stepOf(2), stepOf(3)]).map(({ step }) => step)).toEqual([1, 2, 3]);
    expect(mergeSteps(kept, [stepOf(2)])).toBe(kept);
  });

  it('are bounded', () => {
    const many = Array.from({ length: MAX_STEPS_KEPT + 5 }, (_, at) => stepOf(at + 1));
    const kept = mergeSteps([], many);
    expect(kept).toHaveLength(MAX_STEPS_KEPT);
    expect(kept[0]?.step).toBe(6);
  });
});

describe('the window of steps', () => {
  const steps = [1, 2, 3, 4, 5].map((step) => stepOf(step));
  const numbers = (columns: number, end: number | null) =>
    stepWindow(steps, columns, end).map(({ step }) => step);

  it('follows the newest', () => {
    expect(numbers(2, null)).toEqual([4, 5]);
  });

  it('stands at a step, full where it can be', () => {
    expect(numbers(2, 4)).toEqual([3, 4]);
    expect(numbers(3, 1)).toEqual([1, 2, 3]);
    expect(numbers(9, 2)).toEqual([1, 2, 3, 4, 5]);
  });
});

describe('the timeline', () => {
  it('has a lane for each request with what it got in each step', () => {
    const { lanes } = timelineOf([
      stepOf(1, { scheduled: [part('a', 100, 100)], waiting: [waits('b')] }),
      stepOf(2, { scheduled: [part('a', 1, 0), part('b', 50, 50)], preempted: ['c'] }),
      stepOf(3, { scheduled: [part('a', 1, 0)], finished: ['a'] }),
    ]);
    expect(lanes.map(({ requestId }) => requestId)).toEqual(['a', 'b', 'c']);
    expect(lanes[0]?.cells).toEqual([
      { ...IDLE, prefillTokens: 100 },
      { ...IDLE, decodeTokens: 1 },
      { ...IDLE, decodeTokens: 1, isFinished: true },
    ]);
    expect(lanes[1]?.cells).toEqual([
      { ...IDLE, isWaiting: true },
      { ...IDLE, prefillTokens: 50 },
      null,
    ]);
    expect(lanes[2]?.cells).toEqual([null, { ...IDLE, isPreempted: true }, null]);
  });

  it('says how many lanes it leaves out', () => {
    const scheduled = Array.from({ length: MAX_LANES + 3 }, (_, at) => part(`r${at}`, 1, 0));
    const { lanes, numLanesLeftOut } = timelineOf([stepOf(1, { scheduled })]);
    expect(lanes).toHaveLength(MAX_LANES);
    expect(lanes[0]?.requestId).toBe('r3');
    expect(numLanesLeftOut).toBe(3);
  });

  it('splits the tokens of a step into prefill and decode', () => {
    const step = stepOf(1, {
      scheduled: [part('a', 100, 100), part('b', 1, 0)],
      total_tokens: 101,
    });
    expect(tokensOf(step)).toEqual({ prefill: 100, decode: 1 });
  });
});

describe('a lane', () => {
  const size = { width: 10, height: 8, gap: 2 };
  const lane = {
    requestId: 'a',
    cells: [
      { ...IDLE, isWaiting: true },
      { ...IDLE, prefillTokens: 4 },
      { ...IDLE, prefillTokens: 4, decodeTokens: 1 },
      null,
    ],
  };

  it('is drawn as one path a kind', () => {
    expect(lanePath(lane, 'waiting', size)).toBe('M0 3h10v2h-10z');
    expect(lanePath(lane, 'prefill', size)).toBe('M11 0h8v8h-8zM21 0h8v4h-8z');
    expect(lanePath(lane, 'decode', size)).toBe('M21 4h8v4h-8z');
  });

  it('is told in words', () => {
    expect(describeCell({ ...IDLE, prefillTokens: 8192 })).toBe('8,192 prefill');
    expect(describeCell({ ...IDLE, isPreempted: true, isWaiting: true })).toBe('preempted');
    expect(describeCell({ ...IDLE, decodeTokens: 1, isFinished: true })).toBe('1 decode, finished');
  });
});
