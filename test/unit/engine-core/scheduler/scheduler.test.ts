import { describe, expect, it } from 'vitest';
import type { Request } from '../../../../src/engine-core/scheduler/request.ts';
import { RequestStatus } from '../../../../src/engine-core/scheduler/request-status.ts';
import { NO_SAMPLE, ScheduleKind } from '../../../../src/engine-core/scheduler/scheduler-output.ts';
import { PauseState } from '../../../../src/engine-core/scheduler/scheduler-state.ts';
import { EngineCoreEventType } from '../../../../src/shared/protocol/outputs.ts';
import { EOS_TOKEN_ID } from '../../../support/engine.ts';
import { createLoRARequest } from '../../../support/kv-cache.ts';
import { SchedulerBench, scheduledTokens } from '../../../support/scheduler.ts';

const { QUEUED, SCHEDULED, PREEMPTED } = EngineCoreEventType;

describe('a step', () => {
  it('decodes what runs, then admits what waits, in order of arrival', () => {
    const bench = new SchedulerBench();
    bench.add('a');
    bench.add('b', { numPromptTokens: 30 });

    const first = bench.schedule();
    expect(scheduledTokens(first)).toEqual({ a: 20, b: 30 });
    expect([...first.kinds.subarray(0, 2)]).toEqual([ScheduleKind.NEW, ScheduleKind.NEW]);
    bench.update(first);

    bench.add('c');
    const second = bench.schedule();
    expect(Object.entries(scheduledTokens(second))).toEqual([
      ['a', 1],
      ['b', 1],
      ['c', 20],
    ]);
    expect([...second.kinds.subarray(0, 3)]).toEqual([
      ScheduleKind.RUNNING,
      ScheduleKind.RUNNING,
      ScheduleKind.NEW,
    ]);
    expect([...second.numComputedTokens.subarray(0, 3)]).toEqual([20, 30, 0]);
    expect(second.totalNumScheduledTokens).toBe(22);
  });

  it('splits a prompt that is longer than the token budget, and samples with its last chunk', () => {
    const bench = new SchedulerBench({ maxNumBatchedTokens: 64 });
    const request = bench.add('a', { numPromptTokens: 100 });

    const first = bench.schedule();
    expect(scheduledTokens(first)).toEqual({ a: 64 });
    expect(first.samplePositions[0]).toBe(NO_SAMPLE);
    expect(request.isPrefillChunk).toBe(true);
    expect(bench.update(first)).toEqual([]);

    const second = bench.schedule();
    expect(scheduledTokens(second)).toEqual({ a: 36 });
    expect(second.samplePositions[0]).toBe(0);
    expect(request.isPrefillChunk).toBe(false);
    expect(bench.update(second)[0]?.outputs).toMatchObject([{ requestId: 'a' }]);
    expect(bench.schedule().samplePositions[0]).toBe(1);
  });

  it('waits with a prompt that does not fit the rest of the budget where prompts are not split', () => {
    const bench = new SchedulerBench({ maxNumBatchedTokens: 64, enableChunkedPrefill: false });
    bench.add('a', { numPromptTokens: 40 });
    bench.add('b', { numPromptTokens: 40 });
    bench.add('c', { numPromptTokens: 10 });

    expect(bench.step()).toEqual({ a: 40 });
    expect(bench.step()).toEqual({ a: 1, b: 40, c: 10 });
  });

  it('admits no more than max_num_seqs, or max_num_active_seqs', () => {
    const idsWith = (config: { maxNumSeqs?: number; maxNumActiveSeqs?: number }) => {
      const bench = new SchedulerBench(config);
      for (const id of ['a', 'b', 'c']) bench.add(id);
      return Object.keys(bench.step());
    };

    expect(idsWith({ maxNumSeqs: 2 })).toEqual(['a', 'b']);
    expect(idsWith({ maxNumActiveSeqs: 1 })).toEqual(['a']);
  });

  it('schedules no more than max_num_scheduled_tokens where that is less', () => {
    const bench = new SchedulerBench({ maxNumScheduledTokens: 30 });
    bench.add('a', { numPromptTokens: 40 });

    expect(bench.step()).toEqual({ a: 30 });
  });

  it('takes the cached prefix as computed', () => {
    const bench = new SchedulerBench();
    const promptTokenIds = Array.from({ length: 40 }, (_, i) => i);
    bench.add('a', { promptTokenIds });
    bench.step();
    bench.add('b', { promptTokenIds });

    const output = bench.schedule();

    expect(scheduledTokens(output)).toEqual({ a: 1, b: 8 });
    expect(output.numComputedTokens[1]).toBe(32);
    expect(bench.update(output)[0]?.outputs[1]?.prefillStats).toEqual({
      numPromptTokens: 40,
      numComputedTokens: 8,
      numCachedTokens: 32,
      numLocalCachedTokens: 32,
      numExternalCachedTokens: 0,
      numCacheCreationTokens: 0,
    });
  });

  it('tells what finished and who was preempted since the step before, once', () => {
    const bench = new SchedulerBench();
    bench.add('a', { sampling: { maxTokens: 1 } });
    bench.step();

    const output = bench.schedule();
    expect(output.finishedReqIds).toEqual(['a']);
    expect(bench.schedule().finishedReqIds).toEqual([]);
  });

  it('reuses the output of a step that is processed', () => {
    const bench = new SchedulerBench();
    const request = bench.add('a');
    const output = bench.schedule();
    bench.update(output);

    expect(output).toMatchObject({
      numRequests: 0,
      totalNumScheduledTokens: 0,
      preemptedReqIds: [],
      finishedReqIds: [],
      blockCopies: null,
    });
    expect(output.requests[0]).toBeUndefined();
    const next = bench.schedule();
    expect(next).toBe(output);
    expect(next.requests[0]).toBe(request);
    expect(next.newBlocks[0]?.blocks).toEqual([[]]);
  });

  it('does not go beyond the model length', () => {
    const bench = new SchedulerBench({ maxModelLen: 22 });
    bench.add('a', { sampling: { maxTokens: 50, ignoreEos: true } });

    expect([bench.step(), bench.step(), bench.step()]).toEqual([{ a: 20 }, { a: 1 }, {}]);
  });
});

