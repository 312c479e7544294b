import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { differencesFromSample, readSamples, type Sample } from '../support/e2e-samples.ts';
import { createTestServer, type TestServer } from '../support/http-server.ts';

/** The recorded server understood requests that ask for a crash. */
const WITH_FAULTS = { enableFaults: true };

function replay(samples: readonly Sample[], open: () => Promise<TestServer>) {
  let running: TestServer | null = null;
  let base = '';
  beforeAll(async () => {
    running = await open();
    base = (await running.server.listen()).address;
  });
  afterAll(async () => {
    await running?.close();
  });
  test.each(samples.map((sample) => [sample.name, sample] as const))('%s', async (_, sample) => {
    expect(await differencesFromSample(base, sample)).toEqual([]);
  });
}

describe('answers of the Python frontend, in their order', () => {
  replay(readSamples().living, () => createTestServer({ engines: { engine: WITH_FAULTS } }));
});

describe('an engine dies', () => {
  let reason: string | null = null;
  replay(readSamples().dying, () =>
    createTestServer({
      engines: { engine: WITH_FAULTS },
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
  replay(readSamples().kept, () => createTestServer({ engines: { engine: WITH_FAULTS, ready } }));
});
