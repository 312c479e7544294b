import { dirname } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { differencesFromSample, readSamples, type Sample } from '../support/e2e-samples.ts';
import { TINYMODEL, Twin } from '../support/twin.ts';

// As the recorded server, which stood beside its model's folder: two ranks whose sizes differ, tokens by the golden rule.
const WORDS = [
  ...[
    'serve',
    'tinymodel',
    '--served-model-name',
    'tiny',
    '--max-model-len',
    '1024',
    '--port',
    '0',
  ],
  ...['--data-parallel-size', '2', '--num-gpu-blocks-override', '1025', '--dp-metrics', 'vllm'],
  ...['--engine-overrides', '{"1": {"num_gpu_blocks_override": 2049}}'],
  ...['--token-source', 'rule', '--step-time', 'zero', '--enable-request-id-headers'],
  '--enable-faults',
];

function replay(samples: readonly Sample[], env: Readonly<Record<string, string>>): () => Twin {
  const twin = { running: null as Twin | null, base: '' };
  beforeAll(async () => {
    twin.running = new Twin(
      WORDS,
      { VLLM_SERVER_DEV_MODE: '1', ...env },
      { cwd: dirname(TINYMODEL) },
    );
    twin.base = await twin.running.url();
  });
  afterAll(async () => {
    await twin.running?.stop();
  });
  test.each(samples.map((sample) => [sample.name, sample] as const))('%s', async (_, sample) => {
    expect(await differencesFromSample(twin.base, sample)).toEqual([]);
  });
  return () => twin.running as Twin;
}

describe('the running product answers as the recorded server', () => {
  replay(readSamples().living, {});
});

describe('an engine of the running product dies', () => {
  const twin = replay(readSamples().dying, {});
  test('after-crash: the server ends', async () => {
    expect((await twin().waitForExit()).code).toBe(1);
  });
});

describe('an engine of the running product dies and the server stays', () => {
  replay(readSamples().kept, { VLLM_KEEP_ALIVE_ON_ENGINE_DEATH: '1' });
});