describe('a limit of prefill tokens a request', () => {
  it('holds while others want the budget', () => {
    const bench = new SchedulerBench({ longPrefillTokenThreshold: 10 });
    bench.add('a', { numPromptTokens: 40 });
    bench.add('b', { numPromptTokens: 40 });

    expect(bench.step()).toEqual({ a: 10, b: 10 });
  });

  it('is no limit for one alone', () => {
    const bench = new SchedulerBench({ longPrefillTokenThreshold: 10 });
    bench.add('a', { numPromptTokens: 40 });

    expect(bench.step()).toEqual({ a: 40 });
  });

  it('can grow to a fair share of the budget', () => {
    const bench = new SchedulerBench({
      longPrefillTokenThreshold: 10,
      longPrefillTokenThresholdAdaptive: true,
    });
    for (const id of ['a', 'b', 'c']) bench.add(id, { numPromptTokens: 60 });

    expect(bench.step()).toEqual({ a: 33, b: 33, c: 33 });
    expect(bench.step()).toEqual({ a: 27, b: 27, c: 27 });
  });

  it('does not shrink to it', () => {
    const bench = new SchedulerBench({
      longPrefillTokenThreshold: 40,
      longPrefillTokenThresholdAdaptive: true,
    });
    for (const id of ['a', 'b', 'c']) bench.add(id, { numPromptTokens: 60 });

    expect(bench.step()).toEqual({ a: 40, b: 40, c: 20 });
  });
});

