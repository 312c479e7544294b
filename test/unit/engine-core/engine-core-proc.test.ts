import { afterEach, describe, expect, it, vi } from 'vitest';
import type { KVCacheEvent } from '../../../src/shared/protocol/kv-events.ts';
import { FinishReason } from '../../../src/shared/protocol/outputs.ts';
import { createTestRequest } from '../../support/engine.ts';
import { TestProc, type TestProcOptions } from '../../support/engine-proc.ts';
import { waitFor } from '../../support/wait-for.ts';

describe('the busy loop', () => {
  const procs: TestProc[] = [];
  const start = (options?: TestProcOptions): TestProc => {
    const proc = new TestProc(options);
    procs.push(proc);
    return proc;
  };
  /** As many turns of the event loop as a step can need. */
  const turns = async (count = 20): Promise<void> => {
    for (let i = 0; i < count; i += 1) await new Promise((resolve) => setImmediate(resolve));
  };
  const endless = (requestId: string, fields = {}) =>
    createTestRequest({ requestId, sampling: { maxTokens: 200, ignoreEos: true }, ...fields });

  afterEach(async () => {
    await Promise.all(procs.splice(0).map((proc) => proc.stop()));
  });

  it('says nothing while nothing is asked', async () => {
    const proc = start();
    await turns();
    expect(proc.sent).toEqual([]);
  });

  it.each([0, 1])('breaks where a worker is lost, with %i requests running', async (count) => {
    const proc = start();
    for (let i = 0; i < count; i += 1) proc.add(endless(`r${i}`));
    await turns(2);
    proc.proc.failExecutor();
    await expect(proc.ended).rejects.toThrow('Executor failed.');
  });

  it('runs requests to their end, then rests', async () => {
    const proc = start();
    proc.add(createTestRequest({ requestId: 'a', sampling: { maxTokens: 3, ignoreEos: true } }));
    await vi.waitFor(() => expect(proc.finishReasonOf('a')).toBe(FinishReason.LENGTH));
    expect(proc.tokensOf('a')).toHaveLength(3);
    await turns();
    const count = proc.sent.length;
    await turns();
    expect(proc.sent).toHaveLength(count);
    expect(proc.core.hasWork()).toBe(false);
  });

  it('serves all that arrived in one turn by one step, with one message', async () => {
    const proc = start();
    const ids = Array.from({ length: 16 }, (_, index) => `r${index}`);
    // Each arrives in a microtask of its own, as messages read from a socket do.
    for (const requestId of ids) {
      proc.add(createTestRequest({ requestId, sampling: { maxTokens: 2, ignoreEos: true } }));
      await Promise.resolve();
    }
    await vi.waitFor(() => expect(proc.finishReasonOf('r15')).toBe(FinishReason.LENGTH));
    const steps = proc.sent
      .map(({ outputs }) => outputs.outputs.map(({ requestId }) => requestId))
      .filter((requestIds) => requestIds.length > 0);
    expect(steps).toEqual([ids, ids]);
  });

  it('takes requests in the order in which they came', async () => {
    const proc = start({ engine: { scheduler: { maxNumSeqs: 1 } } });
    for (const requestId of ['a', 'b', 'c']) proc.add(createTestRequest({ requestId }));
    await vi.waitFor(() => expect(proc.finishReasonOf('c')).not.toBeNull());
    const finished = proc.sent
      .flatMap(({ outputs }) => outputs.outputs)
      .filter(({ finishReason }) => finishReason !== null)
      .map(({ requestId }) => requestId);
    expect(finished).toEqual(['a', 'b', 'c']);
  });

  it('heeds an abort that arrives while a step runs', async () => {
    const proc = start({ engine: { latency: { kind: 'constant', stepMs: 30 } } });
    proc.add(endless('a'));
    proc.add(endless('b'));
    await waitFor('a step of both', () => proc.core.awaitedBatch?.numRequests === 2);
    proc.abort('a');
    await waitFor('the token of b', () => proc.tokensOf('b').length > 0);
    expect(proc.tokensOf('a')).toEqual([]);
    expect(proc.core.getRequestCounts()).toEqual({ numRunning: 1, numWaiting: 0 });
  });

  it('answers calls between steps and while idle', async () => {
    const proc = start();
    proc.call('is_sleeping', [], 1);
    proc.add(endless('a'));
    proc.call('no_such_method', [], 2);
    await vi.waitFor(() => expect(proc.answers.size).toBe(2));
    expect(proc.answers.get(1)).toBe(false);
    expect(proc.answers.get(2)).toBe(
      "Call to no_such_method method failed: 'EngineCoreProc' object has no attribute 'no_such_method'",
    );
    await vi.waitFor(() => expect(proc.tokensOf('a').length).toBeGreaterThan(3));
  });

  it('says once what it drops, and goes on', async () => {
    const proc = start();
    proc.add(endless('a'));
    for (let i = 0; i < 3; i += 1) proc.add(endless('a'));
    for (const requestId of ['x', 'y'])
      proc.add(endless(requestId, { samplingParams: null, promptTokenIds: [] }));
    await vi.waitFor(() => expect(proc.finishReasonOf('y')).toBe(FinishReason.ERROR));
    await vi.waitFor(() => expect(proc.finishReasonOf('a')).toBe(FinishReason.LENGTH));
    expect(proc.tokensOf('a')).toHaveLength(200);
    expect(proc.core.counters).toEqual({ duplicateRequests: 3, rejectedRequests: 2 });
    expect(proc.log.filter((line) => !line.startsWith('EngineCore '))).toEqual([
      'Dropped an ADD of request a: a request of that id is running',
      'Answered an ADD of request x with an error: it cannot be run',
    ]);
  });

  it('rests while a pause holds its requests', async () => {
    const proc = start();
    proc.add(endless('a'));
    proc.call('pause_scheduler', ['keep', false], 1);
    await waitFor('the pause', () => proc.answers.has(1));
    const beginStep = vi.spyOn(proc.core, 'beginStep');
    await turns();
    expect(beginStep).not.toHaveBeenCalled();
    proc.call('resume_scheduler', [], 2);
    await waitFor('the end of a', () => proc.finishReasonOf('a') === FinishReason.LENGTH);
    expect(proc.tokensOf('a')).toHaveLength(200);
  });

  it.each([
    ['pause_scheduler', ['wait', true], FinishReason.LENGTH],
    ['pause_scheduler', ['abort', true], FinishReason.ABORT],
    ['pause_generation', ['wait'], FinishReason.LENGTH],
    ['sleep', [1, 'wait'], FinishReason.LENGTH],
    ['sleep', [1, 'abort'], FinishReason.ABORT],
  ])(
    'answers %s %j once the request in flight has ended, and then at once',
    async (method, args, reason) => {
      const proc = start({
        engine: { maxConcurrentBatches: 2, latency: { kind: 'constant', stepMs: 5 } },
      });
      proc.add(createTestRequest({ requestId: 'a', sampling: { maxTokens: 5, ignoreEos: true } }));
      await waitFor('a batch in flight', () => proc.core.awaitedBatch !== null);
      proc.call(method, args, 1);
      await waitFor('the answer', () => proc.answers.has(1));
      expect(proc.answers.get(1)).toBeNull();
      expect(proc.finishReasonOf('a')).toBe(reason);
      expect(proc.core.hasWork()).toBe(false);
      // The answer is the last word: nothing has to come in before it goes out.
      expect(proc.sent.at(-1)?.outputs.utilityOutput?.callId).toBe(1);
    },
  );

  it('answers a pause that keeps requests once the batches in flight are done', async () => {
    const proc = start({
      engine: { maxConcurrentBatches: 2, latency: { kind: 'constant', stepMs: 5 } },
    });
    proc.add(endless('a'));
    await waitFor('a batch in flight', () => proc.core.awaitedBatch !== null);
    proc.call('pause_scheduler', ['keep', false], 1);
    await waitFor('the answer', () => proc.answers.has(1));
    expect(proc.core.awaitedBatch).toBeNull();
    expect(proc.finishReasonOf('a')).toBeNull();
  });

  it('publishes its counts when they change, and only where somebody balances by them', async () => {
    const proc = start({ publishesCounts: true });
    const silent = start();
    for (const { add } of [proc, silent].map((p) => ({ add: p.add.bind(p) })))
      add(
        createTestRequest({
          requestId: 'a',
          numPromptTokens: 33,
          sampling: { maxTokens: 3, ignoreEos: true },
        }),
      );
    await vi.waitFor(() => expect(proc.finishReasonOf('a')).not.toBeNull());
    await turns();
    const counts = proc.sent
      .filter(({ clientIndex }) => clientIndex === -1)
      .map(({ outputs }) => outputs.schedulerStats)
      .map((stats) => [stats?.numRunningReqs, stats?.numWaitingReqs, stats?.kvCacheUsage]);
    expect(counts).toEqual([
      [0, 1, 0],
      [1, 0, 3 / 64],
      [0, 0, 0],
    ]);
    await vi.waitFor(() => expect(silent.finishReasonOf('a')).not.toBeNull());
    expect(silent.sent.every(({ clientIndex }) => clientIndex === 0)).toBe(true);
  });

  it('publishes the KV cache events of each step', async () => {
    const events: KVCacheEvent[] = [];
    const proc = start({
      engine: { enableKvCacheEvents: true },
      publishKvEvents: (batch) => events.push(...batch),
    });
    proc.add(createTestRequest({ requestId: 'a', numPromptTokens: 33 }));
    await vi.waitFor(() => expect(proc.finishReasonOf('a')).not.toBeNull());
    expect(events.map(({ type }) => type)).toEqual(['BlockStored']);
  });

  it('stops while a client reads too slowly, and loses nothing', async () => {
    const proc = start();
    let release: () => void = () => {};
    proc.add(endless('a'));
    await waitFor('a token', () => proc.tokensOf('a').length > 0);
    proc.pressure = new Promise((resolve) => {
      release = resolve;
    });
    await turns();
    const count = proc.tokensOf('a').length;
    expect(count).toBeLessThan(10);
    await turns();
    expect(proc.tokensOf('a')).toHaveLength(count);
    proc.pressure = null;
    release();
    await vi.waitFor(() => expect(proc.tokensOf('a')).toHaveLength(200));
  });

  describe('told to stop', () => {
    it('ends at once when idle', async () => {
      const proc = start();
      await turns();
      await proc.stop();
      expect(proc.sent).toEqual([]);
      expect(proc.log).toEqual([
        'EngineCore waiting for work.',
        'EngineCore loop active.',
        '[shutdown] EngineCore: start mode=abort timeout=0s',
        '[shutdown] EngineCore: request processing complete; starting resource teardown',
      ]);
    });

    it('aborts what runs and what waits, and refuses what comes', async () => {
      const proc = start({ engine: { scheduler: { maxNumSeqs: 1 } } });
      proc.add(endless('a'));
      proc.add(endless('b'));
      await waitFor('a token', () => proc.tokensOf('a').length > 0);
      proc.proc.requestShutdown();
      proc.add(endless('late'));
      proc.call('is_sleeping', [], 9);
      await proc.ended;
      expect(['a', 'b'].map((id) => proc.finishReasonOf(id))).toEqual([
        FinishReason.ABORT,
        FinishReason.ABORT,
      ]);
      expect(proc.log).toContain('[shutdown] EngineCore: aborting in-flight requests count=2');
      const last = proc.sent.find(({ outputs }) => outputs.finishedRequests?.includes('a'));
      expect(last?.outputs.finishedRequests).toEqual(['a', 'b']);
    });

    it('lets requests drain where it has time, and refuses what comes', async () => {
      const proc = start({ engine: { shutdownTimeoutS: 30 } });
      proc.add(endless('a'));
      await waitFor('a token', () => proc.tokensOf('a').length > 0);
      proc.proc.requestShutdown();
      proc.add(endless('late'));
      proc.call('is_sleeping', [], 9);
      await proc.ended;
      expect(proc.finishReasonOf('a')).toBe(FinishReason.LENGTH);
      expect(proc.tokensOf('a')).toHaveLength(200);
      expect(proc.finishReasonOf('late')).toBe(FinishReason.ABORT);
      expect(proc.answers.get(9)).toBe('Server shutting down');
      expect(proc.log).toContain(
        '[shutdown] EngineCore: draining in-flight requests count=1 timeout=30s',
      );
    });

    it('does not wait for a client that does not read', async () => {
      const proc = start();
      proc.add(endless('a'));
      await waitFor('a token', () => proc.tokensOf('a').length > 0);
      proc.pressure = new Promise(() => {});
      await turns();
      await proc.stop();
      expect(proc.finishReasonOf('a')).toBe(FinishReason.ABORT);
    });
  });

  it('breaks when the model does', async () => {
    const proc = start({ engine: { enableFaults: true } });
    proc.add(endless('a', { sampling: { maxTokens: 5, extraArgs: { oracle_crash: 1 } } }));
    await expect(proc.ended).rejects.toThrow();
  });
});
