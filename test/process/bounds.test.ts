/** Requests larger than the bounds of sockets, clients that never read: an answer or the end of that request, nothing else. */
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { post } from '../../scripts/attack/post.ts';
import { childrenOf } from '../../scripts/attack/processes.ts';
import { samplesByKey } from '../support/exposition.ts';
import { TINYMODEL, Twin } from '../support/twin.ts';
import { waitUntil } from '../support/wait-for.ts';

const DEADLINE = { timeoutMs: 60_000 };

describe('bounds that clients reach', () => {
  let twin: Twin;
  let url: string;
  let enginePids: readonly number[];

  beforeAll(async () => {
    const words = ['--served-model-name', 'tiny', '--port', '0', '--step-time', '2'];
    twin = new Twin(['serve', TINYMODEL, '--max-model-len', '1024', ...words]);
    url = await twin.url();
    enginePids = childrenOf(twin.pid);
  });

  afterAll(async () => {
    await twin?.stop();
  });

  const metric = async (name: string): Promise<number> => {
    const samples = samplesByKey(await (await fetch(`${url}/metrics`)).text());
    return samples.get(`${name}{engine="0",model_name="tiny"}`) ?? Number.NaN;
  };
  const unfinished = async (): Promise<number> =>
    (await metric('vllm:num_requests_running')) + (await metric('vllm:num_requests_waiting'));
  const body = (fields: Record<string, unknown>): string =>
    JSON.stringify({ model: 'tiny', ignore_eos: true, ...fields });
  const prompt = new Array<string>(1024).fill('x');

  it('answer 1,024 prompts a hundred times each, which is more than a socket takes in a turn', async () => {
    const { status, text } = await post(
      `${url}/v1/completions`,
      body({ prompt, n: 100, max_tokens: 1 }),
      AbortSignal.timeout(DEADLINE.timeoutMs),
    );
    expect(status).toBe(200);
    const { choices } = JSON.parse(text) as { choices: readonly { index: number }[] };
    expect(choices.map(({ index }) => index)).toEqual(Array.from({ length: 102_400 }, (_, i) => i));
  });

  it('refuse in the words of an admission limit what nobody can hold, and count it', async () => {
    const { status, text } = await post(
      `${url}/v1/completions`,
      body({ prompt, n: 1_000, max_tokens: 1 }),
      AbortSignal.timeout(DEADLINE.timeoutMs),
    );
    expect(status).toBe(503);
    expect(JSON.parse(text)).toEqual({
      error: {
        message:
          'The engine is currently busy and cannot accept new requests. Please try again later or on a different instance.',
        type: 'Service Unavailable',
        param: null,
        code: 503,
      },
    });
    const samples = samplesByKey(await (await fetch(`${url}/metrics`)).text());
    const key = 'vllm:admission_rejections_total{model_name="tiny",reason="max_num_queued_reqs"}';
    expect(samples.get(key)).toBe(1);
  });

  it('lose no abort of a client that leaves while the engine is stopped', async () => {
    for (const pid of enginePids) process.kill(pid, 'SIGSTOP');
    const abort = new AbortController();
    try {
      const answer = post(
        `${url}/v1/completions`,
        body({ prompt, n: 100, max_tokens: 1_000 }),
        abort.signal,
      );
      // Another request is answered only once the server has read the first one.
      expect((await fetch(`${url}/health`)).status).toBe(200);
      abort.abort();
      await expect(answer).rejects.toThrow('aborted');
    } finally {
      for (const pid of enginePids) process.kill(pid, 'SIGCONT');
    }
    const { status } = await post(
      `${url}/v1/completions`,
      body({ prompt: 'x', max_tokens: 1 }),
      AbortSignal.timeout(DEADLINE.timeoutMs),
    );
    expect(status).toBe(200);
    await waitUntil('an idle engine', async () => (await unfinished()) === 0, DEADLINE);
  });

  it('end a stream of which nothing is read, with its request, and serve the others', async () => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    const isClosed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    socket.on('error', () => {});
    socket.pause();
    const large = body({ prompt: [1, 2], n: 200, max_tokens: 1_000, stream: true });
    socket.write(
      `POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${large.length}\r\n\r\n${large}`,
    );
    await twin.waitForLog(/a client does not read its answer/, DEADLINE.timeoutMs);
    await waitUntil('an idle engine', async () => (await unfinished()) === 0, DEADLINE);
    expect((await fetch(`${url}/health`)).status).toBe(200);
    socket.resume();
    await isClosed;
  });
});
