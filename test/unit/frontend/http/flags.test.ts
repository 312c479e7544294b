/** Each flag of the HTTP side by what a client, or the log, sees of it. */

import { pino } from 'pino';
import { afterEach, describe, expect, it } from 'vitest';
import type { HttpArgs } from '../../../../src/frontend/http/http-args.ts';
import type { Logger } from '../../../../src/shared/logger.ts';
import { createTestServer, type TestServer } from '../../../support/http-server.ts';

const running: TestServer[] = [];
afterEach(async () => {
  for (const server of running.splice(0)) await server.close();
});

async function serve(args: Partial<HttpArgs> = {}, level = 'info') {
  const lines: string[] = [];
  const sink = { write: (line: string) => lines.push((JSON.parse(line) as { msg: string }).msg) };
  const logger = pino({ level }, sink) as unknown as Logger;
  const server = await createTestServer({ args, logger });
  running.push(server);
  const { address } = await server.server.listen();
  const ask = async (path: string, body?: object, headers: Record<string, string> = {}) => {
    const init =
      body === undefined
        ? { headers }
        : {
            method: 'POST',
            headers: { 'content-type': 'application/json', ...headers },
            body: JSON.stringify(body),
          };
    const response = await fetch(`${address}${path}`, init);
    const text = await response.text();
    return { status: response.status, headers: response.headers, text };
  };
  return { ask, lines };
}

const completion = { model: 'tiny', prompt: 'hi', max_tokens: 2, temperature: 0 };
const chat = {
  model: 'tiny',
  messages: [{ role: 'user', content: 'hi' }],
  max_tokens: 2,
  temperature: 0,
};
const json = ({ text }: { text: string }) => JSON.parse(text) as Record<string, never>;

describe('--enable-tokenizer-info-endpoint', () => {
  it('serves what vLLM serves of the same files', async () => {
    const { ask } = await serve({ enableTokenizerInfoEndpoint: true });
    const { status, text } = await ask('/tokenizer_info');
    expect(status).toBe(200);
    expect(Object.keys(JSON.parse(text) as object)[0]).toBe('tokenizer_class');
    expect(JSON.parse(text)).toEqual({
      tokenizer_class: 'CachedTokenizersBackend',
      eos_token: '<|im_end|>',
      pad_token: '<|endoftext|>',
      model_max_length: 32768,
      chat_template: expect.stringContaining('<|im_start|>'),
      truncation_side: 'left',
      name_or_path: expect.stringContaining('tinymodel'),
      is_local: true,
      local_files_only: false,
      added_tokens_decoder: { 0: '<|endoftext|>', 1: '<|im_start|>', 2: '<|im_end|>' },
      backend: 'tokenizers',
    });
  });

  it('shows the template of --chat-template', async () => {
    const { ask } = await serve({ enableTokenizerInfoEndpoint: true, chatTemplate: '{{ x }}' });
    expect(json(await ask('/tokenizer_info'))).toMatchObject({ chat_template: '{{ x }}' });
  });

  it('is off by itself', async () => {
    const { ask } = await serve();
    expect((await ask('/tokenizer_info')).status).toBe(404);
  });
});

const accessLines = (lines: readonly string[]) =>
  lines.filter((line) => line.includes('HTTP/1.1"'));

describe('the access log', () => {
  it("has uvicorn's line a request, whoever answers it", async () => {
    const { ask, lines } = await serve({ apiKey: ['key'] });
    await ask('/health');
    await ask('/a%20(b)?q=%41');
    await ask('/v1/models');
    await ask('/v1/completions', { ...completion, stream: true }, { authorization: 'Bearer key' });
    const shown = accessLines(lines).map((line) => line.replace(/^127\.0\.0\.1:\d+ - /, ''));
    expect(shown).toEqual([
      '"GET /health HTTP/1.1" 200 OK',
      '"GET /a%20%28b%29?q=%41 HTTP/1.1" 404 Not Found',
      '"GET /v1/models HTTP/1.1" 401 Unauthorized',
      '"POST /v1/completions HTTP/1.1" 200 OK',
    ]);
  });

  it.each<[Partial<HttpArgs>, string]>([
    [{ disableUvicornAccessLog: true }, 'info'],
    [{ uvicornLogLevel: 'warning' }, 'info'],
    [{ uvicornLogLevel: 'critical' }, 'info'],
    [{}, 'warn'],
  ])('is off with %j at level %s', async (args, level) => {
    const { ask, lines } = await serve(args, level);
    await ask('/health');
    expect(accessLines(lines)).toEqual([]);
  });

  it('leaves out the paths of --disable-access-log-for-endpoints', async () => {
    const { ask, lines } = await serve({ disableAccessLogForEndpoints: '/health, /metrics' });
    await ask('/health?x=1');
    await ask('/metrics');
    await ask('/health/');
    expect(accessLines(lines)).toHaveLength(1);
    expect(lines.at(-1)).toContain('"GET /health/ HTTP/1.1"');
  });
});