describe('prefills that are held back', () => {
  it('wait while something decodes', () => {
    const bench = new SchedulerBench();
    bench.add('a');
    bench.step();
    bench.add('b');

    expect(bench.step({ throttlePrefills: true })).toEqual({ a: 1 });
    expect(bench.step()).toEqual({ a: 1, b: 20 });
  });

  it('go on where nothing decodes', () => {
    const bench = new SchedulerBench();
    bench.add('a');

    expect(bench.step({ throttlePrefills: true })).toEqual({ a: 20 });
  });

  it('are chunks of running requests too', () => {
    const bench = new SchedulerBench({ maxNumBatchedTokens: 30 });
    bench.add('a');
    bench.add('b', { numPromptTokens: 80 });
    expect(bench.step()).toEqual({ a: 20, b: 10 });
    // What waits beyond a full step is not held back.
    expect(bench.step({ throttlePrefills: true })).toEqual({ a: 1 });
  });

  it('are not those whose prompt is cached but for its last token', () => {
    const bench = new SchedulerBench();
    const promptTokenIds = Array.from({ length: 33 }, (_, i) => i);
    bench.add('a', { promptTokenIds });
    bench.step();
    bench.add('b', { promptTokenIds });

    expect(bench.step({ throttlePrefills: true })).toEqual({ a: 1, b: 1 });
  });

  it('come every so many steps where prefill_schedule_interval says so', () => {
    const bench = new SchedulerBench({ prefillScheduleInterval: 3 });
    const sampling = { maxTokens: 50, ignoreEos: true };
    bench.add('a', { sampling });
    bench.step();
    bench.add('b', { sampling });

    expect(bench.step()).toEqual({ a: 1 });
    expect(bench.step()).toEqual({ a: 1 });
    expect(bench.step()).toEqual({ a: 1, b: 20 });
  });
});

describe('a request that no longer fits', () => {
  it('takes the blocks of the one admitted last, which starts over', () => {
    const bench = new SchedulerBench({ numBlocks: 5, enableCaching: false });
    const sampling = { maxTokens: 50, ignoreEos: true };
    bench.add('a', { numPromptTokens: 31, sampling });
    const b = bench.add('b', { numPromptTokens: 31, sampling });
    bench.step();
    bench.step();
    bench.clock.advance(1500);

    const output = bench.schedule();

    expect(scheduledTokens(output)).toEqual({ a: 1 });
    expect(output.preemptedReqIds).toEqual(['b']);
    expect(b).toMatchObject({
      status: RequestStatus.PREEMPTED,
      numComputedTokens: 0,
      numPreemptions: 1,
    });
    expect(b.takeEvents()).toEqual([{ type: PREEMPTED, timestamp: 1.5 }]);
    expect(bench.scheduler.getRequestCounts()).toEqual({ numRunning: 1, numWaiting: 1 });
    bench.update(output);
    expect(bench.schedule().preemptedReqIds).toEqual([]);
  });

  it('takes those of the least urgent under priority, and that may be its own', () => {
    const bench = new SchedulerBench({ numBlocks: 5, enableCaching: false, policy: 'priority' });
    const sampling = { maxTokens: 50, ignoreEos: true };
    bench.add('late', { numPromptTokens: 31, priority: 5, sampling });
    bench.add('urgent', { numPromptTokens: 31, priority: 1, sampling });
    bench.step();
    bench.step();

    const output = bench.schedule();

    expect(scheduledTokens(output)).toEqual({ urgent: 1 });
    expect(output.preemptedReqIds).toEqual(['late']);
  });

  it('comes back before those that wait longer, with all its tokens as a prompt', () => {
    const bench = new SchedulerBench({ numBlocks: 5, enableCaching: false });
    const sampling = { maxTokens: 3, ignoreEos: true };
    bench.add('a', { numPromptTokens: 31, sampling });
    bench.add('b', { numPromptTokens: 31, sampling });
    bench.add('c', { numPromptTokens: 10, sampling });
    bench.step();
    bench.step();
    bench.step();

    const output = bench.schedule();

    expect(scheduledTokens(output)).toEqual({ b: 33, c: 10 });
    expect(output.kinds[0]).toBe(ScheduleKind.RESUMED);
    expect(bench.update(output)[0]?.outputs[0]).toMatchObject({
      requestId: 'b',
      prefillStats: null,
    });
  });
});

