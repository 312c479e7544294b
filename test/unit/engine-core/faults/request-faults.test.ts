import { describe, expect, it } from 'vitest';
import { ModelCrashError } from '../../../../src/engine-core/faults/crash-on-request.ts';
import { FaultError } from '../../../../src/engine-core/faults/fault-error.ts';
import { FaultPoints } from '../../../../src/engine-core/faults/fault-points.ts';
import { admitCarriedFaults } from '../../../../src/engine-core/faults/request-faults.ts';
import { Request } from '../../../../src/engine-core/scheduler/request.ts';
import { createTestRequest } from '../../../support/engine.ts';
import { noTargets } from '../../../support/fault-points.ts';

/** A request that has arrived with these vllm_xargs. */
function admit(extraArgs: Readonly<Record<string, unknown>>) {
  const faults = new FaultPoints(...noTargets());
  const request = new Request(createTestRequest({ sampling: { extraArgs } }));
  admitCarriedFaults(request, faults);
  return { request, sample: () => faults.checkSampling([request], 1) };
}

describe('a request', () => {
  it.each([
    ['our own name', { vllm_twin_fault: 'engine.crash-on-request' }],
    ['a list of names', { vllm_twin_fault: ['engine.crash-on-request'] }],
    ['a parameter', { vllm_twin_fault: 'engine.crash-on-request; after-tokens=0' }],
    ['the recorded name', { oracle_crash: 1 }],
  ])('that asks for a crash by %s gets it', (_, extraArgs) => {
    expect(admit(extraArgs).sample).toThrow(ModelCrashError);
  });

  it.each([['engine.crash-on-request;after-tokens=2'], ['engine.crash-on-request;after_tokens=2']])(
    'crashes after as many tokens as it says: %s',
    (text) => {
      const { request, sample } = admit({ vllm_twin_fault: text });
      request.allTokenIds.push(7);
      expect(sample).not.toThrow();
      request.allTokenIds.push(8);
      expect(sample).toThrow(ModelCrashError);
    },
  );

  it.each([
    ['nothing', {}],
    ['what other tools read', { session_id: 'a' }],
    ['the recorded name with 0', { oracle_crash: 0 }],
    ['an empty list', { vllm_twin_fault: [] }],
    ['what is for the frontend', { vllm_twin_fault: 'http.latency;delay=1ms' }],
  ])('that carries %s is left alone', (_, extraArgs) => {
    expect(admit(extraArgs).sample).not.toThrow();
  });

  it.each([
    [
      'a',
      "There is no fault 'a' that a request may carry; known are engine.crash-on-request, http.",
    ],
    ['engine.hang', "There is no fault 'engine.hang' that a request may carry"],
    ['', "There is no fault '' that a request may carry"],
    ['engine.crash-on-request;now', "'now' is no parameter; write name=value"],
    [
      'engine.crash-on-request;after-tokens=x',
      'engine.crash-on-request: after_tokens is "x", not a whole number from 0 to 999999999 (tokens)',
    ],
    ['engine.crash-on-request;later=1', 'engine.crash-on-request has no parameter later'],
    [7, 'vllm_twin_fault must be a text or a list of texts, got a number'],
  ])('is refused with %j, in words', (fault, message) => {
    const admitting = () => admit({ vllm_twin_fault: fault });
    expect(admitting).toThrow(FaultError);
    expect(admitting).toThrow(message);
  });
});
