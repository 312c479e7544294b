import { describe, expect, it } from 'vitest';
import {
  checkLoad,
  createLoad,
  type LoadSettings,
  MAX_CONNECTIONS,
  MAX_IN_FLIGHT,
  promptOf,
} from '../../../../src/page/playground/load-plan.ts';

const SETTINGS: LoadSettings = { rate: 10, promptLength: 32, outputLength: 4, sharedPrefix: 0 };

/** Completions that end when the test says. */
function createSends() {
  const open: {
    prompts: readonly (readonly number[])[];
    signal: AbortSignal;
    end: (error?: Error) => void;
  }[] = [];
  const send = (prompts: readonly (readonly number[])[], signal: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      open.push({ prompts, signal, end: (error) => (error ? reject(error) : resolve()) });
      signal.addEventListener('abort', () => reject(new Error('aborted')));
    });
  return { open, send };
}

const settled = async (): Promise<void> => {
  for (let turn = 0; turn < 5; turn++) await Promise.resolve();
};

describe('a little load', () => {
  it('sends at its rate, the first request at once', () => {
    const { open, send } = createSends();
    const load = createLoad(SETTINGS, 1_000, send);
    load.turn(1_000);
    load.turn(1_050);
    expect(open).toHaveLength(1);
    load.turn(1_100);
    expect(open).toHaveLength(2);
    expect(open[0]?.prompts[0]).toHaveLength(32);
  });

  it('sends together what was due while its connections were taken', async () => {
    const { open, send } = createSends();
    const load = createLoad(SETTINGS, 0, send);
    load.turn(0);
    load.turn(100);
    load.turn(500);
    expect(open).toHaveLength(MAX_CONNECTIONS);
    expect(load.counts()).toMatchObject({ waiting: 4, sent: 2, inFlight: 2 });
    open[0]?.end();
    await settled();
    load.turn(510);
    expect(open[2]?.prompts).toHaveLength(4);
    expect(load.counts()).toMatchObject({ waiting: 0, sent: 6, inFlight: 5, finished: 1 });
  });

  it('does not send more tokens together than a body should have', async () => {
    const { open, send } = createSends();
    const load = createLoad({ ...SETTINGS, promptLength: 30_000 }, 0, send);
    load.turn(2_000);
    expect(open.map(({ prompts }) => prompts.length)).toEqual([3, 3]);
  });

  it('counts what finished and what failed, with the last failure in words', async () => {
    const { open, send } = createSends();
    const load = createLoad(SETTINGS, 0, send);
    load.turn(0);
    load.turn(200);
    open[0]?.end();
    open[1]?.end(new Error('400: too long'));
    await settled();
    expect(load.counts()).toEqual({
      waiting: 0,
      sent: 3,
      inFlight: 0,
      finished: 1,
      failed: 2,
      givenUp: 0,
      skipped: 0,
      lastError: '400: too long',
    });
  });

  it('has a bounded number of requests under way, and skips the others', () => {
    const { send } = createSends();
    const load = createLoad({ ...SETTINGS, rate: 50 }, 0, send);
    for (let now = 0; now < 2_000; now += 100) load.turn(now);
    const { sent, waiting, skipped } = load.counts();
    expect(sent + waiting).toBe(MAX_IN_FLIGHT);
    expect(sent + waiting + skipped).toBe(96);
  });

  it('does not make up for a long sleep', () => {
    const { send } = createSends();
    const load = createLoad(SETTINGS, 0, send);
    load.turn(60_000);
    expect(load.counts()).toMatchObject({ sent: MAX_IN_FLIGHT, skipped: 601 - MAX_IN_FLIGHT });
  });

  it('gives up what is under way and what waits when it is stopped', async () => {
    const { open, send } = createSends();
    const load = createLoad(SETTINGS, 0, send);
    load.turn(0);
    load.turn(100);
    load.turn(300);
    load.stop();
    await settled();
    expect(open[0]?.signal.aborted).toBe(true);
    load.turn(10_000);
    expect(load.counts()).toMatchObject({
      sent: 4,
      waiting: 0,
      inFlight: 0,
      failed: 0,
      givenUp: 4,
    });
  });
});

describe('the prompts of a load', () => {
  it('are alike in the shared prefix, and unlike after it', () => {
    const settings = { ...SETTINGS, sharedPrefix: 16 };
    const [first, second] = [promptOf(settings, 0), promptOf(settings, 1)];
    expect(first.slice(0, 16)).toEqual(second.slice(0, 16));
    expect(first[16]).not.toBe(second[16]);
    expect(Math.max(...first)).toBeLessThan(256);
  });
});

describe('the settings of a load', () => {
  it('are refused with field, value and limits', () => {
    expect(checkLoad(SETTINGS)).toBeNull();
    expect(checkLoad({ ...SETTINGS, rate: 51 })).toBe('rate is 51: give a number from 0.1 to 50.');
    expect(checkLoad({ ...SETTINGS, promptLength: Number.NaN })).toContain('prompt length is NaN');
    expect(checkLoad({ ...SETTINGS, outputLength: 1.5 })).toBe(
      'output length is 1.5: give a whole number from 1 to 4,096.',
    );
    expect(checkLoad({ ...SETTINGS, sharedPrefix: 33 })).toBe(
      'shared prefix is 33: the prompt has only 32 tokens.',
    );
  });
});
