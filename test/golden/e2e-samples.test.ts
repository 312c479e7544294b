import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { differingMetrics, parseSample, type Sample, sendSample } from '../support/e2e-samples.ts';
import { describeFirstDifference } from '../support/first-difference.ts';
import { createTestServer, type TestServer } from '../support/http-server.ts';

const { samples } = JSON.parse(
  readFileSync(new URL('./e2e/samples.json', import.meta.url), 'utf8'),
) as { samples: readonly Sample[] };

/** From here on the recordings are of servers whose engine died. */
const FIRST_CRASH = samples.findIndex(({ name }) => name === 'crash');
const FIRST_KEEP_ALIVE = samples.findIndex(({ name }) => name === 'keep-alive-crash');

function replay(part: readonly Sample[], run: TestServer | null, open: () => Promise<TestServer>) {
  let running = run;
  let base = '';
  beforeAll(async () => {
    running = await open();
    base = (await running.server.listen()).address;
  });
  afterAll(async () => {
    await running?.close();
  });
  test.each(part.map((sample) => [sample.name, sample] as const))('%s', async (_name, sample) => {
    const answer = await sendSample(base, sample);
    expect(answer.status).toBe(sample.status);
    expect(answer.contentType).toBe(sample.headers?.['content-type'] ?? null);
    expect(answer.allow).toBe(sample.headers?.['allow'] ?? null);
    if (sample.path === '/metrics') {
      expect(differingMetrics(answer.body, sample.body ?? '')).toEqual([]);
      return;
    }
    expect(
      describeFirstDifference(
        parseSample(answer.body, sample),
        parseSample(sample.body ?? '', sample),
      ),
    ).toBeNull();
  });
}

describe('answers of the Python frontend, in their order', () => {
  replay(samples.slice(0, FIRST_CRASH), null, () => createTestServer());
});

describe('an engine dies', () => {
  const crash = samples.slice(FIRST_CRASH, FIRST_KEEP_ALIVE).filter(({ method }) => method);
  let reason: string | null = null;
  replay(crash, null, () =>
    createTestServer({
      onEngineDead: (why) => {
        reason = why;
      },
    }),
  );
  test('after-crash: the server is told to end', () => {
    expect(reason).not.toBeNull();
  });
});

describe('an engine dies and the server stays', () => {
  // The recorded engines had 1,025 and 2,049 blocks.
  const ready = (rank: number) => ({ numGpuBlocks: rank === 0 ? 1025 : 2049 });
  replay(samples.slice(FIRST_KEEP_ALIVE), null, () => createTestServer({ engines: { ready } }));
});
