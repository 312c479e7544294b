import { describe, expect, it } from 'vitest';
import { Request } from '../../../../src/engine-core/scheduler/request.ts';
import {
  ScheduleKind,
  SchedulerOutput,
} from '../../../../src/engine-core/scheduler/scheduler-output.ts';
import { createTestRequest } from '../../../support/engine.ts';

const { RUNNING, NEW } = ScheduleKind;

function createOutput(): { output: SchedulerOutput; requests: readonly Request[] } {
  const output = new SchedulerOutput(4);
  const requests = [0, 1, 2].map((i) => {
    const request = new Request(createTestRequest({ requestId: `r${i}` }));
    request.numComputedTokens = 10 * i;
    output.append(request, i === 2 ? NEW : RUNNING, i + 1, { blocks: [[i]] });
    return request;
  });
  return { output, requests };
}

describe('what a step runs', () => {
  it('is in parallel arrays, one entry a request', () => {
    const { output, requests } = createOutput();

    expect(output.numRequests).toBe(3);
    expect(output.totalNumScheduledTokens).toBe(6);
    expect(output.requests.slice(0, 4)).toEqual([...requests, undefined]);
    expect([...output.kinds.subarray(0, 3)]).toEqual([RUNNING, RUNNING, NEW]);
    expect([...output.numScheduledTokens.subarray(0, 3)]).toEqual([1, 2, 3]);
    expect([...output.numComputedTokens.subarray(0, 3)]).toEqual([0, 10, 20]);
    expect(output.newBlocks.slice(0, 3)).toEqual([0, 1, 2].map((i) => ({ blocks: [[i]] })));
  });

  it('closes the gap that a withdrawn request leaves', () => {
    const { output, requests } = createOutput();
    const [first, second, third] = requests;

    expect(output.withdraw(second as Request)).toBe(2);

    expect(output.numRequests).toBe(2);
    expect(output.totalNumScheduledTokens).toBe(4);
    expect(output.requests.slice(0, 3)).toEqual([first, third, undefined]);
    expect([...output.kinds.subarray(0, 2)]).toEqual([RUNNING, NEW]);
    expect([...output.numScheduledTokens.subarray(0, 2)]).toEqual([1, 3]);
    expect([...output.numComputedTokens.subarray(0, 2)]).toEqual([0, 20]);
    expect(output.newBlocks.slice(0, 2)).toEqual([{ blocks: [[0]] }, { blocks: [[2]] }]);
  });

  it('has nothing to give back for a request that is not in it', () => {
    const { output, requests } = createOutput();
    output.withdraw(requests[0] as Request);

    expect(output.withdraw(requests[0] as Request)).toBe(0);
    expect(output.numRequests).toBe(2);
  });

  it('lets go of everything when it is cleared', () => {
    const { output } = createOutput();
    output.preemptedReqIds = ['r0'];
    output.finishedReqIds = ['r1'];
    output.blockCopies = [{ srcBlockId: 1, dstBlockId: 2 }];

    output.clear();

    expect(output).toMatchObject({
      numRequests: 0,
      totalNumScheduledTokens: 0,
      preemptedReqIds: [],
      finishedReqIds: [],
      blockCopies: null,
    });
    expect(output.requests.every((request) => request === undefined)).toBe(true);
    expect(output.newBlocks.every((blocks) => blocks === undefined)).toBe(true);
  });
});
