/** Long texts and strangers' templates against the built server: answers, and what is left behind. */
import { readdirSync, readFileSync } from 'node:fs';
import { afterEach, expect, it } from 'vitest';
import { probeHealth } from '../support/health-prober.ts';
import { packageFile } from '../support/package.ts';
import { TINYMODEL, Twin } from '../support/twin.ts';
import { waitUntil } from '../support/wait-for.ts';

const MAX_MODEL_LEN = '4096';
const ENDLESS = '{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}';
const EATS_MEMORY =
  '{% set ns = namespace(a=["x"]) %}{% for i in range(99) %}{% set ns.a = ns.a + ns.a %}{% endfor %}';

let twin: Twin | null = null;

afterEach(async () => {
  await twin?.stop();
  twin = null;
});

async function start(env: Record<string, string> = {}): Promise<{ twin: Twin; url: string }> {
  const words = ['--served-model-name', 'tiny', '--max-model-len', MAX_MODEL_LEN];
  twin = new Twin(
    ['serve', TINYMODEL, ...words, '--port', '0', '--trust-request-chat-template'],
    env,
  );
  return { twin, url: await twin.url() };
}

async function post(url: string, body: object): Promise<{ status: number; body: unknown }> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'tiny', ...body }),
  });
  return { status: response.status, body: await response.json() };
}

const chat = (url: string, template: string) =>
  post(`${url}/v1/chat/completions`, {
    messages: [{ role: 'user', content: 'Q' }],
    chat_template: template,
    max_tokens: 1,
  });

/** Processes whose command line names the worker's module. */
function templateProcesses(): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(MODULE);
      } catch {
        return false;
      }
    })
    .map(Number);
}
const MODULE = packageFile('dist/frontend/openai/workers/template-process.js');

it('a long text has the same ids and the same text on every way', async () => {
  const { url } = await start();
  const prompt = 'The quick brown fox. '.repeat(600);
  const { body } = await post(`${url}/tokenize`, { prompt });
  const { tokens } = body as { tokens: number[] };
  const twice = await post(`${url}/detokenize`, {
    tokens: [...tokens, ...tokens, ...tokens, ...tokens, ...tokens, ...tokens],
  });
  expect(twice.body).toEqual({ prompt: prompt.repeat(6) });
  const completion = await post(`${url}/v1/completions`, {
    prompt,
    max_tokens: 1,
    truncate_prompt_tokens: 100,
  });
  expect(completion).toMatchObject({ status: 200, body: { usage: { prompt_tokens: 100 } } });
  const messages = [{ role: 'user', content: prompt }];
  const rendered = await post(`${url}/tokenize`, { messages, add_special_tokens: false });
  const short = await post(`${url}/tokenize`, {
    messages: [{ role: 'user', content: '' }],
    add_special_tokens: false,
  });
  const counts = [rendered, short].map(({ body: answer }) => (answer as { count: number }).count);
  expect(counts[0]).toBe((counts[1] ?? 0) + tokens.length);
  const long = await post(`${url}/v1/completions`, { prompt: 'x '.repeat(8000), max_tokens: 1 });
  expect(long).toMatchObject({
    status: 400,
    body: {
      error: {
        message: expect.stringContaining("This model's maximum context length is 4096 tokens."),
      },
    },
  });
});

it('a stranger’s template ends alone, whatever it does', async () => {
  const { twin: server, url } = await start({ VLLM_CHAT_TEMPLATE_RENDER_TIMEOUT: '6' });
  const report = await probeHealth(url, async () => {
    expect(await chat(url, ENDLESS)).toMatchObject({
      status: 500,
      body: { error: { message: expect.stringContaining('timed out after 6.0s') } },
    });
    expect(await chat(url, EATS_MEMORY)).toMatchObject({
      status: 400,
      body: { error: { message: expect.stringContaining('for want of memory') } },
    });
    expect(await chat(url, '{{ messages[0].content }}')).toMatchObject({ status: 200 });
  });
  expect(report.failure).toBeNull();
  expect(templateProcesses()).toHaveLength(1);
  const { code } = await server.stop();
  expect(code).toBe(0);
  expect(templateProcesses()).toEqual([]);
});

it('a stranger’s endless template ends with a server that was killed', async () => {
  const { twin: server, url } = await start();
  const answer = chat(url, ENDLESS).catch(() => null);
  await waitUntil('the template to run', async () => templateProcesses().length === 1);
  server.signal('SIGKILL');
  await server.waitForExit();
  await answer;
  await waitUntil('its process to be gone', async () => templateProcesses().length === 0);
  expect(templateProcesses()).toEqual([]);
});
