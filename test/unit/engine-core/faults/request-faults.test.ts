import { describe, expect, it } from 'vitest';
import { ModelCrashError } from '../../../../src/engine-core/faults/crash-on-request.ts';
import { FaultError } from '../../../../src/engine-core/faults/fault.ts';
import { FAULTS } from '../../../../src/engine-core/faults/registry.ts';
import { RequestFaults } from '../../../../src/engine-core/faults/request-faults.ts';
import { Request } from '../../../../src/engine-core/scheduler/request.ts';
import { createTestRequest } from '../../../support/engine.ts';

/** A request that has arrived with these vllm_xargs. */
function admit(extraArgs: Readonly<Record<string, unknown>>) {
  const faults = new RequestFaults();
  const request = new Request(createTestRequest({ sampling: { extraArgs } }));
  faults.admit(request);
  return { request, sample: () => faults.beforeSampling(request) };
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

  it('crashes after as many tokens as it says', () => {
    const text = 'engine.crash-on-request;after-tokens=2';
    const { request, sample } = admit({ vllm_twin_fault: text });
    request.allTokenIds.push(7);
    expect(sample).not.toThrow();
    request.allTokenIds.push(8);
    expect(sample).toThrow(ModelCrashError);
  });

  it.each([
    ['nothing', {}],
    ['what other tools read', { session_id: 'a' }],
    ['the recorded name with 0', { oracle_crash: 0 }],
    ['an empty list', { vllm_twin_fault: [] }],
  ])('that carries %s is left alone', (_, extraArgs) => {
    expect(admit(extraArgs).sample).not.toThrow();
  });

  it.each([
    ['a', "There is no fault 'a'; known are engine.crash-on-request"],
    ['', "There is no fault ''; known are engine.crash-on-request"],
    ['engine.crash-on-request;now', "'now' is no parameter; write name=value"],
    [
      'engine.crash-on-request;after-tokens=x',
      'Fault engine.crash-on-request: parameter after-tokens is "x", not a whole number',
    ],
    ['engine.crash-on-request;later=1', 'parameter later is not known'],
    [7, 'vllm_twin_fault must be a text or a list of texts, got a number'],
  ])('is refused with %j, in words', (fault, message) => {
    const admitting = () => admit({ vllm_twin_fault: fault });
    expect(admitting).toThrow(FaultError);
    expect(admitting).toThrow(message);
  });
});

describe('the registry', () => {
  it('names every fault once, by room and event, and says what it means', () => {
    const ids = FAULTS.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const { id, meaning } of FAULTS) {
      expect(id).toMatch(/^[a-z]+\.[a-z]+(-[a-z]+)*$/);
      expect(meaning).toMatch(/^[A-Z].*\.$/);
    }
  });
});
