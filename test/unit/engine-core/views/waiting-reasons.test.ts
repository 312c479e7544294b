import { describe, expect, it } from 'vitest';
import { RequestStatus } from '../../../../src/engine-core/scheduler/request-status.ts';
import { PauseState } from '../../../../src/engine-core/scheduler/scheduler-state.ts';
import { StepRecorder } from '../../../../src/engine-core/views/step-recorder.ts';
import { MAX_REASONS, waitingNow } from '../../../../src/engine-core/views/waiting-reasons.ts';
import type { WaitingView } from '../../../../src/shared/twin-api/engine-views.ts';
import { createLoRARequest } from '../../../support/kv-cache.ts';
import { SchedulerBench, type SchedulerBenchOptions } from '../../../support/scheduler.ts';

const lora = (id: number) => createLoRARequest([`lora${id}`, id, '/lora']);

/** A real scheduler with somebody who looks. */
class Watched extends SchedulerBench {
  readonly recorder: StepRecorder;

  constructor(options: SchedulerBenchOptions = {}) {
    super(options);
    this.recorder = new StepRecorder(this.scheduler.state, () => true);
    this.scheduler.state.observer = this.recorder;
  }

  /** Plans a step as the engine core does, and leaves it under way. */
  plan(options: { throttlePrefills?: boolean } = {}) {
    const output = this.schedule(options);
    this.recorder.stepScheduled(output, 0, 1);
    return output;
  }

  run(options: { throttlePrefills?: boolean } = {}): void {
    this.update(this.plan(options));
  }

  get why(): Readonly<Record<string, string>> {
    return Object.fromEntries([...this.recorder.lastReasons].map(([id, { why }]) => [id, why]));
  }

  textOf(requestId: string): string {
    return this.recorder.lastReasons.get(requestId)?.text ?? '';
  }

  now(isHeld = false): Readonly<Record<string, WaitingView>> {
    const views = waitingNow(this.scheduler.state, this.recorder.lastReasons, isHeld);
    return Object.fromEntries(views.map((view) => [view.request_id, view]));
  }
}

