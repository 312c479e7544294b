/** How engine-core processes end, and why they may not start. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FinishReason } from '../../src/shared/protocol/outputs.ts';
import { createTestRequest } from '../support/engine.ts';
import { EngineProcesses } from '../support/engine-processes.ts';
import { childrenOf, isAlive } from '../support/process.ts';
import { waitUntil } from '../support/wait-for.ts';

describe('engine-core processes', () => {
  let processes: EngineProcesses;
  beforeEach(() => {
    processes = new EngineProcesses();
  });
  afterEach(() => processes.close());

  const endless = (requestId: string) =>
    createTestRequest({ requestId, sampling: { maxTokens: 900, ignoreEos: true } });

  describe('told to end', () => {
    it.each(['SIGTERM', 'SIGINT'] as const)(
      'by %s, abort what runs and exit with 0',
      async (signal) => {
        const frontend = await processes.frontend(2);
        const twin = processes.start(frontend, 2, ['--step-time', '20']);
        await frontend.allReady();
        for (const rank of [0, 1])
          frontend.send(rank, { type: 'ADD', request: endless(`r${rank}`) });
        for (const rank of [0, 1])
          await waitUntil('a token', async () => frontend.tokensOf(`r${rank}`).length > 0);
        twin.signal(signal);
        expect(await twin.waitForExit()).toEqual({ code: 0, signal: null });
        await frontend.finished('r1');
        expect(['r0', 'r1'].map((id) => frontend.finishReasonOf(id))).toEqual([
          FinishReason.ABORT,
          FinishReason.ABORT,
        ]);
        expect(frontend.numDead).toBe(0);
      },
    );

    it('while they start, do so at once and exit with 0', async () => {
      const frontend = await processes.frontend(1, { init: null });
      const twin = processes.start(frontend, 1);
      await waitUntil('HELLO', async () => frontend.handshakes.length === 1);
      twin.signal('SIGTERM');
      expect(await twin.waitForExit(3_000)).toEqual({ code: 0, signal: null });
    });

    it('let requests drain with --shutdown-timeout', async () => {
      const frontend = await processes.frontend(1);
      const twin = processes.start(frontend, 1, ['--step-time', '2', '--shutdown-timeout', '30']);
      await frontend.allReady();
      frontend.send(0, { type: 'ADD', request: endless('a') });
      await waitUntil('a token', async () => frontend.tokensOf('a').length > 0);
      twin.signal('SIGTERM');
      expect(await twin.waitForExit()).toEqual({ code: 0, signal: null });
      await frontend.finished('a');
      expect(frontend.tokensOf('a')).toHaveLength(900);
    });

    it('by the death of their parent, do so at once', async () => {
      const frontend = await processes.frontend(2);
      const twin = processes.start(frontend, 2);
      await frontend.allReady();
      const engines = childrenOf(twin.pid);
      expect(engines).toHaveLength(2);
      twin.signal('SIGKILL');
      await twin.waitForExit();
      await waitUntil('no engine left', async () => !engines.some(isAlive));
    });

    it('by a frontend that is gone, do so within seconds', async () => {
      const frontend = await processes.frontend(2);
      const twin = processes.start(frontend, 2);
      await frontend.allReady();
      await frontend.close();
      expect(await twin.waitForExit(10_000)).toEqual({ code: 1, signal: null });
      expect(twin.log).toContain('The frontend has been gone for 3 s; the engine core ends too');
    });

    it('by a model that crashes, tell everybody and exit with 1', async () => {
      const frontend = await processes.frontend(2);
      const twin = processes.start(frontend, 2, ['--enable-faults']);
      await frontend.allReady();
      const crash = createTestRequest({
        requestId: 'crash',
        sampling: { maxTokens: 5, extraArgs: { oracle_crash: 1 } },
      });
      frontend.send(1, { type: 'ADD', request: crash });
      expect(await twin.waitForExit()).toEqual({ code: 1, signal: null });
      await waitUntil('ENGINE_CORE_DEAD', async () => frontend.numDead === 1);
      expect(twin.log).toContain('EngineCore encountered a fatal error.');
      expect(twin.log).toContain(
        'EngineCore_DP1 ended with exit code 1; the other engines end too',
      );
    });
  });

  describe('that cannot start', () => {
    it.each([
      [
        'too little memory',
        ['--gpu-memory', '2GB', '--weights-bytes', '4GB'],
        1,
        'No available memory for the cache blocks',
      ],
      [
        'too many blocks',
        ['--num-gpu-blocks-override', '1000000000'],
        1,
        'CUDA out of memory. Tried to allocate',
      ],
      [
        'a context that does not fit',
        ['--kv-cache-memory-bytes', '100KB'],
        1,
        'larger than the available KV cache memory',
      ],
      [
        'a model that does not exist',
        ['--model', 'nobody/nothing'],
        2,
        'model nobody/nothing is neither in the catalogue',
      ],
    ])('for %s say so in one line', async (_, words, code, message) => {
      const frontend = await processes.frontend(1);
      const twin = processes.start(frontend, 1, words);
      expect(await twin.waitForExit()).toEqual({ code, signal: null });
      const errors = twin.log
        .split('\n')
        .filter((line) => line.includes('EngineCore failed to start'));
      expect(errors).toHaveLength(1);
      expect(errors[0]).toContain(message);
    });

    it('for want of a frontend give up after --handshake-timeout', async () => {
      const frontend = await processes.frontend(1, { init: null });
      const twin = processes.start(frontend, 1, ['--handshake-timeout', '1']);
      expect(await twin.waitForExit(10_000)).toEqual({ code: 1, signal: null });
      expect(twin.log).toContain('Did not receive response from front-end process at');
      expect(twin.log).toContain('(--handshake-timeout sets the wait)');
    });

    it('for want of a coordinator give up after --coordinator-ready-timeout', async () => {
      // It waits for a third engine.
      const frontend = await processes.frontend(3, { withCoordinator: true });
      const twin = processes.start(frontend, 2, ['--coordinator-ready-timeout', '1']);
      expect(await twin.waitForExit(10_000)).toEqual({ code: 1, signal: null });
      expect(twin.log).toContain('no READY message from the DP Coordinator at');
    });

    it('for a frontend that talks nonsense quote it', async () => {
      const frontend = await processes.frontend(1, { init: [Buffer.from('hello')] });
      const twin = processes.start(frontend, 1);
      expect(await twin.waitForExit()).toEqual({ code: 1, signal: null });
      expect(twin.log).toContain('answered HELLO with something else than INIT');
    });

    it.each([
      [
        ['--max-modl-len', '1'],
        'unknown flag --max-modl-len (did you mean --max-model-len?); see --help',
      ],
      [['--block-size', 'x'], "--block-size 'x': must be a whole number"],
      [
        ['--data-parallel-start-rank', '2'],
        '--data-parallel-start-rank 2 and 1 local engine(s) go beyond --data-parallel-size 1',
      ],
      [['--kv-events-config', '{"x": 1}'], '--kv-events-config: x is not known'],
    ])(
      'for a flag that is wrong say so in one line, with exit code 2: %j',
      async (words, message) => {
        const frontend = await processes.frontend(1);
        const twin = processes.start(frontend, 1, words);
        expect(await twin.waitForExit()).toEqual({ code: 2, signal: null });
        expect(twin.log.trimEnd().split('\n')).toHaveLength(1);
        expect(twin.log).toContain(message);
      },
    );
  });
});
