import { describe, expect, it } from 'vitest';
import type { EngineCore } from '../../../../src/engine-core/engine-core.ts';
import { ModelCrashError } from '../../../../src/engine-core/faults/crash-on-request.ts';
import { findEngineFault } from '../../../../src/engine-core/faults/registry.ts';
import { readFaultParameters } from '../../../../src/shared/faults/read-parameters.ts';
import { createTestEngine, createTestRequest } from '../../../support/engine.ts';

/** Begins it at an engine; gives what ends it. */
function arm(core: EngineCore, given: Readonly<Record<string, unknown>>): () => void {
  const fault = findEngineFault('engine.crash-on-request');
  const read = fault === null ? null : readFaultParameters(fault.spec, given);
  if (fault === null || read?.isOk !== true) throw new Error('no such fault');
  return fault.begin(read.values, core.parts.faults) ?? (() => {});
}

/** Runs the requests one after the other; the id of the one under which the model died, with its tokens, or null. */
function runOneByOne(core: EngineCore, ids: readonly string[]): readonly [string, number] | null {
  for (const requestId of ids) {
    core.handleInput({ type: 'ADD', request: createTestRequest({ requestId }) });
    try {
      while (core.hasWork()) {
        core.beginStep();
        core.finishStep();
      }
    } catch (error) {
      expect(error).toBeInstanceOf(ModelCrashError);
      const request = core.scheduler.state.requests.get(requestId);
      return [requestId, request?.numOutputTokens ?? -1];
    }
  }
  return null;
}

describe('engine.crash-on-request', () => {
  it.each([
    ['the first request', {}, ['a', 0]],
    ['the n-th request', { nth: 3 }, ['c', 0]],
    ['the first whose id matches', { matching: 'x-' }, ['x-1', 0]],
    ['the n-th of those that match', { matching: 'x-', nth: 2 }, ['x-2', 0]],
    ['a request that has some tokens', { nth: 2, after_tokens: 3 }, ['b', 3]],
    ['none where not so many come', { nth: 7 }, null],
    ['none where it ends before', { after_tokens: 5 }, null],
  ])('takes %s', (_, given, expected) => {
    const { core } = createTestEngine();
    arm(core, given);
    expect(runOneByOne(core, ['a', 'b', 'c', 'x-1', 'x-2'])).toEqual(expected);
  });

  it('counts from when it begins, and takes none after its end', () => {
    const { core } = createTestEngine();
    expect(runOneByOne(core, ['a'])).toBeNull();
    const end = arm(core, { nth: 2 });
    expect(runOneByOne(core, ['b'])).toBeNull();
    end();
    expect(runOneByOne(core, ['c', 'd'])).toBeNull();
  });
});