describe('a request waits because', () => {
  it('as many run as max_num_seqs allows', () => {
    const bench = new Watched({ maxNumSeqs: 2 });
    for (const id of ['a', 'b', 'c', 'd']) bench.add(id);
    bench.run();
    expect(bench.why).toEqual({ c: 'max_num_seqs', d: 'max_num_seqs' });
    expect(bench.textOf('c')).toBe('2 requests run, and max_num_seqs allows 2');
    expect(bench.now()['d']?.why).toBe('max_num_seqs');
  });

  it('the tokens of the step are used up', () => {
    const bench = new Watched({ maxNumBatchedTokens: 50 });
    bench.add('a', { numPromptTokens: 30 });
    bench.add('b', { numPromptTokens: 40 });
    bench.add('c');
    bench.run();
    // b runs with a first chunk of 20.
    expect(bench.why).toEqual({ c: 'token_budget' });
    expect(bench.textOf('c')).toContain('the 50 tokens of the step (max_num_batched_tokens)');
  });

  it('its prompt does not fit into what the step has left, without chunked prefill', () => {
    const bench = new Watched({ maxNumBatchedTokens: 50, enableChunkedPrefill: false });
    bench.add('a', { numPromptTokens: 30 });
    bench.add('b', { numPromptTokens: 40 });
    bench.add('c', { numPromptTokens: 5 });
    bench.run();
    expect(bench.why).toEqual({ b: 'token_budget', c: 'behind_another' });
    expect(bench.textOf('b')).toBe(
      'its 40 tokens do not fit into the 20 that the step has left, and chunked prefill is off',
    );
  });

  it('too few KV cache blocks are free, and those behind it wait for it', () => {
    const bench = new Watched({ numBlocks: 9, maxNumBatchedTokens: 200 });
    bench.add('a', { numPromptTokens: 64 });
    bench.add('b', { numPromptTokens: 96 });
    bench.add('c', { numPromptTokens: 4 });
    bench.run();
    expect(bench.why).toEqual({ b: 'kv_cache_blocks', c: 'behind_another' });
    // 8 blocks but the null block, 4 of them hold a's 64 tokens.
    expect(bench.textOf('b')).toBe('it needs 6 KV cache blocks and 4 are free');
    expect(bench.textOf('c')).toBe('request b is in front of it and waits too; none overtakes it');
  });

  it('the watermark is kept free', () => {
    const bench = new Watched({ numBlocks: 21, watermark: 0.2, maxNumBatchedTokens: 400 });
    bench.add('a', { numPromptTokens: 160 });
    bench.add('b', { numPromptTokens: 112 });
    bench.run();
    expect(bench.why).toEqual({ b: 'kv_cache_blocks' });
    expect(bench.textOf('b')).toBe(
      'it needs 7 KV cache blocks and 10 are free, of which 4 are kept free while others run (watermark)',
    );
  });

  it('as many other adapters are in use as max_loras allows, and others overtake it', () => {
    const bench = new Watched({ maxLoras: 1 });
    bench.add('a', { loraRequest: lora(1) });
    bench.add('b', { loraRequest: lora(2) });
    bench.add('c', { loraRequest: lora(1) });
    bench.run();
    expect(bench.why).toEqual({ b: 'max_loras' });
    expect(bench.textOf('b')).toBe('1 other LoRA adapters are in use, and max_loras is 1');
    expect(bench.scheduler.state.running.map(({ requestId }) => requestId)).toEqual(['a', 'c']);
  });

  it('running requests had to give up blocks in this step', () => {
    const bench = new Watched({ numBlocks: 5, maxNumBatchedTokens: 200 });
    bench.add('a', { numPromptTokens: 32 });
    bench.add('b', { numPromptTokens: 32 });
    bench.run();
    // Both need a third block now, and none is left.
    bench.add('c', { numPromptTokens: 4 });
    bench.run();
    expect(bench.why).toEqual({ b: 'preemption', c: 'preemption' });
    expect(bench.textOf('c')).toBe(
      '1 running request had to give up blocks in this step, so none is admitted',
    );
  });

  it('output from before its preemption is still under way', () => {
    const bench = new Watched({
      numBlocks: 5,
      maxNumBatchedTokens: 200,
      asyncScheduling: true,
    });
    bench.add('a', { numPromptTokens: 32 });
    bench.add('b', { numPromptTokens: 32 });
    const first = bench.plan();
    const second = bench.plan();
    expect(bench.why).toEqual({ b: 'preemption' });
    // What b was to say in the first step has not arrived.
    const third = bench.plan();
    expect(bench.why).toEqual({ b: 'stale_output' });
    for (const output of [first, second, third]) bench.update(output);
  });

  it('prefills are held back while others decode', () => {
    const bench = new Watched();
    bench.add('a');
    bench.run();
    bench.add('b');
    bench.run({ throttlePrefills: true });
    expect(bench.why).toEqual({ b: 'prefill_interval' });
  });

  it.each([
    [PauseState.PAUSED_ALL, 'the scheduler is paused: no request is scheduled'],
    [
      PauseState.PAUSED_NEW,
      'the scheduler is paused: running requests go on, and none is admitted',
    ],
  ])('the scheduler is paused (%i)', (pauseState, text) => {
    const bench = new Watched();
    bench.add('a');
    bench.run();
    bench.add('b');
    bench.scheduler.setPauseState(pauseState);
    expect(bench.now()['b']).toEqual({ request_id: 'b', why: 'paused', text });
    bench.run();
    expect(bench.textOf('b')).toBe(text);
  });

  it("the engine's clock is paused", () => {
    const bench = new Watched();
    bench.add('a');
    bench.add('b');
    expect(bench.now(true)['a']?.why).toBe('clock_paused');
    expect(bench.now(true)['b']?.why).toBe('behind_another');
    expect(bench.now(false)['a']?.why).toBe('next_step');
  });
});

describe('reasons', () => {
  it('follow the order of the queue under priority', () => {
    const bench = new Watched({ maxNumSeqs: 1, policy: 'priority' });
    bench.add('late', { priority: 5 });
    bench.add('soon', { priority: 1 });
    bench.add('first', { priority: 0 });
    bench.run();
    expect(Object.keys(bench.why)).toEqual(['soon', 'late']);
  });

  it('are told of a bounded number of requests', () => {
    const bench = new Watched({ maxNumSeqs: 1 });
    for (let i = 0; i < MAX_REASONS + 20; i++) bench.add(`request-${i}`);
    bench.run();
    expect(bench.recorder.lastReasons.size).toBe(MAX_REASONS);
    expect(Object.keys(bench.now())).toHaveLength(MAX_REASONS);
  });

  it('name nobody once all are admitted', () => {
    const bench = new Watched();
    bench.add('a');
    bench.run();
    expect(bench.why).toEqual({});
    expect(bench.now()).toEqual({});
  });

  it('of a place that has become free since are no longer told', () => {
    const bench = new Watched({ maxNumSeqs: 1 });
    bench.add('a');
    bench.add('b');
    bench.run();
    expect(bench.now(true)['b']?.why).toBe('max_num_seqs');
    bench.scheduler.finishRequests(['a'], RequestStatus.FINISHED_ABORTED);
    expect(bench.now(true)['b']?.why).toBe('clock_paused');
    expect(bench.now(false)['b']?.why).toBe('next_step');
  });

  it('of one that came after the last step are those of the next', () => {
    const bench = new Watched({ maxNumBatchedTokens: 20 });
    bench.add('a');
    bench.add('b');
    bench.run();
    bench.add('c');
    expect(bench.now()['b']?.why).toBe('token_budget');
    expect(bench.now()['c']?.why).toBe('behind_another');
  });
});
