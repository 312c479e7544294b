import { describe, expect, it } from 'vitest';
import { ParentRequest } from '../../../../src/frontend/llm/parallel-sampling.ts';
import type { CompletionOutput } from '../../../../src/frontend/llm/request-output.ts';
import type { SamplingFields } from '../../../../src/frontend/llm/sampling-params.ts';
import { createEngineCoreRequest } from '../../../../src/shared/protocol/defaults.ts';
import { RequestOutputKind } from '../../../../src/shared/protocol/request.ts';
import { createTestSamplingParams } from '../../../support/sampling-fields.ts';

const { DELTA, FINAL_ONLY } = RequestOutputKind;

function createParent(fields: Partial<SamplingFields> = {}) {
  const request = createEngineCoreRequest({
    requestId: 'id-abc',
    externalReqId: 'id',
    promptTokenIds: [1, 2],
    priority: 3,
  });
  const params = createTestSamplingParams({ n: 2, ...fields });
  const parent = new ParentRequest(request, params);
  const children = Array.from({ length: params.n }, (_, i) => parent.createChild(request, i));
  return { parent, children };
}

function createOutput(index: number, finishReason: string | null = null): CompletionOutput {
  return {
    index,
    text: `text ${index}`,
    tokenIds: [],
    logprobs: null,
    finishReason,
    stopReason: null,
    weightVersions: null,
    samplingMask: null,
  };
}

describe('the children of a request with n > 1', () => {
  it('are requests for one answer each, in all else the parent', () => {
    const { children } = createParent();

    expect(children.map(({ requestId }) => requestId)).toEqual(['0_id-abc', '1_id-abc']);
    expect(children[1]).toMatchObject({
      externalReqId: 'id',
      promptTokenIds: [1, 2],
      priority: 3,
      samplingParams: { n: 1, maxTokens: 16, seed: null },
    });
  });

  it('sample apart: seed, seed + 1, …', () => {
    const seeds = (seed: number | bigint) =>
      createParent({ seed }).children.map(({ samplingParams }) => samplingParams?.seed);

    expect(seeds(7)).toEqual([7, 8]);
    expect(seeds(2n ** 60n)).toEqual([2n ** 60n, 2n ** 60n + 1n]);
  });

  it('are known by their parent, which has the client’s id too', () => {
    const { parent } = createParent();

    expect(parent).toMatchObject({ requestId: 'id-abc', externalReqId: 'id', n: 2 });
    expect([...parent.childRequests]).toEqual(['0_id-abc', '1_id-abc']);
  });

  it('have the parent’s id where the client has none of its own', () => {
    const request = createEngineCoreRequest({ requestId: 'id-abc' });

    expect(new ParentRequest(request, createTestSamplingParams()).externalReqId).toBe('id-abc');
  });
});

describe('outputs of the children', () => {
  it('go out one by one where they stream, and the last finish is the end', () => {
    const { parent } = createParent({ outputKind: DELTA });
    const outputs = [
      createOutput(1),
      createOutput(1, 'stop'),
      createOutput(0),
      createOutput(0, 'length'),
    ] as const;

    expect(parent.getOutputs('1_id-abc', outputs[0])).toEqual({
      outputs: [outputs[0]],
      isFinished: false,
    });
    expect(parent.getOutputs('1_id-abc', outputs[1])).toEqual({
      outputs: [outputs[1]],
      isFinished: false,
    });
    expect(parent.getOutputs('0_id-abc', outputs[2])).toEqual({
      outputs: [outputs[2]],
      isFinished: false,
    });
    expect(parent.getOutputs('0_id-abc', outputs[3])).toEqual({
      outputs: [outputs[3]],
      isFinished: true,
    });
  });

  it('do not go out again for a child that had finished', () => {
    const { parent } = createParent({ outputKind: DELTA });
    parent.getOutputs('0_id-abc', createOutput(0, 'stop'));

    expect(parent.getOutputs('0_id-abc', createOutput(0, 'abort'))).toEqual({
      outputs: [],
      isFinished: false,
    });
  });

  it('wait for each other where only the final output counts, and come in the order of their index', () => {
    const { parent } = createParent({ outputKind: FINAL_ONLY });
    const [first, second] = [createOutput(0, 'stop'), createOutput(1, 'length')];

    expect(parent.getOutputs('1_id-abc', second)).toEqual({ outputs: [], isFinished: false });
    expect(parent.getOutputs('0_id-abc', first)).toEqual({
      outputs: [first, second],
      isFinished: true,
    });
  });
});

it('a parent remembers the largest child', () => {
  const { parent } = createParent();

  expect(parent.observeNumGenerationTokens(5)).toBe(5);
  expect(parent.observeNumGenerationTokens(3)).toBe(5);
  expect(parent.observeNumGenerationTokens(8)).toBe(8);
});
