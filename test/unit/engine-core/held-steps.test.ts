import { afterEach, describe, expect, it } from 'vitest';
import { FinishReason } from '../../../src/shared/protocol/outputs.ts';
import { createTestRequest } from '../../support/engine.ts';
import { waitFor } from '../../support/wait-for.ts';
import { WatchedProc, type WatchedProcOptions } from '../../support/watched-proc.ts';

const procs: WatchedProc[] = [];
const start = (options?: WatchedProcOptions): WatchedProc => {
  const proc = new WatchedProc(options);
  procs.push(proc);
  return proc;
};
const endless = (requestId: string) =>
  createTestRequest({ requestId, sampling: { maxTokens: 200, ignoreEos: true } });
const short = (requestId: string, maxTokens = 4) =>
  createTestRequest({ requestId, sampling: { maxTokens, ignoreEos: true } });
/** As many turns of the event loop as a step can need. */
const turns = async (count = 30): Promise<void> => {
  for (let i = 0; i < count; i += 1) await new Promise((resolve) => setImmediate(resolve));
};

afterEach(async () => {
  await Promise.all(procs.splice(0).map((proc) => proc.stop()));
});

describe('an engine whose step clock stands', () => {
  it('takes requests in, and steps not', async () => {
    const proc = start();
    expect(await proc.view('vllm_twin_clock', { state: 'paused' })).toMatchObject({
      state: 'paused',
    });
    proc.add(endless('a'));
    await waitFor('the request', () => proc.core.getRequestCounts().numWaiting === 1);
    await turns();
    expect(proc.outputsOf('a')).toEqual([]);
    const { waiting, running } = await proc.view('vllm_twin_steps', 0);
    expect(running).toEqual([]);
    expect(waiting).toEqual([
      {
        request_id: 'a',
        why: 'clock_paused',
        text: "the engine's clock is paused: no step runs that could admit it",
      },
    ]);
  });

  it('runs as many steps as it is told, and stands again', async () => {
    const proc = start();
    await proc.view('vllm_twin_clock', { state: 'paused' });
    proc.add(endless('a'));
    await proc.view('vllm_twin_clock', { steps: 3 });
    await waitFor('three tokens', () => proc.tokensOf('a').length === 3);
    await turns();
    expect(proc.tokensOf('a')).toHaveLength(3);
    expect((await proc.view('vllm_twin_about')).clock).toEqual({
      state: 'paused',
      factor: 1,
      steps_left: 0,
    });
    await proc.view('vllm_twin_clock', { state: 'running' });
    await waitFor('more', () => proc.tokensOf('a').length > 10);
  });

  it('keeps the steps that nothing was there for', async () => {
    const proc = start();
    await proc.view('vllm_twin_clock', { state: 'paused', steps: 2 });
    await turns();
    expect((await proc.view('vllm_twin_about')).clock.steps_left).toBe(2);
    proc.add(endless('a'));
    await waitFor('two tokens', () => proc.tokensOf('a').length === 2);
  });

  it('answers calls and heeds aborts', async () => {
    const proc = start();
    await proc.view('vllm_twin_clock', { state: 'paused', steps: 1 });
    proc.add(endless('a'));
    await waitFor('a token', () => proc.tokensOf('a').length === 1);
    expect(await proc.ask('is_scheduler_paused')).toBe(false);
    expect((await proc.view('vllm_twin_request', 'a'))?.status).toBe('RUNNING');
    proc.abort('a');
    await waitFor('the abort', () => proc.core.getRequestCounts().numRunning === 0);
  });

  it('tells the coordinator of requests that came meanwhile', async () => {
    const proc = start({ publishesCounts: true });
    await proc.view('vllm_twin_clock', { state: 'paused' });
    proc.add(endless('a'));
    const waiting = () =>
      proc.sent.filter(({ clientIndex }) => clientIndex === -1).at(-1)?.outputs.schedulerStats
        ?.numWaitingReqs;
    await waitFor('the counts', () => waiting() === 1);
  });

  it('ends at once when it is told to stop, and aborts what is there', async () => {
    const proc = start();
    await proc.view('vllm_twin_clock', { state: 'paused', factor: 10 });
    proc.add(endless('a'));
    await waitFor('the request', () => proc.core.getRequestCounts().numWaiting === 1);
    proc.proc.requestShutdown();
    await proc.ended;
    expect(proc.finishReasonOf('a')).toBe(FinishReason.ABORT);
  });

  it('drains when it is told to end what it has begun', async () => {
    const proc = start({ engine: { shutdownTimeoutS: 10 } });
    await proc.view('vllm_twin_clock', { state: 'paused' });
    proc.add(short('a'));
    await waitFor('the request', () => proc.core.getRequestCounts().numWaiting === 1);
    proc.proc.requestShutdown();
    await proc.ended;
    expect(proc.tokensOf('a')).toHaveLength(4);
  });

  it('rests where there is nothing to step', async () => {
    const proc = start();
    await proc.view('vllm_twin_clock', { state: 'paused' });
    proc.add(endless('a'));
    await waitFor('the request', () => proc.core.getRequestCounts().numWaiting === 1);
    // The loop waits for input: a turn of it would schedule or publish.
    const { currentStep } = proc.core.scheduler.state;
    const numSent = proc.sent.length;
    await turns(200);
    expect(proc.core.scheduler.state.currentStep).toBe(currentStep);
    expect(proc.sent).toHaveLength(numSent);
  });
});

