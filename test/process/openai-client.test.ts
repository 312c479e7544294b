import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TINYMODEL, Twin } from '../support/twin.ts';

describe('the official openai client', () => {
  let twin: Twin;
  let client: OpenAI;
  const ask = {
    model: 'tiny',
    max_tokens: 5,
    messages: [{ role: 'user' as const, content: 'hello' }],
  };

  beforeAll(async () => {
    const words = ['--served-model-name', 'tiny', '--max-model-len', '1024', '--port', '0'];
    twin = new Twin(['serve', TINYMODEL, ...words, '--api-key', 'secret', '--step-time', 'zero']);
    client = new OpenAI({ baseURL: `${await twin.url()}/v1`, apiKey: 'secret', maxRetries: 0 });
  });

  afterAll(async () => {
    await twin?.stop();
  });

  it('lists the models', async () => {
    const { data } = await client.models.list();
    expect(data.map(({ id }) => id)).toEqual(['tiny']);
  });

  it('completes a chat', async () => {
    const answer = await client.chat.completions.create(ask);
    expect(answer.usage?.completion_tokens).toBe(5);
    expect(answer.choices[0]?.finish_reason).toBe('length');
    expect(answer.choices[0]?.message.content?.length).toBeGreaterThan(0);
  });

  it('streams a chat whose pieces are the whole answer', async () => {
    const whole = await client.chat.completions.create({ ...ask, seed: 7 });
    const stream = await client.chat.completions.create({
      ...ask,
      seed: 7,
      stream: true,
      stream_options: { include_usage: true },
    });
    let text = '';
    let tokens = 0;
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta.content ?? '';
      tokens = chunk.usage?.completion_tokens ?? tokens;
    }
    expect(text).toBe(whole.choices[0]?.message.content);
    expect(tokens).toBe(5);
  });

  it('completes and streams a prompt', async () => {
    const body = { model: 'tiny', prompt: 'hello', max_tokens: 4, n: 2 };
    const answer = await client.completions.create(body);
    expect(answer.choices).toHaveLength(2);
    const reasons: string[] = [];
    for await (const chunk of await client.completions.create({ ...body, stream: true })) {
      for (const { finish_reason } of chunk.choices) if (finish_reason) reasons.push(finish_reason);
    }
    expect(reasons).toEqual(['length', 'length']);
  });

  it('gets log probabilities of chats and prompts', async () => {
    const chat = await client.chat.completions.create({ ...ask, logprobs: true, top_logprobs: 2 });
    const content = chat.choices[0]?.logprobs?.content ?? [];
    expect(content.map((position) => position.top_logprobs.length)).toEqual([2, 2, 2, 2, 2]);
    const body = { model: 'tiny', prompt: 'hello', max_tokens: 3, logprobs: 1 };
    const completion = await client.completions.create(body);
    expect(completion.choices[0]?.logprobs?.token_logprobs).toHaveLength(3);
  });

  it('gets responses, whole and streamed event by event', async () => {
    const body = { model: 'tiny', input: 'hello', max_output_tokens: 5, instructions: 'Be brief.' };
    const whole = await client.responses.create(body);
    expect([whole.status, whole.incomplete_details?.reason, whole.usage?.output_tokens]).toEqual([
      'incomplete',
      'max_output_tokens',
      5,
    ]);
    const types: string[] = [];
    let text = '';
    for await (const event of await client.responses.create({ ...body, stream: true })) {
      expect(event.sequence_number).toBe(types.length);
      types.push(event.type);
      if (event.type === 'response.output_text.delta') text += event.delta;
    }
    expect(text.length).toBeGreaterThan(0);
    expect(types.filter((type) => type !== 'response.output_text.delta')).toEqual([
      'response.created',
      'response.in_progress',
      'response.output_item.added',
      'response.content_part.added',
      'response.output_text.done',
      'response.content_part.done',
      'response.output_item.done',
      'response.incomplete',
    ]);
  });

  it('goes on from what a response said, as an input of items', async () => {
    const first = await client.responses.create({ model: 'tiny', input: 'hello' });
    const again = await client.responses.create({
      model: 'tiny',
      input: [
        { role: 'user', content: 'hello' },
        ...(first.output as OpenAI.Responses.ResponseInputItem[]),
        { role: 'user', content: 'so?' },
      ],
      max_output_tokens: 3,
    });
    expect(again.output_text.length).toBeGreaterThan(0);
  });

  it('is told what is wrong in its own error classes', async () => {
    await expect(client.chat.completions.create({ ...ask, model: 'nope' })).rejects.toThrow(
      OpenAI.NotFoundError,
    );
    await expect(client.chat.completions.create({ ...ask, temperature: -1 })).rejects.toThrow(
      OpenAI.BadRequestError,
    );
    const stranger = new OpenAI({ baseURL: client.baseURL, apiKey: 'wrong', maxRetries: 0 });
    await expect(stranger.models.list()).rejects.toThrow(OpenAI.AuthenticationError);
  });
});
