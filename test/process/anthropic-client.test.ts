import Anthropic, { APIError } from '@anthropic-ai/sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TINYMODEL, Twin } from '../support/twin.ts';

describe('the official Anthropic client', () => {
  let twin: Twin;
  let client: Anthropic;
  const ask = {
    model: 'tiny',
    max_tokens: 5,
    messages: [{ role: 'user' as const, content: 'hello' }],
  };

  beforeAll(async () => {
    const words = ['--served-model-name', 'tiny', '--max-model-len', '1024', '--port', '0'];
    twin = new Twin([
      'serve',
      TINYMODEL,
      ...words,
      '--api-key',
      'secret',
      '--step-time',
      'zero',
      '--token-source',
      'rule',
    ]);
    const headers = { authorization: 'Bearer secret' };
    client = new Anthropic({
      baseURL: await twin.url(),
      apiKey: 'secret',
      maxRetries: 0,
      defaultHeaders: headers,
    });
  });

  afterAll(async () => {
    await twin?.stop();
  });

  it('gets a message', async () => {
    const message = await client.messages.create({ ...ask, system: 'be kind' });
    expect(message).toMatchObject({
      type: 'message',
      role: 'assistant',
      stop_reason: 'max_tokens',
    });
    expect(message.usage.output_tokens).toBe(5);
    expect(message.content[0]).toMatchObject({ type: 'text' });
  });

  it('streams a message whose pieces are the whole one', async () => {
    const whole = await client.messages.create(ask);
    const pieces: string[] = [];
    const stream = client.messages.stream(ask);
    stream.on('text', (text) => pieces.push(text));
    const final = await stream.finalMessage();
    expect(final.content).toEqual(whole.content);
    expect(final.stop_reason).toBe('max_tokens');
    expect(pieces.length).toBeGreaterThan(1);
    expect(pieces.join('')).toBe((whole.content[0] as { text: string }).text);
  });

  it('counts the tokens that the message then has', async () => {
    const { max_tokens: _, ...prompt } = ask;
    const counted = await client.messages.countTokens(prompt);
    const message = await client.messages.create(ask);
    expect(counted.input_tokens).toBe(message.usage.input_tokens);
  });

  it('reads the result of a tool among the messages', async () => {
    const message = await client.messages.create({
      ...ask,
      messages: [
        ...ask.messages,
        {
          role: 'assistant',
          content: [{ type: 'tool_use', id: 't1', name: 'weather', input: { city: 'Bern' } }],
        },
        { role: 'user', content: [{ type: 'tool_result', tool_use_id: 't1', content: 'rain' }] },
      ],
    });
    expect(message.content).toHaveLength(1);
  });

  it('throws errors of its own types', async () => {
    const failed = await client.messages.create({ ...ask, model: 'other' }).catch((error) => error);
    expect(failed).toBeInstanceOf(APIError);
    expect(failed).toMatchObject({ status: 404, type: 'not_found_error' });
  });
});

describe('the official Anthropic client and tools', () => {
  let twin: Twin;
  let client: Anthropic;
  const tools: Anthropic.Tool[] = [
    {
      name: 'get_weather',
      input_schema: {
        type: 'object',
        properties: { city: { type: 'string' }, unit: { enum: ['celsius', 'fahrenheit'] } },
        required: ['city', 'unit'],
      },
    },
    { name: 'get_time', input_schema: { type: 'object', properties: {} } },
  ];
  const ask = {
    model: 'tiny',
    max_tokens: 300,
    messages: [{ role: 'user' as const, content: 'How is the weather in Bern?' }],
    tools,
  };

  beforeAll(async () => {
    twin = new Twin([
      'serve',
      '--model',
      'Qwen/Qwen3-0.6B',
      '--served-model-name',
      'tiny',
      '--max-model-len',
      '2048',
      '--port',
      '0',
      '--step-time',
      'zero',
      '--enable-auto-tool-choice',
      '--tool-call-parser',
      'hermes',
      '--reasoning-parser',
      'qwen3',
    ]);
    client = new Anthropic({ baseURL: await twin.url(), apiKey: 'any', maxRetries: 0 });
  });

  afterAll(async () => {
    await twin?.stop();
  });

  const choices: readonly [string, Anthropic.ToolChoice, RegExp][] = [
    ['any', { type: 'any' }, /^get_(weather|time)$/],
    ['one tool', { type: 'tool', name: 'get_weather' }, /^get_weather$/],
    ['the one that the user names', { type: 'auto' }, /^get_weather$/],
  ];

  it.each(choices)(
    'get a thought and a call, of %s, whole and streamed',
    async (_, choice, name) => {
      const whole = await client.messages.create({ ...ask, tool_choice: choice });
      const [thinking, call, ...rest] = whole.content;
      expect(thinking).toMatchObject({ type: 'thinking' });
      expect(call).toMatchObject({ type: 'tool_use', name: expect.stringMatching(name) });
      expect(rest).toEqual([]);
      const { input } = call as Anthropic.ToolUseBlock;
      if ((call as Anthropic.ToolUseBlock).name === 'get_weather') {
        expect(input).toMatchObject({
          city: expect.any(String),
          unit: expect.stringMatching(/^(celsius|fahrenheit)$/),
        });
      }
      const streamed = await client.messages.stream({ ...ask, tool_choice: choice }).finalMessage();
      expect(streamed.stop_reason).toBe(whole.stop_reason);
      expect(streamed.content.map(({ type }) => type)).toEqual(['thinking', 'tool_use']);
      expect(streamed.content[1]).toMatchObject({ name: expect.stringMatching(name) });
    },
  );

  it('get a 400 for a tool that is not there', async () => {
    const tool_choice = { type: 'tool' as const, name: 'g' };
    const failed = await client.messages.create({ ...ask, tool_choice }).catch((error) => error);
    expect(failed).toMatchObject({ status: 400, type: 'invalid_request_error' });
    expect(String(failed)).toContain("The tool with name 'g' is not found in the tools list.");
  });
});