describe('adapters', () => {
  const lora = (id: number) => createLoRARequest([`lora${id}`, id, '/lora']);

  it('run side by side up to max_loras; a request of a further one is passed over', () => {
    const bench = new SchedulerBench({ maxLoras: 1 });
    bench.add('a', { loraRequest: lora(1) });
    bench.add('b', { loraRequest: lora(2) });
    bench.add('c', { loraRequest: lora(1) });
    bench.add('d');

    expect(bench.step()).toEqual({ a: 20, c: 20, d: 20 });
    expect(bench.scheduler.makeStats()).toMatchObject({
      numRunningReqs: 3,
      numWaitingReqs: 0,
      numSkippedWaitingReqs: 1,
    });
  });

  it('count as long as a request with them runs', () => {
    const bench = new SchedulerBench({ maxLoras: 1 });
    bench.add('a', { loraRequest: lora(1), sampling: { maxTokens: 1 } });
    bench.add('b', { loraRequest: lora(2) });

    expect(bench.step()).toEqual({ a: 20 });
    expect(bench.step()).toEqual({ b: 20 });
    expect(bench.scheduler.makeStats()?.numSkippedWaitingReqs).toBe(0);
  });

  it('that were passed over keep their order', () => {
    const bench = new SchedulerBench({ maxLoras: 1 });
    bench.add('a', { loraRequest: lora(1), sampling: { maxTokens: 1 } });
    bench.add('b', { loraRequest: lora(2) });
    bench.add('c', { loraRequest: lora(3) });
    bench.step();

    expect(bench.step()).toEqual({ b: 20 });
  });
});

describe('a pause', () => {
  it('for new requests lets the running ones end', () => {
    const bench = new SchedulerBench();
    bench.add('a');
    bench.step();
    bench.add('b');
    bench.scheduler.setPauseState(PauseState.PAUSED_NEW);

    expect(bench.step()).toEqual({ a: 1 });
    expect(bench.scheduler.numUnfinishedRequests).toBe(1);
    expect(bench.scheduler.pauseState).toBe(PauseState.PAUSED_NEW);
  });

  it('for all stands still', () => {
    const bench = new SchedulerBench();
    bench.add('a');
    bench.step();
    bench.scheduler.setPauseState(PauseState.PAUSED_ALL);

    expect(bench.step()).toEqual({});
    expect(bench.scheduler.numUnfinishedRequests).toBe(0);
    expect(bench.scheduler.hasRequests()).toBe(false);
  });

  it('that ends goes on', () => {
    const bench = new SchedulerBench();
    bench.add('a');
    bench.scheduler.setPauseState(PauseState.PAUSED_ALL);
    bench.step();
    bench.scheduler.setPauseState(PauseState.UNPAUSED);

    expect(bench.scheduler.numUnfinishedRequests).toBe(1);
    expect(bench.step()).toEqual({ a: 20 });
  });
});

