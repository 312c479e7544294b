import { describe, expect, it } from 'vitest';
import { Request } from '../../../../src/engine-core/scheduler/request.ts';
import { RequestStatus } from '../../../../src/engine-core/scheduler/request-status.ts';
import { checkStop, hasRepetition } from '../../../../src/engine-core/scheduler/stop-check.ts';
import type { SamplingParams } from '../../../../src/shared/protocol/request.ts';
import { createTestRequest, EOS_TOKEN_ID } from '../../../support/engine.ts';

function stopOf(
  outputs: readonly number[],
  sampling: Partial<SamplingParams> = {},
  maxModelLen = 256,
): { status: number; reason: number | string | null } | null {
  const request = new Request(createTestRequest({ numPromptTokens: 10, sampling }));
  request.status = RequestStatus.RUNNING;
  request.allTokenIds.push(...outputs);
  if (!checkStop(request, maxModelLen)) return null;
  return { status: request.status, reason: request.stopReason };
}

const repetitionDetection = { maxPatternSize: 2, minPatternSize: 1, minCount: 3 };

describe('checkStop', () => {
  it('lets eos win over a stop token and over the length', () => {
    const sampling = { maxTokens: 1, stopTokenIds: [EOS_TOKEN_ID] };
    expect(stopOf([EOS_TOKEN_ID], sampling)).toEqual({
      status: RequestStatus.FINISHED_STOPPED,
      reason: null,
    });
  });

  it('names the stop token that ended the request', () => {
    expect(stopOf([5, 77], { stopTokenIds: [77], maxTokens: 2 })).toEqual({
      status: RequestStatus.FINISHED_STOPPED,
      reason: 77,
    });
  });

  it('ends at max_tokens and at the model length, whichever comes first', () => {
    const length = { status: RequestStatus.FINISHED_LENGTH_CAPPED, reason: null };
    expect(stopOf([5, 6], { maxTokens: 2 })).toEqual(length);
    expect(stopOf([5, 6], { maxTokens: 9 }, 12)).toEqual(length);
    expect(stopOf([5, 6], { maxTokens: 3 }, 13)).toBeNull();
  });

  it('goes on over eos where the request ignores it', () => {
    expect(stopOf([EOS_TOKEN_ID], { ignoreEos: true })).toBeNull();
  });

  it('finds repetition only from min_tokens on', () => {
    const sampling = { maxTokens: 50, repetitionDetection };
    expect(stopOf([9, 9, 9], sampling)).toEqual({
      status: RequestStatus.FINISHED_REPETITION,
      reason: 'repetition_detected',
    });
    expect(stopOf([9, 9, 9], { ...sampling, minTokens: 4 })).toBeNull();
  });
});

describe('hasRepetition', () => {
  it.each([
    ['a pair three times', [1, 1, 2, 1, 2, 1, 2], true],
    ['a pair twice', [7, 8, 1, 2, 1, 2], false],
    ['too few tokens for the count', [1, 1], false],
    ['a run interrupted', [1, 1, 3, 1], false],
  ])('%s', (_name, tokens, expected) => {
    expect(hasRepetition(tokens, 0, repetitionDetection)).toBe(expected);
  });

  it('does not look into the prompt', () => {
    expect(hasRepetition([1, 1, 1, 1], 2, repetitionDetection)).toBe(false);
  });

  it('is off for a pattern size of 0 or a count below 2', () => {
    const tokens = [1, 1, 1, 1];
    expect(hasRepetition(tokens, 0, { ...repetitionDetection, maxPatternSize: 0 })).toBe(false);
    expect(hasRepetition(tokens, 0, { ...repetitionDetection, minCount: 1 })).toBe(false);
  });
});
