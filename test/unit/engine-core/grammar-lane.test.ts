import { describe, expect, it } from 'vitest';
import { DEFAULT_STRUCTURED_OUTPUT_SETTINGS } from '../../../src/engine-core/structured-output/compile-job.ts';
import type { GrammarCompiler } from '../../../src/engine-core/structured-output/grammar-compiler.ts';
import { GrammarLane } from '../../../src/engine-core/structured-output/grammar-lane.ts';
import { InlineCompiler } from '../../../src/engine-core/structured-output/inline-compiler.ts';
import type { StructuredOutput } from '../../../src/engine-core/structured-output/structured-output.ts';
import { StructuredOutputManager } from '../../../src/engine-core/structured-output/structured-output-manager.ts';
import { silentLogger } from '../../../src/shared/logger.ts';
import type { Timers } from '../../../src/shared/timers.ts';
import { createTestRequest } from '../../support/engine.ts';

/** Timers that run what is due when they are told to. */
function manualTimers(): { timers: Timers; run: () => void } {
  const due: (() => void)[] = [];
  const timers: Timers = {
    after: (_ms, handler) => {
      due.push(handler);
      return { cancel: () => {} };
    },
    pause: () => Promise.resolve(),
  };
  return {
    timers,
    run: () => {
      for (const handler of due.splice(0)) handler();
    },
  };
}

function createLane(create: (() => Promise<GrammarCompiler>) | null) {
  const manager = new StructuredOutputManager(DEFAULT_STRUCTURED_OUTPUT_SETTINGS, 0);
  const holder: { structuredOutput: StructuredOutput | null } = { structuredOutput: null };
  let numDone = 0;
  const lane = new GrammarLane(manager, {
    create,
    logger: silentLogger(),
    onDone: () => {
      numDone += 1;
    },
  });
  const sampling = { structuredOutputs: { choice: ['yes'] }, maxTokens: 9 };
  manager.grammarInit(holder, createTestRequest({ sampling }));
  return { lane, holder, numDone: () => numDone };
}

describe('grammars of an engine', () => {
  it('are compiled after a fixed time where the clock is virtual', async () => {
    const { timers, run } = manualTimers();
    const { lane, holder, numDone } = createLane(async () => new InlineCompiler(null, timers));
    lane.takeJobs();
    await Promise.resolve();
    await new Promise(setImmediate);
    expect(holder.structuredOutput?.isDone).toBe(false);
    run();
    expect(holder.structuredOutput?.plan?.tokenIds.length).toBeGreaterThan(0);
    expect(numDone()).toBe(1);
    await lane.close();
  });

  it.each<[string, (() => Promise<GrammarCompiler>) | null, string]>([
    ['has no compiler', null, 'this engine has no tokenizer'],
    ['cannot make one', () => Promise.reject(new Error('no such folder')), 'no such folder'],
  ])('fail where the engine %s', async (_, create, reason) => {
    const { lane, holder, numDone } = createLane(create);
    lane.takeJobs();
    await new Promise(setImmediate);
    expect(holder.structuredOutput?.failure).toBe(reason);
    expect(numDone()).toBe(1);
    await lane.close();
  });
});