describe('two batches in flight', () => {
  it('stand with the clock, and each step gives the outputs of one', async () => {
    const proc = start({ engine: { maxConcurrentBatches: 2 } });
    await proc.view('vllm_twin_clock', { state: 'paused' });
    proc.add(endless('a'));
    for (let tokens = 1; tokens <= 4; tokens++) {
      await proc.view('vllm_twin_clock', { steps: 1 });
      await waitFor('a token', () => proc.tokensOf('a').length === tokens);
      await turns();
      expect(proc.tokensOf('a')).toHaveLength(tokens);
      // The next one is planned already, as it would be with a clock that runs.
      expect(proc.core.scheduledBatch).not.toBeNull();
    }
  });
});

describe('the clock changes when, never what', () => {
  it.each([1, 2])('with %i batches in flight', async (maxConcurrentBatches) => {
    const trace = async (changes: readonly object[]): Promise<unknown> => {
      const proc = start({
        engine: { maxConcurrentBatches, tokenSource: 'random', seed: 3, numBlocks: 9 },
      });
      await proc.view('vllm_twin_clock', { state: 'paused' });
      const requests = ['a', 'b', 'c'].map((requestId, index) => ({
        ...short(requestId, 12),
        promptTokenIds: Array.from({ length: 20 }, (_, i) => 100 * index + i + 3),
        arrivalTime: index,
      }));
      for (const request of requests) proc.add(request);
      await waitFor('the requests', () => proc.core.getRequestCounts().numWaiting === 3);
      await proc.view('vllm_twin_steps', 0);
      for (const change of changes) {
        await proc.view('vllm_twin_clock', change);
        await turns();
      }
      await proc.view('vllm_twin_clock', { state: 'running' });
      await waitFor('the end', () =>
        requests.every(({ requestId }) => proc.finishReasonOf(requestId) !== null),
      );
      const { steps } = await proc.view('vllm_twin_steps', 0);
      return [
        steps.map(({ start_ms: _, end_ms: __, ...step }) => step),
        requests.map(({ requestId }) => proc.tokensOf(requestId)),
      ];
    };
    const plain = await trace([]);
    expect(await trace([{ steps: 1 }, { steps: 2 }, { factor: 0.1 }, { steps: 3 }])).toEqual(plain);
  });

  it('stretches simulated steps by the factor', async () => {
    const proc = start({ engine: { latency: { kind: 'constant', stepMs: 2 } } });
    const { core } = proc;
    core.handleInput({ type: 'ADD', request: endless('a') });
    await proc.view('vllm_twin_clock', { state: 'paused', factor: 5 });
    expect(core.executeDummyBatch()).toBe(5 * core.parts.executor.dummyStepMs());
  });
});

describe('a data-parallel rank', () => {
  it('tells the others while it stands with work, and not while it is idle', async () => {
    let numHolds = 0;
    let numReleases = 0;
    const proc = start({
      isMoeDp: true,
      holdOthers: () => {
        numHolds += 1;
        return () => {
          numReleases += 1;
        };
      },
    });
    await proc.view('vllm_twin_clock', { state: 'paused' });
    await turns();
    expect(numHolds).toBe(0);
    proc.proc.push({ type: 'START_DP_WAVE', wave: 0, excludeEngineIndex: 1 });
    await waitFor('it holds the wave', () => numHolds === 1);
    expect(numReleases).toBe(0);
    await proc.view('vllm_twin_clock', { state: 'running' });
    await waitFor('it lets the others go', () => numReleases === 1);
  });

  it('counts a step of all ranks as one, whatever it ran itself', async () => {
    let numVotes = 0;
    let isWaveOver = false;
    const proc = start({
      isMoeDp: true,
      agree: async () => {
        numVotes += 1;
        return { hasUnfinished: !isWaveOver, pauseConsensus: false };
      },
    });
    await proc.view('vllm_twin_clock', { state: 'paused' });
    proc.proc.push({ type: 'START_DP_WAVE', wave: 0, excludeEngineIndex: 1 });
    await proc.view('vllm_twin_clock', { steps: 3 });
    await waitFor('three votes', () => numVotes === 3);
    await turns();
    expect(numVotes).toBe(3);
    isWaveOver = true;
  });

  it('answers looks, and can be told to stand, while it waits for one that stands', async () => {
    const proc = start({ isMoeDp: true, agree: () => new Promise(() => {}) });
    proc.add(endless('a'));
    await waitFor('its step', () => proc.tokensOf('a').length === 1);
    expect((await proc.view('vllm_twin_request', 'a'))?.status).toBe('RUNNING');
    expect((await proc.view('vllm_twin_clock', { state: 'paused' })).state).toBe('paused');
    // It waits for ever: nothing is left to stop.
    procs.splice(procs.indexOf(proc), 1);
  });
});
