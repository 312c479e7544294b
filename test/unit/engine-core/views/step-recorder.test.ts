import { describe, expect, it } from 'vitest';
import {
  MAX_ANSWERED_ENTRIES,
  MAX_KEPT_ENTRIES,
  MAX_STEPS,
  StepRecorder,
} from '../../../../src/engine-core/views/step-recorder.ts';
import { SchedulerBench, type SchedulerBenchOptions } from '../../../support/scheduler.ts';

function watched(options: SchedulerBenchOptions = {}) {
  const bench = new SchedulerBench(options);
  const { state } = bench.scheduler;
  const recorder = new StepRecorder(state, () => true);
  state.observer = recorder;
  let nowMs = 0;
  const step = (): void => {
    const output = bench.schedule();
    recorder.stepScheduled(output, nowMs, nowMs + 10);
    nowMs += 10;
    const numFinished = state.finishedReqIds.length;
    // As the engine core: what it learns is taken before the output is given back.
    bench.update(output);
    recorder.stepFinished(output, state.finishedReqIds.slice(numFinished));
  };
  return { bench, recorder, step };
}

describe('a recorded step', () => {
  it('tells prefill from decode', () => {
    const { bench, recorder, step } = watched({ maxNumBatchedTokens: 30 });
    bench.add('a', { numPromptTokens: 20, sampling: { maxTokens: 2, ignoreEos: true } });
    bench.add('b', { numPromptTokens: 20, sampling: { maxTokens: 2, ignoreEos: true } });
    for (let i = 0; i < 3; i++) step();
    const [first, second, third] = recorder.since(0);
    expect(first).toMatchObject({
      step: 1,
      start_ms: 0,
      end_ms: 10,
      total_tokens: 30,
      num_running: 2,
      num_waiting: 0,
      finished: [],
      preempted: [],
    });
    expect(first?.scheduled).toEqual([
      { request_id: 'a', num_tokens: 20, num_computed_tokens: 0, num_prefill_tokens: 20 },
      { request_id: 'b', num_tokens: 10, num_computed_tokens: 0, num_prefill_tokens: 10 },
    ]);
    expect(second?.scheduled).toEqual([
      { request_id: 'a', num_tokens: 1, num_computed_tokens: 20, num_prefill_tokens: 0 },
      { request_id: 'b', num_tokens: 10, num_computed_tokens: 10, num_prefill_tokens: 10 },
    ]);
    expect(second?.finished).toEqual(['a']);
    expect(third?.scheduled).toEqual([
      { request_id: 'b', num_tokens: 1, num_computed_tokens: 20, num_prefill_tokens: 0 },
    ]);
    expect(third?.finished).toEqual(['b']);
  });

  it('names who was preempted, and computes again what was output as prefill', () => {
    const { bench, recorder, step } = watched({
      numBlocks: 5,
      maxNumBatchedTokens: 200,
      enableCaching: false,
    });
    bench.add('a', { numPromptTokens: 32, sampling: { maxTokens: 2, ignoreEos: true } });
    bench.add('b', { numPromptTokens: 32, sampling: { maxTokens: 3, ignoreEos: true } });
    for (let i = 0; i < 3; i++) step();
    const steps = recorder.since(0);
    expect(steps[1]).toMatchObject({ preempted: ['b'], num_running: 1, num_waiting: 1 });
    expect(steps[1]?.waiting.map(({ request_id, why }) => [request_id, why])).toEqual([
      ['b', 'preemption'],
    ]);
    // 32 tokens of the prompt and one that was sampled: the last one makes the next.
    expect(steps[2]?.scheduled).toEqual([
      { request_id: 'b', num_tokens: 33, num_computed_tokens: 0, num_prefill_tokens: 32 },
    ]);
  });

  it('counts a prefix hit as computed', () => {
    const { bench, recorder, step } = watched();
    const promptTokenIds = Array.from({ length: 40 }, (_, i) => i);
    bench.add('a', { promptTokenIds });
    step();
    bench.add('b', { promptTokenIds });
    step();
    expect(recorder.since(1)[0]?.scheduled[1]).toEqual({
      request_id: 'b',
      num_tokens: 8,
      num_computed_tokens: 32,
      num_prefill_tokens: 8,
    });
  });

  it('is there once it has ended', () => {
    const { bench, recorder } = watched();
    bench.add('a');
    const output = bench.schedule();
    recorder.stepScheduled(output, 0, 10);
    expect(recorder.since(0)).toEqual([]);
    recorder.stepFinished(output, []);
    expect(recorder.since(0)).toHaveLength(1);
  });

  it('is left out where nothing was planned', () => {
    const { recorder, step } = watched();
    step();
    expect(recorder.since(0)).toEqual([]);
  });
});

describe('recorded steps', () => {
  it(`are the last ${MAX_STEPS}, told from where one asks on`, () => {
    const { bench, recorder, step } = watched({ maxModelLen: 4096, numBlocks: 300 });
    bench.add('a', { sampling: { maxTokens: 1000, ignoreEos: true } });
    for (let i = 0; i < MAX_STEPS + 10; i++) step();
    const steps = recorder.since(0);
    expect(steps).toHaveLength(MAX_STEPS);
    expect(steps[0]?.step).toBe(11);
    expect(recorder.since(MAX_STEPS + 8).map((view) => view.step)).toEqual([521, 522]);
  });

  it('take a bounded place, and a bounded answer, whatever the batches', () => {
    const { bench, recorder, step } = watched({
      maxNumSeqs: 1000,
      maxNumBatchedTokens: 4000,
      numBlocks: 20_000,
      maxModelLen: 1024,
    });
    for (let i = 0; i < 1000; i++)
      bench.add(`request-${i}`, {
        numPromptTokens: 4,
        sampling: { maxTokens: 900, ignoreEos: true },
      });
    for (let i = 0; i < 130; i++) step();
    const all: number[] = [];
    for (;;) {
      const answer = recorder.since(all.at(-1) ?? 0);
      if (answer.length === 0) break;
      expect(answer.length).toBeLessThanOrEqual(MAX_ANSWERED_ENTRIES / 1000);
      all.push(...answer.map((view) => view.step));
    }
    expect(all).toHaveLength(MAX_KEPT_ENTRIES / 1000);
    expect(all.at(-1)).toBe(130);
  });

  it('forget what is under way when nobody looks any more', () => {
    const { bench, recorder } = watched();
    bench.add('a');
    const output = bench.schedule();
    recorder.stepScheduled(output, 0, 10);
    recorder.stop();
    recorder.stepFinished(output, []);
    expect(recorder.since(0)).toEqual([]);
    expect(recorder.lastReasons.size).toBe(0);
  });
});