describe('ending requests from outside', () => {
  it('takes those that run and those that wait, and skips ids that nobody has', () => {
    const bench = new SchedulerBench({ maxNumSeqs: 1 });
    const a = bench.add('a');
    const b = bench.add('b');
    bench.add('c');
    bench.step();

    const ended = bench.scheduler.finishRequests(
      ['b', 'nobody', 'a', 'a'],
      RequestStatus.FINISHED_ABORTED,
    );

    expect(ended).toEqual([b, a]);
    expect([a.status, b.status]).toEqual([
      RequestStatus.FINISHED_ABORTED,
      RequestStatus.FINISHED_ABORTED,
    ]);
    expect(bench.scheduler.getRequestCounts()).toEqual({ numRunning: 0, numWaiting: 1 });
    expect(bench.kvCacheManager.usage).toBe(0);
    expect(bench.schedule().finishedReqIds).toEqual(['b', 'a']);
  });

  it('takes all where no id is given', () => {
    const bench = new SchedulerBench({ maxNumSeqs: 1 });
    bench.add('a');
    bench.add('b');
    bench.step();

    expect(bench.scheduler.finishRequests(null, RequestStatus.FINISHED_ERROR)).toHaveLength(2);
    expect(bench.scheduler.numUnfinishedRequests).toBe(0);
    expect(bench.scheduler.hasRequests()).toBe(true);
    bench.step();
    expect(bench.scheduler.hasRequests()).toBe(false);
  });

  it('lets a step in flight come back without them', () => {
    const bench = new SchedulerBench();
    bench.add('a');
    bench.add('b');
    const output = bench.schedule();
    bench.scheduler.finishRequests(['a'], RequestStatus.FINISHED_ABORTED);

    expect(bench.update(output)[0]?.outputs).toMatchObject([{ requestId: 'b' }]);
  });

  it('forgets that a waiting request was passed over', () => {
    const bench = new SchedulerBench({ maxLoras: 1 });
    bench.add('a', { loraRequest: createLoRARequest(['x', 1, '/x']) });
    bench.add('b', { loraRequest: createLoRARequest(['y', 2, '/y']) });
    bench.step();

    bench.scheduler.finishRequests(['b'], RequestStatus.FINISHED_ABORTED);

    expect(bench.scheduler.makeStats()).toMatchObject({
      numWaitingReqs: 0,
      numSkippedWaitingReqs: 0,
    });
  });

  it('needs a status that is an end', () => {
    const bench = new SchedulerBench();

    expect(() => bench.scheduler.finishRequests(null, RequestStatus.RUNNING)).toThrow(
      'not a finished status',
    );
  });
});

it('an id runs once at a time', () => {
  const bench = new SchedulerBench();
  bench.add('a');

  expect(() => bench.add('a')).toThrow('duplicate request id');
});

describe('outputs of a step', () => {
  it('are sorted by client, in the order of the batch', () => {
    const bench = new SchedulerBench();
    bench.add('a', { clientIndex: 1 });
    bench.add('b', { clientIndex: 0 });
    bench.add('c', { clientIndex: 1 });

    const batches = bench.update(bench.schedule());

    expect(
      batches.map(({ clientIndex, outputs }) => [
        clientIndex,
        outputs.map(({ requestId }) => requestId),
      ]),
    ).toEqual([
      [1, ['a', 'c']],
      [0, ['b']],
    ]);
  });

  it('have the token, and with the first one what led to it', () => {
    const bench = new SchedulerBench();
    bench.clock.advance(1000);
    bench.add('a', { traceHeaders: { traceparent: 'x' } });
    bench.clock.advance(250);

    const first = bench.update(bench.schedule(), { a: 77 })[0]?.outputs[0];
    expect(first).toMatchObject({
      requestId: 'a',
      newTokenIds: [77],
      newLogprobs: null,
      newPromptLogprobsTensors: null,
      finishReason: null,
      stopReason: null,
      traceHeaders: { traceparent: 'x' },
      events: [
        { type: QUEUED, timestamp: 1 },
        { type: SCHEDULED, timestamp: 1.25 },
      ],
      prefillStats: {
        numPromptTokens: 20,
        numComputedTokens: 20,
        numCachedTokens: 0,
        numCacheCreationTokens: 16,
      },
    });
    const second = bench.update(bench.schedule())[0]?.outputs[0];
    expect(second).toMatchObject({ events: null, prefillStats: null });
  });

  it('have no events where statistics are off', () => {
    const bench = new SchedulerBench({ logStats: false });
    bench.add('a');

    expect(bench.update(bench.schedule())[0]?.outputs[0]?.events).toBeNull();
    expect(bench.scheduler.makeStats()).toBeNull();
  });

  it('have log probabilities for those who ask, of the prompt with the first token', () => {
    const asked: string[] = [];
    const bench = new SchedulerBench({
      logprobs: {
        sampleLogprobs: ({ requestId }, tokenId, position) => {
          asked.push(`${requestId}: token ${tokenId} at ${position}`);
          return null;
        },
        promptLogprobs: ({ requestId }) => {
          asked.push(`${requestId}: prompt`);
          return null;
        },
      },
    });
    bench.add('a', { sampling: { logprobs: 1 } });
    bench.add('b', { sampling: { logprobTokenIds: [1] } });
    bench.add('c', { sampling: { promptLogprobs: 0 } });
    bench.add('d');

    bench.step({ tokens: { a: 7, b: 8 } });
    expect(asked.splice(0)).toEqual(['a: token 7 at 0', 'b: token 8 at 0', 'c: prompt']);
    bench.step({ tokens: { a: 9, b: 10 } });
    expect(asked).toEqual(['a: token 9 at 1', 'b: token 10 at 1']);
  });

  it('end a request, whose blocks and id are free at once', () => {
    const bench = new SchedulerBench({ includeFinishedSet: true });
    bench.add('a', { clientIndex: 2 });
    bench.add('b', { clientIndex: 2 });

    bench.step({ tokens: { a: EOS_TOKEN_ID, b: EOS_TOKEN_ID } });

    expect(bench.scheduler.state.requests.size).toBe(0);
    expect(bench.scheduler.getRequestCounts()).toEqual({ numRunning: 0, numWaiting: 0 });
    expect(bench.kvCacheManager.usage).toBe(0);
    expect(bench.scheduler.state.finishedReqIdsByClient?.get(2)).toEqual(['a', 'b']);
  });
});

