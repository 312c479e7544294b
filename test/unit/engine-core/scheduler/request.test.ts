import { describe, expect, it } from 'vitest';
import { comesBefore, Request } from '../../../../src/engine-core/scheduler/request.ts';
import {
  finishReasonOf,
  isFinishedStatus,
  RequestStatus,
} from '../../../../src/engine-core/scheduler/request-status.ts';
import { EngineCoreEventType, FinishReason } from '../../../../src/shared/protocol/outputs.ts';
import { createTestRequest } from '../../../support/engine.ts';
import { createLoRARequest } from '../../../support/kv-cache.ts';

const { QUEUED, SCHEDULED } = EngineCoreEventType;

describe('a request in the engine', () => {
  it('is what its client asked for', () => {
    const loraRequest = createLoRARequest(['lora', 1, '/lora']);
    const asked = createTestRequest({
      requestId: 'a',
      promptTokenIds: [5, 6, 7],
      clientIndex: 2,
      priority: -1,
      arrivalTime: 12.5,
      loraRequest,
      cacheSalt: 'salt',
      sessionId: 'session',
      traceHeaders: { traceparent: 'x' },
      sampling: {
        maxTokens: 9,
        minTokens: 3,
        eosTokenId: 4,
        stopTokenIds: [8],
        skipReadingPrefixCache: true,
        extraArgs: { key: 1 },
      },
    });

    const request = new Request(asked);

    expect(request).toMatchObject({
      requestId: 'a',
      clientIndex: 2,
      priority: -1,
      arrivalTime: 12.5,
      loraRequest,
      cacheSalt: 'salt',
      sessionId: 'session',
      traceHeaders: { traceparent: 'x' },
      allTokenIds: [5, 6, 7],
      numPromptTokens: 3,
      numTokens: 3,
      numOutputTokens: 0,
      maxTokens: 9,
      minTokens: 3,
      eosTokenId: 4,
      stopTokenIds: [8],
      skipReadingPrefixCache: true,
      hasExtraArgs: true,
      wantsLogprobs: false,
      status: RequestStatus.WAITING,
      isFinished: false,
      finishReason: null,
      prefillStatsPending: true,
      isPrefillChunk: false,
      dropStaleOutput: false,
    });
    expect(request.samplingParams).toBe(asked.samplingParams);
  });

  it('stops at no token where none is named', () => {
    const request = new Request(
      createTestRequest({ sampling: { eosTokenId: null, skipReadingPrefixCache: null } }),
    );

    expect(request).toMatchObject({
      eosTokenId: -1,
      stopTokenIds: [],
      skipReadingPrefixCache: false,
      hasExtraArgs: false,
    });
  });

  it.each([[{ logprobs: 0 }], [{ logprobTokenIds: [1] }]])(
    'wants log probabilities with %j',
    (sampling) => {
      expect(new Request(createTestRequest({ sampling })).wantsLogprobs).toBe(true);
    },
  );

  it('keeps its tokens apart from those of the message it came with', () => {
    const promptTokenIds = [1, 2];
    const request = new Request(createTestRequest({ promptTokenIds }));

    request.allTokenIds.push(3);

    expect(promptTokenIds).toEqual([1, 2]);
    expect(request.numOutputTokens).toBe(1);
  });

  it('needs sampling or pooling params', () => {
    const asked = { ...createTestRequest(), samplingParams: null };

    expect(() => new Request(asked)).toThrow('a request needs sampling or pooling params');
  });

  it('has zeros for a prompt in embeddings', () => {
    const promptEmbeds = { dtype: 'float32', shape: [3, 2], data: new Uint8Array(24) };
    const asked = { ...createTestRequest(), promptTokenIds: null, promptEmbeds };
    const request = new Request(asked);
    expect([request.numPromptTokens, request.allTokenIds]).toEqual([3, [0, 0, 0]]);
  });

  it('needs max_tokens', () => {
    expect(() => new Request(createTestRequest({ sampling: { maxTokens: null } }))).toThrow(
      'a request needs max_tokens',
    );
  });

  it('tells of its events once', () => {
    const request = new Request(createTestRequest());
    request.recordEvent(QUEUED, 1);
    request.recordEvent(SCHEDULED, 2);

    expect(request.takeEvents()).toEqual([
      { type: QUEUED, timestamp: 1 },
      { type: SCHEDULED, timestamp: 2 },
    ]);
    expect(request.takeEvents()).toBeNull();
  });
});

describe('the order of requests', () => {
  const create = (requestId: string, priority: number, arrivalTime: number) =>
    new Request(createTestRequest({ requestId, priority, arrivalTime }));

  it.each([
    ['the more urgent', create('z', 0, 9), create('a', 1, 1)],
    ['of equal urgency the earlier', create('z', 1, 1), create('a', 1, 9)],
    ['of the same time the smaller id', create('a', 1, 1), create('b', 1, 1)],
  ])('has first %s', (_name, first, second) => {
    expect(comesBefore(first, second)).toBe(true);
    expect(comesBefore(second, first)).toBe(false);
    expect(comesBefore(first, first)).toBe(false);
  });
});

describe('the status of a request', () => {
  it.each([
    [RequestStatus.FINISHED_STOPPED, FinishReason.STOP],
    [RequestStatus.FINISHED_LENGTH_CAPPED, FinishReason.LENGTH],
    [RequestStatus.FINISHED_IGNORED, FinishReason.LENGTH],
    [RequestStatus.FINISHED_ABORTED, FinishReason.ABORT],
    [RequestStatus.FINISHED_ERROR, FinishReason.ERROR],
    [RequestStatus.FINISHED_REPETITION, FinishReason.REPETITION],
  ])('%i is an end with reason %i on the wire', (status, reason) => {
    expect(isFinishedStatus(status)).toBe(true);
    expect(finishReasonOf(status)).toBe(reason);
  });

  it.each([RequestStatus.WAITING, RequestStatus.RUNNING, RequestStatus.PREEMPTED])(
    '%i is no end',
    (status) => {
      expect(isFinishedStatus(status)).toBe(false);
      expect(finishReasonOf(status)).toBeNull();
    },
  );
});
