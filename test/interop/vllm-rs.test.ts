/**
 * Two of our headless engines behind the Rust frontend of vLLM itself: what it hears of them at start-up, and what it then
 * answers and counts, compared with what it answered and counted over vLLM's own engines.
 */
import { stripVTControlCharacters } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CONSTRAINED_REQUESTS, expectConstrained } from '../support/constrained-requests.ts';
import {
  firstAnswerDifference,
  genTokens,
  type Recording,
  readRecording,
  sendScenario,
} from '../support/e2e-traffic.ts';
import { freePorts } from '../support/free-ports.ts';
import { metricsDifferences } from '../support/metrics-parity.ts';
import { RunningProcess } from '../support/process.ts';
import { TINYMODEL, Twin } from '../support/twin.ts';
import { findVllmRs } from '../support/vllm-rs.ts';
import { waitUntil } from '../support/wait-for.ts';

const vllmRs = findVllmRs();
const skipReason = vllmRs.path === null ? ` (SKIPPED: no vllm-rs: ${vllmRs.reason})` : '';

interface Completion {
  readonly choices: readonly { readonly text: string; readonly finish_reason: string | null }[];
  readonly usage: { readonly prompt_tokens: number; readonly completion_tokens: number };
}

/** HTTP requests by method, status and handler, in alphabetical order. */
function httpRequestCounts(metrics: string): readonly string[] {
  return metrics
    .split('\n')
    .filter((line) => line.startsWith('http_requests_total'))
    .sort();
}

describe.skipIf(vllmRs.path === null)(`vllm-rs serve over our engines${skipReason}`, () => {
  let frontend: RunningProcess;
  let engines: Twin;
  let url = '';

  beforeAll(async () => {
    const [http = 0, handshake = 0] = await freePorts(2);
    url = `http://127.0.0.1:${http}`;
    const ranks = ['--data-parallel-size', '2'];
    const ports = ['--handshake-port', `${handshake}`, '--port', `${http}`];
    const names = ['serve', TINYMODEL, '--served-model-name', 'tiny'];
    frontend = new RunningProcess(
      vllmRs.path ?? '',
      [...names, ...ranks, '--data-parallel-size-local', '0', ...ports],
      { env: { NO_COLOR: '1' } },
    );
    const place = ['--data-parallel-address', '127.0.0.1', '--data-parallel-rpc-port'];
    const sizes = ['--max-model-len', '1024', '--num-gpu-blocks-override', '1025'];
    const overrides = ['--engine-overrides', '{"1": {"num_gpu_blocks_override": 2049}}'];
    engines = new Twin([
      ...['serve', TINYMODEL, '--headless', ...ranks, ...place, `${handshake}`],
      ...[...sizes, ...overrides, '--token-source', 'rule', '--enable-faults'],
    ]);
    await waitUntil('200 of /health', async () => {
      if (frontend.exit !== null || engines.exit !== null)
        throw new Error(`ended too early:\n${frontend.log}\n${engines.log}`);
      return (await fetch(`${url}/health`).catch(() => null))?.status === 200;
    });
  });

  afterAll(async () => {
    await Promise.all([frontend?.stop(), engines?.stop()]);
  });

  it('hears both engines and is ready', () => {
    const log = stripVTControlCharacters(frontend.log);
    expect(log).toMatch(/engines connected engine_count=2/);
    expect(log).toMatch(/OpenAI server is ready to accept requests/);
    expect(engines.log).toContain('GPU KV cache size: 16,400 tokens');
    expect(engines.log).toContain('GPU KV cache size: 32,784 tokens');
  });

  it('answers the recorded traffic as over vLLM engines, and counts the same', async () => {
    const recorded: Recording = readRecording('vllm-rust-frontend.json');
    const answers = await sendScenario(url);
    expect(firstAnswerDifference(recorded.answers, answers)).toBeNull();
    const metrics = await (await fetch(`${url}/metrics`)).text();
    expect(metricsDifferences(recorded.metrics.text, metrics)).toEqual([]);
    expect(httpRequestCounts(metrics)).toEqual(httpRequestCounts(recorded.metrics.text));
  });

  it.each([
    ['stops at its limit', { ignore_eos: true, max_tokens: 40 }, 40, 'length'],
    [
      'stops at a stop token',
      { vllm_xargs: { scripted_token_ids: [900, 901, 902, 903] }, stop_token_ids: [902] },
      3,
      'stop',
    ],
    ['stops at the end of text', { vllm_xargs: { scripted_token_ids: [900, 901, 2] } }, 3, 'stop'],
  ])('a completion %s, plain and streamed', async (_, options, numTokens, finishReason) => {
    const request = { model: 'tiny', prompt: genTokens(31, 50), max_tokens: 64, ...options };
    const plain = (await post('/v1/completions', request)) as Completion;
    expect(plain.usage).toMatchObject({ prompt_tokens: 50, completion_tokens: numTokens });
    expect(plain.choices.map(({ finish_reason }) => finish_reason)).toEqual([finishReason]);

    const streamed = await stream('/v1/completions', request);
    const choices = streamed.flatMap((chunk) => chunk.choices);
    expect(choices.map(({ text }) => text).join('')).toBe(plain.choices[0]?.text);
    expect(choices.map(({ finish_reason }) => finish_reason).filter(Boolean)).toEqual([
      finishReason,
    ]);
    expect(streamed.at(-1)?.usage).toMatchObject({
      prompt_tokens: 50,
      completion_tokens: numTokens,
    });
  });

  it.each(CONSTRAINED_REQUESTS)('holds a chat to %s', async (_, fields, isConform) => {
    await expectConstrained(url, fields, isConform);
  });

  it('carries on after a client that hangs up', async () => {
    const controller = new AbortController();
    const request = { model: 'tiny', prompt: genTokens(32, 20), max_tokens: 900, ignore_eos: true };
    const response = await fetch(`${url}/v1/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ...request, stream: true }),
      signal: controller.signal,
    });
    await response.body?.getReader().read();
    controller.abort();
    await waitUntil('no request left running', async () => {
      const text = await (await fetch(`${url}/metrics`)).text();
      const counts = [...text.matchAll(/^vllm:num_requests_running\{.*\} (\d+)/gm)];
      return counts.length === 2 && counts.every(([, count]) => count === '0');
    });
    const answer = (await post('/v1/completions', { ...request, max_tokens: 4 })) as Completion;
    expect(answer.usage.completion_tokens).toBe(4);
  });

  it('is left by engines that end by themselves when it is gone', async () => {
    await frontend.stop();
    const { code, signal } = await engines.waitForExit(15_000);
    expect({ code, signal }).toEqual({ code: 1, signal: null });
    expect(engines.log).toContain('The frontend has been gone for 3 s');
  });

  async function send(path: string, body: unknown): Promise<string> {
    const response = await fetch(url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    const text = await response.text();
    expect(response.status, text).toBe(200);
    return text;
  }

  async function post(path: string, body: unknown): Promise<unknown> {
    return JSON.parse(await send(path, body));
  }

  async function stream(path: string, body: object): Promise<readonly Completion[]> {
    const options = { stream: true, stream_options: { include_usage: true } };
    const text = await send(path, { ...body, ...options });
    const events = text.split('\n').filter((line) => line.startsWith('data: '));
    expect(events.at(-1)).toBe('data: [DONE]');
    return events.slice(0, -1).map((line) => JSON.parse(line.slice(6)) as Completion);
  }
});
