/** A long run on the virtual clock: more than a million tokens out of one engine, and memory stays flat. */
import { expect, it } from 'vitest';
import { Prng } from '../../src/shared/prng.ts';
import { EngineChecker } from '../support/checkers/engine-checker.ts';
import { collectGarbage } from '../support/collect-garbage.ts';
import { createTestEngine, createTestRequest } from '../support/engine.ts';

const TARGET_TOKENS = 1_000_000;
const MAX_IN_FLIGHT = 96;
const STEP_MS = 5;

function heapBytes(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

it('makes a million tokens with memory flat and every request ended once', {
  timeout: 120_000,
}, () => {
  const prng = new Prng(20_261_125);
  const { core, clock } = createTestEngine({
    groups: ['full', 'window'],
    numBlocks: 1200,
    maxConcurrentBatches: 2,
    tokenSource: 'random',
    scheduler: { maxNumSeqs: 64, maxNumBatchedTokens: 1024, maxModelLen: 256 },
    latency: { kind: 'constant', stepMs: STEP_MS },
  });
  const checker = new EngineChecker(core, { checksBlocksEvery: 500 });
  const system = Array.from({ length: 48 }, () => 3 + prng.nextBelow(900));
  let numRequests = 0;
  let numAborts = 0;
  let heapAtTenth = 0;
  while (checker.totalTokens < TARGET_TOKENS) {
    const { numRunning, numWaiting } = core.getRequestCounts();
    for (let i = numRunning + numWaiting; i < MAX_IN_FLIGHT; i += 1) {
      const own = Array.from({ length: 1 + prng.nextBelow(60) }, () => 3 + prng.nextBelow(900));
      const promptTokenIds = prng.nextFloat() < 0.7 ? [...system, ...own] : own;
      numRequests += 1;
      checker.input({
        type: 'ADD',
        request: createTestRequest({
          requestId: `r${numRequests}`,
          promptTokenIds,
          sampling: { maxTokens: 1 + prng.nextBelow(120) },
        }),
      });
    }
    if (prng.nextFloat() < 0.02) {
      numAborts += 1;
      checker.input({ type: 'ABORT', requestIds: [`r${numRequests - prng.nextBelow(64)}`] });
    }
    clock.advance(core.beginStep());
    core.finishStep();
    checker.check();
    if (heapAtTenth === 0 && checker.totalTokens > TARGET_TOKENS / 10) heapAtTenth = heapBytes();
  }
  while (core.hasWork()) checker.step();

  expect(numRequests).toBeGreaterThan(10_000);
  expect(numAborts).toBeGreaterThan(100);
  // All came, all went: the checker has forgotten each request at its one end.
  expect(checker.requests.size).toBe(0);
  expect(core.scheduler.state.requests.size).toBe(0);
  expect(core.kvCacheUsage).toBe(0);
  expect(clock.monotonicMs()).toBeGreaterThan(60_000);
  expect(heapBytes() - heapAtTenth).toBeLessThan(32 * 2 ** 20);
});