describe('--enable-log-requests', () => {
  const quiet = { disableUvicornAccessLog: true, enableLogRequests: true };
  const logged = (lines: readonly string[]) =>
    lines.filter((line) => /^(Received|Generated|Request) /.test(line));

  it("says a request's parameters, and its prompt at level debug", async () => {
    const { ask, lines } = await serve({ ...quiet, maxLogLen: 1 }, 'debug');
    await ask('/v1/completions', { ...completion, request_id: 'a' });
    const [details, received, ...more] = logged(lines);
    expect(details).toMatch(
      /^Request cmpl-a-0 details: prompt: 'h', prompt_token_ids: \[\d+\], prompt_embeds shape: None\.$/,
    );
    expect(received).toBe(
      'Received request cmpl-a-0: params: SamplingParams(n=1, presence_penalty=0.0, frequency_penalty=0.0, ' +
        'repetition_penalty=1.0, temperature=0.0, watermarking=False, top_p=1.0, top_k=0, min_p=0.0, seed=None, ' +
        'stop=[], stop_token_ids=[], bad_words=[], thinking_token_budget=None, include_stop_str_in_output=False, ' +
        'ignore_eos=False, max_tokens=2, min_tokens=0, logprobs=None, prompt_logprobs=None, ' +
        'skip_special_tokens=True, spaces_between_special_tokens=True, structured_outputs=None, ' +
        'extra_args=None), lora_request: None.',
    );
    expect(more).toEqual([]);
  });

  it('says at the start how much it will say', async () => {
    expect((await serve(quiet, 'warn')).lines).toContainEqual(
      expect.stringContaining('No request information will be logged.'),
    );
    expect((await serve(quiet)).lines).toContainEqual(expect.stringContaining('Only limited'));
  });

  it('says answers with --enable-log-outputs, whole and in pieces', async () => {
    const { ask, lines } = await serve({ ...quiet, enableLogOutputs: true });
    const { choices } = json(await ask('/v1/completions', { ...completion, request_id: 'a' }));
    const [{ text }] = choices as unknown as [{ text: string }];
    expect(logged(lines).at(-1)).toBe(
      `Generated response cmpl-a: output: ${pythonText(text)}, finish_reason: length`,
    );
    await ask('/v1/chat/completions', { ...chat, request_id: 'b', stream: true });
    const stream = logged(lines).filter((line) => line.includes(' chatcmpl-b '));
    expect(stream.at(0)).toMatch(/^Generated response chatcmpl-b \(streaming delta\): output: /);
    expect(stream.at(-1)).toMatch(
      /^Generated response chatcmpl-b \(streaming complete\): output: .*, finish_reason: streaming_complete$/,
    );
  });

  it('leaves out the pieces with --no-enable-log-deltas', async () => {
    const { ask, lines } = await serve({
      ...quiet,
      enableLogOutputs: true,
      enableLogDeltas: false,
    });
    await ask('/v1/completions', { ...completion, stream: true });
    const generated = logged(lines).filter((line) => line.startsWith('Generated'));
    expect(generated).toHaveLength(1);
    expect(generated[0]).toContain('(streaming complete)');
  });
});

function pythonText(text: string): string {
  return text.includes("'") ? `"${text}"` : `'${text}'`;
}

