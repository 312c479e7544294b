/** Data-parallel ranks of one model in lockstep: busy loops over the in-memory transport, and a coordinator. */
import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DP_SYNC_INTERVAL, DPEngineCore } from '../../../src/engine-core/dp-engine-core.ts';
import { type DpGroup, joinDpGroup } from '../../../src/engine-core/dp-group.ts';
import { silentLogger } from '../../../src/shared/logger.ts';
import { FinishReason } from '../../../src/shared/protocol/outputs.ts';
import type { ExcludedEngine } from '../../../src/shared/protocol/request.ts';
import { WIRE_VERSIONS } from '../../../src/shared/protocol/versions/wire-versions.ts';
import { createInMemoryTransport } from '../../../src/shared/transport/in-memory.ts';
import { type SpokenVersion, VLLM_VERSION } from '../../../src/shared/version.ts';
import { createTestRequest } from '../../support/engine.ts';
import { TestProc } from '../../support/engine-proc.ts';
import { waitFor } from '../../support/wait-for.ts';

/** What a rank tells the coordinator, in short. */
type Note = readonly [string, ...(number | null | undefined)[]];

describe('data-parallel ranks', () => {
  let ranks: TestProc[];
  let groups: DpGroup[];

  async function start(size: number, version: SpokenVersion = VLLM_VERSION): Promise<void> {
    const transport = createInMemoryTransport();
    const member = {
      address: 'tcp://127.0.0.1:29500',
      size,
      timeoutSeconds: 60,
      logger: silentLogger(),
    };
    groups = await Promise.all(
      Array.from({ length: size }, (_, rank) => joinDpGroup(transport, { ...member, rank })),
    );
    ranks = groups.map((group, rank) => {
      const proc = new TestProc({
        isMoeDp: true,
        publishesCounts: true,
        agree: (vote) => group.agree(vote),
        engine: {
          engineIndex: rank,
          versionRules: WIRE_VERSIONS[version],
          numBlocks: 65,
          maxConcurrentBatches: 2,
          scheduler: { maxModelLen: 1024 },
        },
      });
      return proc;
    });
  }

  beforeEach(() => {
    ranks = [];
    groups = [];
  });
  afterEach(async () => {
    // Ranks that run a wave need each other to end it.
    await Promise.all(ranks.map((rank) => rank.stop()));
    await Promise.all(groups.map((group) => group.close()));
  });

  const rank = (index: number): TestProc => {
    const proc = ranks[index];
    if (proc === undefined) throw new Error(`no rank ${index}`);
    return proc;
  };
  const coreOf = (index: number): DPEngineCore => {
    const { core } = rank(index);
    if (!(core instanceof DPEngineCore)) throw new Error('not a data-parallel engine core');
    return core;
  };
  const startWave = (wave: number, excludeEngineIndex: ExcludedEngine): void => {
    for (const { proc } of ranks) proc.push({ type: 'START_DP_WAVE', wave, excludeEngineIndex });
  };
  const request = (requestId: string, numPromptTokens: number, maxTokens: number) =>
    createTestRequest({ requestId, numPromptTokens, sampling: { maxTokens, ignoreEos: true } });
  const allIdle = (): boolean => ranks.every(({ core }) => !core.hasWork());
  /** All ranks have ended the wave and rest. */
  const endOf = (wave: number): Promise<void> =>
    waitFor(
      `the end of wave ${wave}`,
      () => allIdle() && ranks.every((_, index) => coreOf(index).currentWave > wave),
    );
  /** All input so far has been handled. */
  const allRead = async (): Promise<void> => {
    for (const proc of ranks) proc.call('is_sleeping', [], 99);
    await waitFor('all input', () => ranks.every(({ answers }) => answers.has(99)));
  };
  const notesOf = (index: number): readonly Note[] =>
    rank(index)
      .sent.filter(({ clientIndex }) => clientIndex === -1)
      .map(({ outputs }) => noteOf(outputs));

  it('tell the coordinator what the recorded ones told it', async () => {
    await start(2);
    rank(0).add(request('d0', 50, 4));
    rank(1).add(request('d1', 50, 6));
    startWave(0, 0);
    await endOf(0);
    expect(rank(0).tokensOf('d0')).toHaveLength(4);
    expect(rank(1).tokensOf('d1')).toHaveLength(6);
    rank(1).add({ ...request('d2', 30, 3), currentWave: 1 });
    startWave(1, 1);
    await endOf(1);
    expect(rank(1).tokensOf('d2')).toHaveLength(3);
    for (const index of [0, 1]) expect(notesOf(index)).toEqual(recordedNotes(index));
    expect(ranks.map((_, index) => coreOf(index).currentWave)).toEqual([2, 2]);
  });

  it.each([
    ['0.32.0', [['start_wave', 0]]],
    ['0.28.0', []],
  ] as const)(
    'of vLLM %s leave it to the frontend to begin a wave, and begin one that it counts as running',
    async (version, told) => {
      const startsOf = (index: number): readonly Note[] =>
        notesOf(index).filter(([what]) => what === 'start_wave');
      await start(2, version);
      rank(1).add(request('a', 50, 4));
      await allRead();
      expect([startsOf(0), startsOf(1)]).toEqual([[], []]);
      startWave(0, Uint8Array.of(1, 0));
      await endOf(0);
      expect(rank(1).tokensOf('a')).toHaveLength(4);
      expect([startsOf(0), startsOf(1)]).toEqual([told, []]);
      rank(1).add({ ...request('b', 50, 4), currentWave: 0 });
      await waitFor('the start of wave 1', () => startsOf(1).length > 0);
      expect(startsOf(1)).toEqual([['start_wave', 1]]);
      startWave(1, 1);
      await endOf(1);
      expect(rank(1).tokensOf('b')).toHaveLength(4);
    },
  );

  it.each([2, 3, 4])('all %i step until nobody has work, and stop together', async (size) => {
    await start(size);
    const steps = ranks.map(() => 0);
    for (const index of ranks.keys()) {
      const core = coreOf(index);
      const countStep = core.countStep.bind(core);
      core.countStep = () => {
        steps[index] = (steps[index] ?? 0) + 1;
        return countStep();
      };
    }
    const last = size - 1;
    rank(last).add(request('a', 20, 40));
    startWave(0, last);
    await endOf(0);
    expect(rank(last).tokensOf('a')).toHaveLength(40);
    expect(new Set(steps).size).toBe(1);
    expect((steps[0] ?? 0) % DP_SYNC_INTERVAL).toBe(0);
    expect(notesOf(0)).toEqual([
      ['start_wave', 0],
      ['wave_complete', 0],
    ]);
    expect(coreOf(last).stepCounter).toBe(0);
  });

  it('wait for the slowest in every step', async () => {
    await start(2);
    const ahead: number[] = [];
    const core = coreOf(0);
    const countStep = core.countStep.bind(core);
    core.countStep = () => {
      ahead.push(core.stepCounter - coreOf(1).stepCounter);
      return countStep();
    };
    rank(0).add(request('a', 20, 40));
    startWave(0, 0);
    await endOf(0);
    expect(ahead.length).toBeGreaterThan(40);
    expect(Math.max(...ahead.map(Math.abs))).toBeLessThanOrEqual(1);
  });

  it('stop together in the middle of a wave', async () => {
    await start(3);
    rank(1).add(request('a', 20, 900));
    startWave(0, 1);
    await waitFor('a token', () => rank(1).tokensOf('a').length > 0);
    await Promise.all(ranks.map((proc) => proc.stop()));
    expect(rank(1).finishReasonOf('a')).toBe(FinishReason.ABORT);
  });

  it('do not wait for a rank that was told to stop before it took part', async () => {
    await start(2);
    await rank(1).stop();
    await groups.pop()?.close();
    // Rank 1 never hears of the wave.
    rank(0).add(request('a', 20, 900));
    await waitFor('a token', () => rank(0).tokensOf('a').length > 0);
    await rank(0).stop();
    expect(rank(0).finishReasonOf('a')).toBe(FinishReason.ABORT);
  });

  it('all stand still with one that hangs, at their next common step, and go on with it', async () => {
    await start(2);
    rank(0).add(request('a', 20, 900));
    startWave(0, 0);
    await waitFor('a token', () => rank(0).tokensOf('a').length > 0);
    const letGo = coreOf(1).parts.faults.hang();
    await standsStill(() => rank(0).tokensOf('a').length);
    rank(0).add(request('b', 20, 2));
    await standsStill(() => rank(0).outputsOf('b').length);
    expect(rank(0).outputsOf('b')).toEqual([]);
    letGo();
    await waitFor('the end of b', () => rank(0).finishReasonOf('b') !== null);
  });

  it('end when all are told to, though one hangs', async () => {
    await start(2);
    rank(0).add(request('a', 20, 900));
    startWave(0, 0);
    await waitFor('a token', () => rank(0).tokensOf('a').length > 0);
    coreOf(1).parts.faults.hang();
    await standsStill(() => rank(0).tokensOf('a').length);
    await Promise.all(ranks.map((one) => one.stop()));
    expect(rank(0).finishReasonOf('a')).toBe(FinishReason.ABORT);
  });

  it('break when they cannot agree, unless they are told to stop', async () => {
    const broken = () => Promise.reject(new Error('rank 0 has ended'));
    const [running, stopping] = [1, 2].map(() => new TestProc({ isMoeDp: true, agree: broken }));
    for (const proc of [running, stopping]) proc?.add(request('a', 20, 900));
    await waitFor('a token', () => (stopping?.tokensOf('a').length ?? 0) > 0);
    stopping?.proc.requestShutdown();
    await expect(running?.ended).rejects.toThrow('rank 0 has ended');
    await expect(stopping?.ended).resolves.toBeUndefined();
  });

  it('take no notice of a wave that is over, or of their own', async () => {
    await start(2);
    rank(0).add(request('a', 20, 2));
    startWave(0, 0);
    await endOf(0);
    startWave(0, 1);
    await allRead();
    expect(ranks.map((_, index) => coreOf(index).currentWave)).toEqual([1, 1]);
    expect(notesOf(0).filter(([kind]) => kind === 'wave_complete')).toEqual([['wave_complete', 0]]);
  });

  it('catch up with a wave that their client knows of', async () => {
    await start(2);
    rank(0).add({ ...request('a', 20, 2), currentWave: 5 });
    startWave(5, 0);
    await endOf(5);
    expect(ranks.map((_, index) => coreOf(index).currentWave)).toEqual([6, 6]);
    expect(notesOf(0).filter(([kind]) => kind !== 'counts')).toEqual([
      ['start_wave', 5],
      ['start_wave', 5],
      ['wave_complete', 5],
    ]);
  });

  describe('that pause', () => {
    const pauseAll = async (mode: string): Promise<void> => {
      for (const proc of ranks) proc.call('pause_scheduler', [mode, false], 1);
      await waitFor('all pauses', () => ranks.every(({ answers }) => answers.has(1)));
    };

    it('do so together, from idle', async () => {
      await start(3);
      await pauseAll('abort');
      expect(ranks.map(({ answers }) => answers.get(1))).toEqual([null, null, null]);
      expect(allIdle()).toBe(true);
      // No START_DP_WAVE wakes them now.
      startWave(9, 2);
      await allRead();
      expect(ranks.map((_, index) => coreOf(index).enginesRunning)).toEqual([false, false, false]);
    });

    it('wait for the last one', async () => {
      await start(2);
      rank(0).call('pause_scheduler', ['abort', false], 1);
      await waitFor('rank 0 to step alone', () => coreOf(0).enginesRunning);
      expect(rank(0).answers.has(1)).toBe(false);
      rank(1).call('pause_scheduler', ['abort', false], 1);
      await waitFor('both pauses', () => ranks.every(({ answers }) => answers.has(1)));
    });

    it('end what runs first, or abort it', async () => {
      await start(2);
      rank(1).add(request('a', 20, 300));
      startWave(0, 1);
      await waitFor('a token', () => rank(1).tokensOf('a').length > 0);
      await pauseAll('abort');
      expect(rank(1).finishReasonOf('a')).toBe(FinishReason.ABORT);
    });

    it('resume together, and run what was queued meanwhile', async () => {
      await start(2);
      await pauseAll('wait');
      rank(1).add(request('a', 20, 3));
      rank(0).call('resume_scheduler', [], 2);
      await waitFor('rank 0 at the barrier', () => coreOf(0).barrierVote !== null);
      expect(rank(0).answers.has(2)).toBe(false);
      rank(1).call('resume_scheduler', [], 2);
      await waitFor('the request', () => rank(1).finishReasonOf('a') === FinishReason.LENGTH);
      await endOf(0);
      expect(ranks.map(({ answers }) => answers.get(2))).toEqual([null, null]);
    });

    it('cannot resume before they are paused', async () => {
      await start(2);
      rank(0).call('pause_scheduler', ['abort', false], 1);
      rank(0).call('resume_scheduler', [], 2);
      await waitFor('the answer', () => rank(0).answers.has(2));
      expect(rank(0).answers.get(2)).toBe(
        'Call to resume_scheduler method failed: resume_scheduler called while pause is still in flight. Wait for the ' +
          'pause future to resolve before resuming.',
      );
      rank(1).call('pause_scheduler', ['abort', false], 1);
      await waitFor('both pauses', () => ranks.every(({ answers }) => answers.has(1)));
    });

    it('sleep and wake up together', async () => {
      await start(2);
      for (const proc of ranks) proc.call('sleep', [1, 'abort'], 1);
      await waitFor('sleep', () => ranks.every(({ answers }) => answers.has(1)));
      for (const proc of ranks) proc.call('wake_up', [null], 2);
      await waitFor('the answers', () => ranks.every(({ answers }) => answers.has(2)));
      expect(ranks.map(({ answers }) => answers.get(2))).toEqual([true, true]);
    });
  });

  it('admit prefills at common steps only, where an interval is set', () => {
    const core = new TestProc({ isMoeDp: true }).core as DPEngineCore;
    expect(core.shouldThrottlePrefills).toBe(false);
    core.prefillScheduleInterval = 4;
    const throttled = [0, 1, 2, 3, 4, 5].map((stepCounter) => {
      core.stepCounter = stepCounter;
      return core.shouldThrottlePrefills;
    });
    expect(throttled).toEqual([false, true, true, true, false, true]);
  });
});

