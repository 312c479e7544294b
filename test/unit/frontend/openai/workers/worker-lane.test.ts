import { describe, expect, it } from 'vitest';
import { ApiError, internalError } from '../../../../../src/frontend/llm/errors.ts';
import type { JobRunner } from '../../../../../src/frontend/openai/workers/job-runner.ts';
import {
  type JobLimits,
  WorkerLane,
  type WorkerLaneOptions,
} from '../../../../../src/frontend/openai/workers/worker-lane.ts';

/** Answers when the test says so; an ended job fails as a worker's end does. */
class HeldRunner implements JobRunner {
  readonly signals: AbortSignal[] = [];
  readonly #answers: (() => void)[] = [];
  isClosed = false;

  run(name: string, _job: unknown, signal: AbortSignal): Promise<never> {
    this.signals.push(signal);
    return new Promise((resolve, reject) => {
      const answer = { ok: true, result: name };
      this.#answers.push(() => resolve(answer as never));
      signal.addEventListener('abort', () => reject(new Error('ended')));
    });
  }

  answerNext(): void {
    this.#answers.shift()?.();
  }

  async close(): Promise<void> {
    this.isClosed = true;
  }
}

class TestDeparture {
  leave: () => void = () => {};
  onDisconnect(handler: () => void): void {
    this.leave = handler;
  }
}

function createLane(fields: Partial<WorkerLaneOptions> = {}) {
  const runner = new HeldRunner();
  const failure = (error: unknown) => internalError(`failed: ${(error as Error).message}`);
  const lane = new WorkerLane({ runner, maxJobs: 2, maxChars: 100, failure, ...fields });
  const run = (limits: Partial<JobLimits> = {}) =>
    lane.run(
      'encode',
      { texts: [], addSpecialTokens: true },
      {
        size: 10,
        timeoutMs: null,
        onTimeout: () => internalError('too late'),
        departure: null,
        ...limits,
      },
    );
  return { lane, runner, run };
}

const infoOf = async (promise: Promise<unknown>) => {
  try {
    await promise;
  } catch (error) {
    if (error instanceof ApiError) return error.info;
    throw error;
  }
  throw new Error('it was answered');
};

describe('a lane of workers', () => {
  it('hands the answer on and has room again', async () => {
    const { lane, runner, run } = createLane();
    const answer = run();
    expect(lane.numJobs).toBe(1);
    runner.answerNext();
    expect(await answer).toBe('encode');
    expect(lane.numJobs).toBe(0);
  });

  it('refuses what is more than it may hold with 503', async () => {
    const { runner, run } = createLane();
    const first = [run(), run()];
    expect(await infoOf(run())).toMatchObject({ code: 503, type: 'Service Unavailable' });
    runner.answerNext();
    await first[0];
    const third = run();
    runner.answerNext();
    runner.answerNext();
    expect(await third).toBe('encode');
  });

  it('takes a job larger than its bound only alone', async () => {
    const { runner, run } = createLane();
    const large = run({ size: 1000 });
    expect((await infoOf(run({ size: 1 }))).code).toBe(503);
    runner.answerNext();
    expect(await large).toBe('encode');
  });

  it('gives the place back when the client leaves', async () => {
    const { lane, runner, run } = createLane();
    const departure = new TestDeparture();
    const job = run({ departure });
    departure.leave();
    expect((await infoOf(job)).message).toBe('failed: ended');
    expect(runner.signals[0]?.aborted).toBe(true);
    expect(lane.numJobs).toBe(0);
  });

  it('ends a job at its time limit with that limit’s error', async () => {
    const { lane, run } = createLane();
    expect((await infoOf(run({ timeoutMs: 1 }))).message).toBe('too late');
    expect(lane.numJobs).toBe(0);
  });

  it('takes nothing more once it is closed', async () => {
    const { lane, runner, run } = createLane();
    await lane.close();
    expect(runner.isClosed).toBe(true);
    expect((await infoOf(run())).code).toBe(503);
  });
});