describe('what answers hold', () => {
  it('is the times of the request with --enable-per-request-metrics', async () => {
    const { ask } = await serve({ enablePerRequestMetrics: true });
    const { metrics } = json(await ask('/v1/completions', completion));
    expect(Object.keys(metrics ?? {})).toEqual([
      'time_to_first_token_ms',
      'generation_time_ms',
      'queue_time_ms',
      'mean_itl_ms',
      'tokens_per_second',
      'speculative_decoding',
    ]);
    const off = await serve();
    expect(json(await off.ask('/v1/completions', completion))['metrics']).toBeNull();
  });

  it('is the usage in every stream with --enable-force-include-usage', async () => {
    const { ask } = await serve({ enableForceIncludeUsage: true });
    expect((await ask('/v1/completions', { ...completion, stream: true })).text).toContain(
      '"usage":{',
    );
    const off = await serve();
    const plain = await off.ask('/v1/completions', { ...completion, stream: true });
    expect(plain.text).not.toContain('"usage":{');
  });

  it('is the cached tokens with --enable-prompt-tokens-details', async () => {
    const { ask } = await serve({ enablePromptTokensDetails: true });
    expect((await ask('/v1/completions', completion)).text).toContain('"cached_tokens":');
  });

  it('is the role of --response-role, and ids for tokens with --return-tokens-as-token-ids', async () => {
    const { ask } = await serve({ responseRole: 'robot', returnTokensAsTokenIds: true });
    const { text } = await ask('/v1/chat/completions', { ...chat, logprobs: true });
    expect(text).toContain('"role":"robot"');
    expect(text).toMatch(/"token":"token_id:\d+"/);
  });
});

describe('what the chat template is told', () => {
  const rendered = async (args: Partial<HttpArgs>, fields: object) => {
    const { ask } = await serve(args);
    const { text } = await ask('/v1/chat/completions', {
      ...chat,
      ...fields,
      return_prompt_text: true,
    });
    return (JSON.parse(text) as { prompt_text: string }).prompt_text;
  };
  const tools = [{ type: 'function', function: { name: 'f', parameters: {} } }];

  it('is --default-chat-template-kwargs, where the request says nothing else', async () => {
    const args = { chatTemplate: 'a {{ mood }}', defaultChatTemplateKwargs: { mood: 'glad' } };
    expect(await rendered(args, {})).toBe('a glad');
    expect(await rendered(args, { chat_template_kwargs: { mood: 'sad' } })).toBe('a sad');
  });

  it('is no tool with --exclude-tools-when-tool-choice-none', async () => {
    const chatTemplate = '{% if tools %}tools{% else %}none{% endif %}';
    const fields = { tools, tool_choice: 'none' };
    expect(await rendered({ chatTemplate }, fields)).toBe('tools');
    const args = { chatTemplate, excludeToolsWhenToolChoiceNone: true };
    expect(await rendered(args, fields)).toBe('none');
  });

  it('is the effort that --reasoning-effort-map has instead', async () => {
    const args = { chatTemplate: 'x {{ reasoning_effort }}', reasoningEffortMap: { high: 'max' } };
    expect(await rendered(args, { reasoning_effort: 'high' })).toBe('x max');
    expect(await rendered(args, { reasoning_effort: 'low' })).toBe('x low');
  });

  it('is contents as --chat-template-content-format says', async () => {
    const chatTemplate = '{% if messages[0].content is string %}text{% else %}parts{% endif %}';
    expect(await rendered({ chatTemplate, chatTemplateContentFormat: 'string' }, {})).toBe('text');
    expect(await rendered({ chatTemplate, chatTemplateContentFormat: 'openai' }, {})).toBe('parts');
  });
});

describe('the HTTP server', () => {
  it('has no pages with --disable-fastapi-docs', async () => {
    const { ask } = await serve({ disableFastapiDocs: true });
    for (const path of ['/docs', '/openapi.json']) expect((await ask(path)).status).toBe(404);
    expect((await (await serve()).ask('/openapi.json')).status).toBe(200);
  });

  it('gives a request id back with --enable-request-id-headers', async () => {
    const { ask } = await serve({ enableRequestIdHeaders: true });
    const { headers } = await ask('/health', undefined, { 'x-request-id': 'mine' });
    expect(headers.get('x-request-id')).toBe('mine');
    const off = await serve({ enableRequestIdHeaders: false });
    expect((await off.ask('/health')).headers.get('x-request-id')).toBeNull();
  });

  it('counts requests for /load with --enable-server-load-tracking', async () => {
    const { ask } = await serve({ enableServerLoadTracking: true });
    expect(json(await ask('/load'))).toEqual({ server_load: 0 });
  });

  it('refuses heads larger than --h11-max-incomplete-event-size', async () => {
    const { ask } = await serve({ h11MaxIncompleteEventSize: 2048 });
    expect((await ask('/health', undefined, { 'x-long': 'x'.repeat(4096) })).status).toBe(431);
  });
});