/** A hundred turns of the event loop in which the number does not change. */
async function standsStill(count: () => number): Promise<void> {
  let last = count();
  for (let numTurns = 0; numTurns < 100; numTurns += 1) {
    await new Promise((resolve) => setImmediate(resolve));
    if (count() !== last) numTurns = 0;
    last = count();
  }
}

function noteOf(outputs: {
  readonly startWave: number | null;
  readonly waveComplete: number | null;
  readonly schedulerStats: {
    readonly numRunningReqs: number;
    readonly numWaitingReqs: number;
    readonly stepCounter: number;
    readonly currentWave: number;
    readonly kvCacheUsage: number;
  } | null;
}): Note {
  if (outputs.startWave !== null) return ['start_wave', outputs.startWave];
  if (outputs.waveComplete !== null) return ['wave_complete', outputs.waveComplete];
  const stats = outputs.schedulerStats;
  const lockstep = [stats?.stepCounter, stats?.currentWave];
  return ['counts', stats?.numRunningReqs, stats?.numWaitingReqs, ...lockstep, stats?.kvCacheUsage];
}

/** What a rank of the recorded run sent to the coordinator, in order. */
function recordedNotes(rank: number): readonly Note[] {
  const { samples } = JSON.parse(
    readFileSync(new URL('../../golden/wire.json', import.meta.url), 'utf8'),
  ) as { samples: { name: string; kind: string; decoded: Record<string, unknown> }[] };
  return samples
    .filter(
      ({ name, kind }) => name.startsWith('live/dp2_moe-coord/') && kind === 'engine->coordinator',
    )
    .map(({ decoded }) => decoded)
    .filter(({ engine_index }) => engine_index === rank)
    .map((decoded) => {
      const stats = decoded['scheduler_stats'] as Record<string, number> | null;
      return noteOf({
        startWave: decoded['start_wave'] as number | null,
        waveComplete: decoded['wave_complete'] as number | null,
        schedulerStats:
          stats === null
            ? null
            : {
                numRunningReqs: stats['num_running_reqs'] ?? -1,
                numWaitingReqs: stats['num_waiting_reqs'] ?? -1,
                stepCounter: stats['step_counter'] ?? -1,
                currentWave: stats['current_wave'] ?? -1,
                kvCacheUsage: stats['kv_cache_usage'] ?? -1,
              },
      });
    });
}
