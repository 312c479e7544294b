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