describe('async scheduling', () => {
  it('counts on tokens that are on their way', () => {
    const bench = new SchedulerBench({ asyncScheduling: true });
    const request = bench.add('a', { sampling: { maxTokens: 2, ignoreEos: true } });

    const first = bench.schedule();
    const second = bench.schedule();
    expect([first, second].map(scheduledTokens)).toEqual([{ a: 20 }, { a: 1 }]);
    expect(request).toMatchObject({ numOutputPlaceholders: 2, numInFlightTokens: 21 });

    bench.update(first);
    expect(request).toMatchObject({ numOutputPlaceholders: 1, numInFlightTokens: 1 });
    // The step in flight brings the last token.
    expect(scheduledTokens(bench.schedule())).toEqual({});
    bench.update(second);
    expect(request.status).toBe(RequestStatus.FINISHED_LENGTH_CAPPED);
  });

  it('lets a request decode in one step of several pipeline stages', () => {
    const bench = new SchedulerBench({ asyncScheduling: true, decodeStagger: 2 });
    bench.add('a');

    expect([bench.schedule(), bench.schedule(), bench.schedule()].map(scheduledTokens)).toEqual([
      { a: 20 },
      {},
      { a: 1 },
    ]);
  });
});

describe('a reset of the prefix cache', () => {
  it('fails while something runs', () => {
    const bench = new SchedulerBench();
    bench.add('a');
    bench.step();

    expect(bench.scheduler.resetPrefixCache(false)).toBe(false);
    expect(bench.scheduler.getRequestCounts().numRunning).toBe(1);
  });

  it('preempts what runs where it is told to, in an order that keeps theirs', () => {
    const bench = new SchedulerBench();
    const requests = [bench.add('a'), bench.add('b')];
    bench.step();
    bench.clock.advance(500);

    expect(bench.scheduler.resetPrefixCache(true)).toBe(true);

    expect(requests.map(({ status }) => status)).toEqual([
      RequestStatus.PREEMPTED,
      RequestStatus.PREEMPTED,
    ]);
    expect(requests[0]?.takeEvents()).toEqual([{ type: PREEMPTED, timestamp: 0.5 }]);
    const output = bench.schedule();
    expect(output.preemptedReqIds).toEqual(['b', 'a']);
    expect(Object.entries(scheduledTokens(output))).toEqual([
      ['a', 21],
      ['b', 21],
    ]);
  });

  it('drops what a step in flight brings for a request that it preempted', () => {
    const bench = new SchedulerBench({ asyncScheduling: true });
    const request = bench.add('a');
    const output = bench.schedule();

    bench.scheduler.resetPrefixCache(true);
    expect(request.numStaleOutputTokens).toBe(20);
    expect(bench.update(output)).toEqual([]);

    expect(request).toMatchObject({ numStaleOutputTokens: 0, numOutputTokens: 0 });
    expect(bench.step()).toEqual({ a: 20 });
  });
});

