/** vLLM's own load generator against the twin: it asks the server for its tokenizer, and looks for texts of a length. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePorts } from '../support/free-ports.ts';
import { Twin } from '../support/twin.ts';
import { findVllmRs } from '../support/vllm-rs.ts';

const vllmRs = findVllmRs();
const skipReason = vllmRs.path === null ? ` (SKIPPED: no vllm-rs: ${vllmRs.reason})` : '';
const NUM_PROMPTS = 20;
const RANDOM = ['--dataset-name', 'random', '--random-input-len', '150'];
const BUILT_IN = new URL('../../src/shared/tokenizer/embedded', import.meta.url).pathname;

describe.skipIf(vllmRs.path === null)(`vllm-rs bench serve over the twin${skipReason}`, () => {
  let twin: Twin;
  let url = '';

  beforeAll(async () => {
    const [port = 0] = await freePorts(1);
    url = `http://127.0.0.1:${port}`;
    twin = new Twin(['serve', 'Qwen/Qwen3-0.6B', '--port', `${port}`]);
    await twin.waitForLog(/built-in tokenizer stands in for that of Qwen\/Qwen3-0\.6B/);
  });

  afterAll(() => twin?.stop());

  it.each([
    ['asking the server, prompts of text', RANDOM, 150],
    ['asking the server, with a prefix', [...RANDOM, '--random-prefix-len', '100'], 250],
    ['by token ids', [...RANDOM, '--prompt-token-ids'], 150],
    [
      'with the tokenizer of its own',
      [...RANDOM, '--random-prefix-len', '100', '--tokenizer', BUILT_IN],
      250,
    ],
  ])('%s', async (_name, words, inputTokens) => {
    const { stdout } = await promisify(execFile)(
      vllmRs.path ?? '',
      [
        ...['bench', 'serve', '--base-url', url, '--num-prompts', `${NUM_PROMPTS}`],
        ...['--random-output-len', '8'],
        ...words,
      ],
      { env: { ...process.env, NO_COLOR: '1' }, timeout: 60_000 },
    );
    const figure = (name: string): number =>
      Number(new RegExp(`${name}:\\s+(\\d+)`).exec(stdout)?.[1]);
    expect(figure('Successful requests')).toBe(NUM_PROMPTS);
    expect(figure('Failed requests')).toBe(0);
    // Neighbours in the vocabulary may make one token of two: a load generator cuts, and does not fill up.
    expect(figure('Total input tokens')).toBeGreaterThan(0.97 * NUM_PROMPTS * inputTokens);
    expect(figure('Total input tokens')).toBeLessThanOrEqual(NUM_PROMPTS * inputTokens);
  });
});
