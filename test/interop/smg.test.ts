/** Two of our headless engines behind a frontend that neither vLLM nor this project wrote: Shepherd Model Gateway. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePorts } from '../support/free-ports.ts';
import { RunningProcess } from '../support/process.ts';
import { findSmg, handshakePortOf } from '../support/smg.ts';
import { TINYMODEL, Twin } from '../support/twin.ts';
import { waitUntil } from '../support/wait-for.ts';

const smg = findSmg();
const skipReason = smg.path === null ? ` (SKIPPED: no smg: ${smg.reason})` : '';

interface Answer {
  readonly choices: readonly { readonly finish_reason: string | null }[];
  readonly usage: { readonly prompt_tokens: number; readonly completion_tokens: number };
}

describe.skipIf(smg.path === null)(`smg over our engines${skipReason}`, () => {
  const folder = mkdtempSync(join(tmpdir(), 'smg-'));
  let frontend: RunningProcess;
  let engines: Twin;
  let url = '';

  beforeAll(async () => {
    const [http = 0, metrics = 0] = await freePorts(2);
    url = `http://127.0.0.1:${http}`;
    const worker = join(folder, 'engines');
    frontend = new RunningProcess(
      smg.path ?? '',
      [
        ...[
          'launch',
          '--host',
          '127.0.0.1',
          '--port',
          `${http}`,
          '--prometheus-port',
          `${metrics}`,
        ],
        ...['--backend', 'vllm', '--worker-urls', `ipc://${worker}`, '--zmq-engine-count', '2'],
        ...['--model-path', TINYMODEL, '--tokenizer-path', TINYMODEL],
        // A worker that smg has registered before its manager listens is first connected to at the next health check.
        ...['--health-check-interval-secs', '1'],
      ],
      { env: { NO_COLOR: '1' } },
    );
    engines = new Twin([
      ...['serve', TINYMODEL, '--headless', '--data-parallel-size', '2'],
      ...['--data-parallel-size-local', '2', '--data-parallel-address', '127.0.0.1'],
      ...['--data-parallel-rpc-port', `${handshakePortOf(worker)}`, '--max-model-len', '1024'],
      ...['--num-gpu-blocks-override', '1025', '--token-source', 'rule'],
    ]);
    await waitUntil('an answer of smg', async () => {
      if (frontend.exit !== null || engines.exit !== null)
        throw new Error(`ended too early:\n${frontend.log}\n${engines.log}`);
      const response = await complete({ max_tokens: 1 }).catch(() => null);
      return response?.status === 200;
    });
  });

  afterAll(async () => {
    await Promise.all([frontend?.stop(), engines?.stop()]);
    rmSync(folder, { recursive: true, force: true });
  });

  function complete(options: object): Promise<Response> {
    return fetch(`${url}/v1/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: TINYMODEL, prompt: 'Once upon a time', ...options }),
    });
  }

  it('completes with as many tokens as were asked for', async () => {
    const response = await complete({ max_tokens: 40, ignore_eos: true });
    const answer = (await response.json()) as Answer;
    expect(answer.usage.completion_tokens).toBe(40);
    expect(answer.choices.map(({ finish_reason }) => finish_reason)).toEqual(['length']);
  });

  it('streams to the end', async () => {
    const response = await complete({ max_tokens: 8, ignore_eos: true, stream: true });
    const events = (await response.text()).split('\n').filter((line) => line.startsWith('data: '));
    expect(events.at(-1)).toBe('data: [DONE]');
    expect(events.slice(0, -1).join('\n')).toContain('"finish_reason":"length"');
  });

  it('answers many requests at once over both engines', async () => {
    const answers = await Promise.all(
      Array.from({ length: 32 }, async () => {
        const response = await complete({ max_tokens: 16, ignore_eos: true });
        return ((await response.json()) as Answer).usage.completion_tokens;
      }),
    );
    expect(answers).toEqual(Array.from({ length: 32 }, () => 16));
  });
});