describe('preemption on command', () => {
  const three = (fields: ConstructorParameters<typeof SchedulerBench>[0] = {}) => {
    const bench = new SchedulerBench(fields);
    const requests = [
      bench.add('a', { priority: 2, arrivalTime: 1 }),
      bench.add('b', { priority: 0, arrivalTime: 2 }),
      bench.add('c', { priority: 1, arrivalTime: 3 }),
    ];
    bench.step();
    return { bench, requests };
  };
  const preemptedOf = (requests: readonly Request[]): readonly string[] =>
    requests
      .filter(({ status }) => status === RequestStatus.PREEMPTED)
      .map(({ requestId }) => requestId);

  it('takes the last admitted first, and counts it', () => {
    const { bench, requests } = three();
    expect(bench.scheduler.preemptRunning(2)).toBe(2);
    expect(preemptedOf(requests)).toEqual(['b', 'c']);
    expect(requests.map(({ numPreemptions }) => numPreemptions)).toEqual([0, 1, 1]);
    // They come back in the order in which they were admitted; a full block of each was cached.
    expect(Object.entries(bench.step())).toEqual([
      ['a', 1],
      ['b', 5],
      ['c', 5],
    ]);
  });

  it('takes the lowest priority first under that policy', () => {
    const { bench, requests } = three({ policy: 'priority' });
    bench.scheduler.preemptRunning(1);
    expect(preemptedOf(requests)).toEqual(['a']);
    bench.scheduler.preemptRunning(1);
    expect(preemptedOf(requests)).toEqual(['a', 'c']);
  });

  it('takes no more than run', () => {
    const { bench, requests } = three();
    expect(bench.scheduler.preemptRunning(7)).toBe(3);
    expect(bench.scheduler.preemptRunning(7)).toBe(0);
    expect(preemptedOf(requests)).toEqual(['a', 'b', 'c']);
    bench.kvCacheManager.checkInvariants();
  });

  it('delivers what a step in flight brings, once, and computes on behind it', () => {
    const bench = new SchedulerBench({ asyncScheduling: true });
    const request = bench.add('a', { sampling: { maxTokens: 3, ignoreEos: true } });
    const output = bench.schedule();
    bench.scheduler.preemptRunning(1);
    expect(request.numStaleOutputTokens).toBe(20);
    bench.update(output);
    expect(request.numOutputTokens).toBe(1);
    while (bench.scheduler.numUnfinishedRequests > 0) bench.step();
    expect(request.numOutputTokens).toBe(3);
    bench.kvCacheManager.checkInvariants();
  });
});

describe('statistics', () => {
  it('say what runs, waits and fills the cache', () => {
    const bench = new SchedulerBench({ maxNumSeqs: 1, numBlocks: 5 });
    bench.add('a');
    bench.add('b');
    bench.step();

    expect(bench.scheduler.makeStats()).toMatchObject({
      numRunningReqs: 1,
      numWaitingReqs: 1,
      numSkippedWaitingReqs: 0,
      kvCacheUsage: 0.5,
      prefixCacheStats: { requests: 1, queries: 20, hits: 0 },
      kvCacheEvictionEvents: [],
      numKvFetchReqsByStage: { waiting_to_start: 0, in_progress: 0, completed_waiting: 0 },
    });
    expect(bench.scheduler.makeStats()?.prefixCacheStats.requests).toBe(0);
  });

  it('have the residency of evicted blocks where it is measured', () => {
    const event = { lifetimeSeconds: 1, idleSeconds: 1, reuseGapsSeconds: [] };
    const bench = new SchedulerBench({ drainEvictionEvents: () => [event] });

    expect(bench.scheduler.makeStats()?.kvCacheEvictionEvents).toEqual([event]);
  });
});
