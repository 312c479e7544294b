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
  numCachedTokens: 16,
  numLocalCachedTokens: 16,
  numExternalCachedTokens: 0,
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
});
