import { describe, expect, it } from 'vitest';
import { createTestEngine, createTestRequest } from '../../../support/engine.ts';
import { SchedulerBench } from '../../../support/scheduler.ts';

/** A pool of 10 blocks beside the null block. */
function bench() {
  const made = new SchedulerBench({ numBlocks: 11 });
  const { kvCacheManager } = made;
  return { made, kvCacheManager, reservation: kvCacheManager.reservation };
}

describe('a reservation of blocks', () => {
  it.each([
    [0, 0],
    [0.5, 5],
    [0.51, 6],
    [0.95, 10],
    [1, 10],
  ])('of a share of %d takes %d of 10 blocks: usage is at least the share', (share, numBlocks) => {
    const { kvCacheManager, reservation } = bench();
    reservation.setShare(share);
    expect(reservation.numBlocks).toBe(numBlocks);
    expect(kvCacheManager.usage).toBeCloseTo(numBlocks / 10);
    kvCacheManager.checkInvariants();
    reservation.setShare(0);
    expect(kvCacheManager.usage).toBe(0);
    kvCacheManager.checkInvariants();
  });

  it('gives back what is too much, and takes what is missing', () => {
    const { kvCacheManager, reservation } = bench();
    reservation.setShare(0.8);
    reservation.setShare(0.3);
    expect(kvCacheManager.blockPool.numFreeBlocks).toBe(7);
    reservation.setShare(0.9);
    expect(kvCacheManager.blockPool.numFreeBlocks).toBe(1);
    kvCacheManager.checkInvariants();
  });

  it('takes no block of a request: it is filled as they become free', () => {
    const { made, kvCacheManager, reservation } = bench();
    made.add('a', { numPromptTokens: 60, sampling: { maxTokens: 2, ignoreEos: true } });
    made.step();
    reservation.setShare(1);
    expect(reservation.numBlocks).toBe(6);
    made.step();
    expect(made.scheduler.numUnfinishedRequests).toBe(0);
    expect(reservation.numBlocks).toBe(6);
    reservation.fill();
    expect(reservation.numBlocks).toBe(10);
    kvCacheManager.checkInvariants();
  });

  it('makes requests wait, and lets them go on when it ends', () => {
    const { made, reservation } = bench();
    reservation.setShare(1);
    made.add('a');
    expect(made.step()).toEqual({});
    reservation.setShare(0);
    expect(made.step()).toEqual({ a: 20 });
  });

  it('makes the newest request give way, which is computed again', () => {
    const { made, reservation } = bench();
    const long = { numPromptTokens: 60, sampling: { maxTokens: 40, ignoreEos: true } };
    made.add('old', long);
    const victim = made.add('new', long);
    made.step();
    made.step();
    reservation.setShare(1);
    let numSteps = 0;
    while (victim.numPreemptions === 0 && numSteps < 20) {
      made.step();
      numSteps += 1;
    }
    expect(victim.numPreemptions).toBe(1);
    reservation.setShare(0);
    for (let i = 0; made.scheduler.hasRequests() && i < 100; i += 1) made.step();
    expect(made.scheduler.hasRequests()).toBe(false);
    made.kvCacheManager.checkInvariants();
  });

  it('does not hinder a reset of the prefix cache, and is there after it', () => {
    const { made, kvCacheManager, reservation } = bench();
    made.add('a', { sampling: { maxTokens: 1 } });
    made.step();
    reservation.setShare(0.5);
    expect(kvCacheManager.resetPrefixCache()).toBe(true);
    expect(reservation.numBlocks).toBe(5);
    kvCacheManager.checkInvariants();
    made.add('b');
    made.step();
    // A running request has blocks: vLLM refuses then.
    expect(kvCacheManager.resetPrefixCache()).toBe(false);
    expect(reservation.numBlocks).toBe(5);
    kvCacheManager.checkInvariants();
  });
});

describe('an engine with reserved blocks', () => {
  it('tells with its last step that it has what its last request had', () => {
    const { core } = createTestEngine({ numBlocks: 11 });
    core.handleInput({ type: 'ADD', request: createTestRequest({ numPromptTokens: 60 }) });
    core.beginStep();
    core.finishStep();
    const end = core.parts.faults.reserveBlocks(1);
    while (core.hasWork()) {
      core.beginStep();
      core.finishStep();
    }
    const usages = core
      .takeOutputs()
      .flatMap(({ outputs: { schedulerStats } }) =>
        schedulerStats === null ? [] : [schedulerStats.kvCacheUsage],
      );
    expect(usages.at(-1)).toBe(1);
    end();
    expect(core.kvCacheUsage).toBe(0);
  });
});
