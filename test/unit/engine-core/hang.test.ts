/** The fault under which an engine stands still: nothing is taken in, and our own calls are answered all the same. */
import { afterEach, describe, expect, it } from 'vitest';
import { EngineFaults } from '../../../src/engine-core/faults/engine-faults.ts';
import { EngineViews } from '../../../src/engine-core/views/engine-views.ts';
import { silentLogger } from '../../../src/shared/logger.ts';
import { FinishReason } from '../../../src/shared/protocol/outputs.ts';
import { createTestRequest } from '../../support/engine.ts';
import { TestProc, type TestProcOptions } from '../../support/engine-proc.ts';
import { ManualTime } from '../../support/manual-time.ts';
import { waitFor } from '../../support/wait-for.ts';

const endless = (requestId: string) =>
  createTestRequest({ requestId, sampling: { maxTokens: 200, ignoreEos: true } });

describe('an engine that hangs', () => {
  const procs: TestProc[] = [];
  const time = new ManualTime();
  afterEach(async () => {
    await Promise.all(procs.splice(0).map((proc) => proc.stop()));
  });

  function start(options?: TestProcOptions): TestProc {
    const proc = new TestProc(options);
    procs.push(proc);
    const { core } = proc;
    const logger = silentLogger();
    core.views = new EngineViews({
      parts: core.parts,
      faults: new EngineFaults({ host: core.parts.faults, timers: time, logger }),
      tap: null as never,
      facts: null as never,
      onAnswer: () => proc.proc.sendAnswers(),
    });
    return proc;
  }

  const hang = (handle: string, for_ms: number | null = null) => ({
    ...{ handle, fault: 'engine.hang', parameters: {}, for_ms },
  });

  /** As many turns of the event loop as a step can need. */
  async function turns(): Promise<void> {
    for (let i = 0; i < 20; i += 1) await new Promise((resolve) => setImmediate(resolve));
  }

  it('takes in nothing, and goes on where it was when the call that ends it comes', async () => {
    const proc = start();
    proc.add(endless('a'));
    await waitFor('a token', () => proc.tokensOf('a').length > 0);
    proc.call('vllm_twin_inject', [hang('f1')], 1);
    expect(proc.answers.get(1)).toBeNull();
    await turns();
    const numTokens = proc.tokensOf('a').length;
    proc.add(endless('b'));
    proc.abort('b');
    proc.call('is_sleeping', [], 2);
    await turns();
    expect(proc.tokensOf('a')).toHaveLength(numTokens);
    expect(proc.core.getRequestCounts()).toEqual({ numRunning: 1, numWaiting: 0 });
    expect(proc.answers.has(2)).toBe(false);
    proc.call('vllm_twin_clear', ['f1'], 3);
    expect(proc.answers.get(3)).toBe(true);
    await waitFor('an answer', () => proc.answers.has(2));
    await waitFor('more tokens', () => proc.tokensOf('a').length > numTokens);
  });

  it('ends by its time, an idle engine as well', async () => {
    const proc = start();
    proc.call('vllm_twin_inject', [hang('f1', 50)], 1);
    proc.add(endless('a'));
    await turns();
    expect(proc.tokensOf('a')).toEqual([]);
    time.advance(50);
    await waitFor('a token', () => proc.tokensOf('a').length > 0);
  });

  it('takes in nothing while its clock stands either', async () => {
    const proc = start();
    proc.call('vllm_twin_clock', [{ state: 'paused' }], 1);
    await turns();
    proc.call('vllm_twin_inject', [hang('f1')], 2);
    proc.add(endless('a'));
    await turns();
    expect(proc.core.getRequestCounts().numWaiting).toBe(0);
    proc.call('vllm_twin_clear', ['f1'], 3);
    await waitFor('the request', () => proc.core.getRequestCounts().numWaiting === 1);
  });

  it('ends with a shutdown, and tells its requests', async () => {
    const proc = start();
    proc.add(endless('a'));
    await waitFor('a token', () => proc.tokensOf('a').length > 0);
    proc.call('vllm_twin_inject', [hang('f1')], 1);
    await turns();
    await proc.stop();
    expect(proc.finishReasonOf('a')).toBe(FinishReason.ABORT);
  });

  it('refuses in words what it does not know', () => {
    const proc = start();
    proc.call('vllm_twin_inject', [{ ...hang('f1'), fault: 'http.error' }], 1);
    proc.call('vllm_twin_inject', [{ handle: 'f1' }], 2);
    expect(proc.answers.get(1)).toContain('a running engine has no fault http.error');
    expect(proc.answers.get(2)).toContain('expected an object with handle, fault, parameters');
  });
});
