import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  ENDING_METHOD,
  EngineInquiry,
  INQUIRY_TIMEOUT_MS,
  MAX_CALLS_UNDER_WAY,
  STRANGER_RETRY_MS,
} from '../../../../src/frontend/twin/engine-inquiry.ts';
import { VirtualClock } from '../../../../src/shared/clock.ts';
import { ServerError } from '../../../../src/shared/errors.ts';

const STRANGE =
  "Call to vllm_twin_about method failed: 'EngineCoreProc' object has no attribute 'vllm_twin_about'";

describe('asking engines', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('gives what the engine says, and knows it then', async () => {
    const inquiry = new EngineInquiry(
      async (rank, method, args) => ({ rank, method, args }),
      new VirtualClock(),
    );
    expect(inquiry.isTwin(1)).toBeNull();
    const answer = await inquiry.ask(1, 'vllm_twin_block', [7]);
    expect(answer).toEqual({
      isOk: true,
      value: { rank: 1, method: 'vllm_twin_block', args: [7] },
    });
    expect(inquiry.isTwin(1)).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('leaves an engine of vLLM alone for a while, and others not', async () => {
    const clock = new VirtualClock();
    const asked: number[] = [];
    const inquiry = new EngineInquiry(async (rank) => {
      asked.push(rank);
      if (rank === 0) throw new Error(STRANGE);
      return {};
    }, clock);
    for (let i = 0; i < 3; i++) {
      const answer = await inquiry.ask(0, 'vllm_twin_about', []);
      expect(answer).toMatchObject({ isOk: false, status: 501 });
    }
    expect((await inquiry.ask(1, 'vllm_twin_about', [])).isOk).toBe(true);
    expect(asked).toEqual([0, 1]);
    expect(inquiry.isTwin(0)).toBe(false);
    clock.advance(STRANGER_RETRY_MS);
    await inquiry.ask(0, 'vllm_twin_about', []);
    expect(asked).toEqual([0, 1, 0]);
  });

  it("passes an engine's refusal on in its own words", async () => {
    const inquiry = new EngineInquiry(async () => {
      throw new Error('block 7: expected a block id from 0 to 3');
    }, new VirtualClock());
    expect(await inquiry.ask(0, 'vllm_twin_block', [7])).toEqual({
      isOk: false,
      status: 400,
      message: 'block 7: expected a block id from 0 to 3',
    });
  });

  it('waits once for an engine that hangs, and asks it again when it has gone on', async () => {
    const ends: (() => void)[] = [];
    const inquiry = new EngineInquiry(
      () => new Promise((resolve) => ends.push(() => resolve('gone on'))),
      new VirtualClock(),
    );
    const first = inquiry.ask(0, 'vllm_twin_about', []);
    await vi.advanceTimersByTimeAsync(INQUIRY_TIMEOUT_MS);
    expect(await first).toMatchObject({ isOk: false, status: 503 });
    expect(await inquiry.ask(0, 'vllm_twin_about', [])).toMatchObject({ status: 503 });
    expect(ends).toHaveLength(1);
    ends[0]?.();
    await vi.advanceTimersByTimeAsync(0);
    const again = inquiry.ask(0, 'vllm_twin_about', []);
    ends[1]?.();
    expect(await again).toEqual({ isOk: true, value: 'gone on' });
  });

  it('takes the end of an engine for no refusal', async () => {
    const inquiry = new EngineInquiry(async () => {
      throw new ServerError('E_ENGINE_DEAD', 'EngineCore encountered an issue');
    }, new VirtualClock());
    expect(await inquiry.ask(0, 'vllm_twin_about', [])).toMatchObject({ status: 503 });
  });

  it('does not wait for an engine that hangs, and asks it no more than a few times', async () => {
    let numCalls = 0;
    const inquiry = new EngineInquiry(() => {
      numCalls += 1;
      return new Promise(() => {});
    }, new VirtualClock());
    const answers = Array.from({ length: MAX_CALLS_UNDER_WAY + 5 }, () =>
      inquiry.ask(0, 'vllm_twin_about', []),
    );
    await vi.advanceTimersByTimeAsync(INQUIRY_TIMEOUT_MS);
    for (const answer of await Promise.all(answers))
      expect(answer).toMatchObject({ isOk: false, status: 503 });
    expect(numCalls).toBe(MAX_CALLS_UNDER_WAY);
  });

  it('tells every engine the end of a fault, one that is busy or hangs too', async () => {
    const asked: string[] = [];
    const inquiry = new EngineInquiry((_rank, method) => {
      asked.push(method);
      return new Promise(() => {});
    }, new VirtualClock());
    for (let i = 0; i < MAX_CALLS_UNDER_WAY; i++) void inquiry.ask(0, 'vllm_twin_about', []);
    const many = MAX_CALLS_UNDER_WAY * 3;
    for (let i = 0; i < many; i++) void inquiry.ask(0, 'vllm_twin_inject', []);
    for (let i = 0; i < many; i++) void inquiry.ask(0, ENDING_METHOD, [`f${i}`]);
    await vi.advanceTimersByTimeAsync(INQUIRY_TIMEOUT_MS);
    void inquiry.ask(0, 'vllm_twin_inject', []);
    void inquiry.ask(0, ENDING_METHOD, ['last']);
    expect(asked.filter((method) => method === ENDING_METHOD)).toHaveLength(many + 1);
    expect(asked.filter((method) => method === 'vllm_twin_inject')).toHaveLength(many);
    expect(asked.at(-1)).toBe(ENDING_METHOD);
  });
});
