import { describe, expect, it } from 'vitest';
import {
  IterationStats,
  RequestStateStats,
} from '../../../../src/frontend/metrics/iteration-stats.ts';
import { createEngineCoreOutput } from '../../../../src/shared/protocol/defaults.ts';
import {
  type EngineCoreEvent,
  EngineCoreEventType,
  type EngineCoreOutput,
  FinishReason,
} from '../../../../src/shared/protocol/outputs.ts';

const { QUEUED, SCHEDULED, PREEMPTED } = EngineCoreEventType;

function createOutput(fields: Partial<EngineCoreOutput> = {}): EngineCoreOutput {
  return createEngineCoreOutput({ requestId: 'r0', newTokenIds: [7], ...fields });
}

function event(type: EngineCoreEvent['type'], timestamp: number): EngineCoreEvent {
  return { type, timestamp };
}

const prefillStats = {
  numPromptTokens: 50,
  numComputedTokens: 34,
  numCachedTokens: 19,
  numLocalCachedTokens: 16,
  numExternalCachedTokens: 3,
  numCacheCreationTokens: 32,
};

describe('IterationStats', () => {
  it('counts the prompt and the time to the first token with the first output only', () => {
    const stats = new RequestStateStats(1000);
    const first = new IterationStats(1000.5);
    first.updateFromOutput(createOutput({ prefillStats }), 42, true, stats);
    expect(first.timeToFirstTokens).toEqual([0.5]);
    expect(first.interTokenLatencies).toEqual([]);
    expect(first.promptTokensTotal).toBe(50);
    expect(first.promptTokensComputed).toBe(34);
    expect(first.promptTokensLocalCacheHit).toBe(16);
    expect(first.promptTokensCached).toBe(19);
    expect(first.promptTokensExternal).toBe(3);
    expect(stats.firstTokenLatency).toBe(0.5);
    const second = new IterationStats(1001);
    second.updateFromOutput(createOutput({ newTokenIds: [8, 9] }), 42.25, false, stats);
    expect(second.promptTokensTotal).toBe(0);
    expect(second.numGenerationTokens).toBe(2);
    expect(second.interTokenLatencies).toEqual([0.25]);
    expect(stats.numGenerationTokens).toBe(3);
  });

  it('keeps the first SCHEDULED and counts preemptions', () => {
    const stats = new RequestStateStats(0);
    const iteration = new IterationStats(1);
    const events = [
      event(QUEUED, 10),
      event(SCHEDULED, 11),
      event(PREEMPTED, 12),
      event(SCHEDULED, 13),
    ];
    iteration.updateFromOutput(createOutput({ events }), 14, true, stats);
    expect(stats.queuedTs).toBe(10);
    expect(stats.scheduledTs).toBe(11);
    expect(stats.numPreemptions).toBe(1);
    expect(iteration.numPreemptedReqs).toBe(1);
  });

  it('derives the intervals of a finished request from the engine clock, its latency from the wall clock', () => {
    const stats = new RequestStateStats(1000);
    const events = [event(QUEUED, 10), event(SCHEDULED, 11)];
    new IterationStats(1001).updateFromOutput(createOutput({ events }), 12, true, stats);
    const last = new IterationStats(1003);
    last.updateFromOutput(createOutput({ newTokenIds: [1, 2] }), 16, false, stats);
    last.updateFromFinishedRequest(FinishReason.LENGTH, 50, 3, stats, 16);
    expect(last.finishedRequests).toEqual([
      {
        finishReason: FinishReason.LENGTH,
        e2eLatency: 3,
        numPromptTokens: 50,
        numGenerationTokens: 3,
        numPreemptions: 0,
        numCachedTokens: 16,
        maxTokensParam: 3,
        queuedTime: 1,
        prefillTime: 1,
        inferenceTime: 5,
        decodeTime: 4,
        meanTimePerOutputToken: 2,
      },
    ]);
  });

  it('gives a request of one token no time per output token', () => {
    const stats = new RequestStateStats(0);
    const iteration = new IterationStats(1);
    iteration.updateFromOutput(createOutput(), 5, true, stats);
    iteration.updateFromFinishedRequest(FinishReason.STOP, 1, null, stats, 0);
    expect(iteration.finishedRequests[0]?.meanTimePerOutputToken).toBe(0);
  });

  it('takes a first output without prefill stats, and later ones whose prefill stats say nothing new', () => {
    const stats = new RequestStateStats(1000);
    const iteration = new IterationStats(1000.5);
    iteration.updateFromOutput(createOutput(), 5, true, stats);
    iteration.updateFromOutput(createOutput({ prefillStats }), 6, false, stats);
    expect(iteration.promptTokensTotal).toBe(0);
    expect(iteration.timeToFirstTokens).toEqual([0.5]);
    expect(stats.firstTokenTs).toBe(5);
    expect(stats.lastTokenTs).toBe(6);
  });

  it('adds up over the outputs of a message and the preemptions of a request', () => {
    const [a, b] = [new RequestStateStats(0), new RequestStateStats(0)];
    const iteration = new IterationStats(1);
    iteration.updateFromOutput(createOutput({ prefillStats }), 2, true, a);
    iteration.updateFromOutput(createOutput({ prefillStats, newTokenIds: [1, 2] }), 2, true, b);
    const events = [event(PREEMPTED, 3), event(PREEMPTED, 4)];
    iteration.updateFromOutput(createOutput({ events }), 5, false, a);
    iteration.updateFromOutput(createOutput({ events: [event(PREEMPTED, 4)] }), 5, false, b);
    expect(iteration.numGenerationTokens).toBe(5);
    expect(iteration.promptTokensTotal).toBe(100);
    expect(iteration.promptTokensComputed).toBe(68);
    expect(iteration.promptTokensCached).toBe(38);
    expect(iteration.promptTokensLocalCacheHit).toBe(32);
    expect(iteration.promptTokensExternal).toBe(6);
    expect(iteration.numPreemptedReqs).toBe(3);
    expect([a.numPreemptions, b.numPreemptions]).toEqual([2, 1]);
    expect([a.numGenerationTokens, b.numGenerationTokens]).toEqual([2, 3]);
  });

  it('starts with nothing', () => {
    expect({ ...new IterationStats(7) }).toEqual({
      iterationTimestamp: 7,
      numGenerationTokens: 0,
      numPreemptedReqs: 0,
      promptTokensTotal: 0,
      promptTokensComputed: 0,
      promptTokensCached: 0,
      promptTokensLocalCacheHit: 0,
      promptTokensExternal: 0,
      finishedRequests: [],
      timeToFirstTokens: [],
      interTokenLatencies: [],
      maxNumGenerationTokens: [],
      nParams: [],
    });
  });

  it('does not move the start of a request that is queued again, nor count what is no preemption', () => {
    const stats = new RequestStateStats(0);
    const iteration = new IterationStats(1);
    const events = [event(QUEUED, 10), event(SCHEDULED, 11)];
    iteration.updateFromOutput(createOutput({ events }), 12, true, stats);
    const later = 9 as EngineCoreEvent['type'];
    iteration.updateFromOutput(createOutput({ events: [event(later, 13)] }), 13, false, stats);
    expect(iteration.numPreemptedReqs).toBe(0);
    iteration.updateFromOutput(createOutput({ events: [event(SCHEDULED, 20)] }), 21, false, stats);
    expect([stats.queuedTs, stats.scheduledTs]).toEqual([10, 11]);
  });

  it('takes the time per output token from the second token on', () => {
    const stats = new RequestStateStats(0);
    const iteration = new IterationStats(1);
    iteration.updateFromOutput(createOutput(), 5, true, stats);
    iteration.updateFromOutput(createOutput(), 8, false, stats);
    iteration.updateFromFinishedRequest(FinishReason.STOP, 1, null, stats, 0);
    expect(iteration.finishedRequests[0]).toMatchObject({
      numPreemptions: 0,
      maxTokensParam: null,
      meanTimePerOutputToken: 3,
    });
  });

  it('gives a request that died before its first token no time per output token', () => {
    const iteration = new IterationStats(1);
    const stats = Object.assign(new RequestStateStats(0), { lastTokenTs: 4 });
    iteration.updateFromFinishedRequest(FinishReason.ABORT, 1, null, stats, 0);
    expect(iteration.finishedRequests[0]?.meanTimePerOutputToken).toBe(0);
  });
});
