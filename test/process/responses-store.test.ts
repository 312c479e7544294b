import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TINYMODEL, Twin } from '../support/twin.ts';
import { waitUntil } from '../support/wait-for.ts';

// What vLLM's own tests of stored responses ask for, through the official client.
describe('stored responses, through the official openai client', () => {
  let twin: Twin;
  let client: OpenAI;
  const create = (fields: object = {}) =>
    client.responses.create({ model: 'tiny', input: 'Hello!', max_output_tokens: 4, ...fields });

  beforeAll(async () => {
    const words = ['--served-model-name', 'tiny', '--max-model-len', '1024', '--port', '0'];
    twin = new Twin(['serve', TINYMODEL, ...words, '--step-time', '5'], {
      VLLM_ENABLE_RESPONSES_API_STORE: '1',
    });
    client = new OpenAI({ baseURL: `${await twin.url()}/v1`, apiKey: 'none', maxRetries: 0 });
  });

  afterAll(async () => {
    await twin?.stop();
  });

  const statusOf = async (id: string) => (await client.responses.retrieve(id)).status;

  it('are retrieved as they were answered, unless they were not to be stored', async () => {
    const response = (await create()) as OpenAI.Responses.Response;
    const again = await client.responses.retrieve(response.id);
    expect([again.status, again.output]).toEqual([response.status, response.output]);
    const unkept = (await create({ store: false })) as OpenAI.Responses.Response;
    await expect(client.responses.retrieve(unkept.id)).rejects.toThrow(OpenAI.NotFoundError);
  });

  it('run in the background from queued to their end', async () => {
    const response = (await create({ background: true })) as OpenAI.Responses.Response;
    expect(response.status).toBe('queued');
    await waitUntil('the response to end', async () => (await statusOf(response.id)) !== 'queued');
    expect(['completed', 'incomplete']).toContain(await statusOf(response.id));
    await expect(create({ background: true, store: false })).rejects.toThrow(
      /background can only be used when `store` is true/,
    );
  });

  it('are cancelled while they run, and not after', async () => {
    const long = { background: true, max_output_tokens: 900, ignore_eos: true };
    const response = (await create(long)) as OpenAI.Responses.Response;
    expect((await client.responses.cancel(response.id)).status).toBe('cancelled');
    expect(await statusOf(response.id)).toBe('cancelled');
    const metrics = new URL('/metrics', client.baseURL);
    await waitUntil('the engine to have nothing left', async () =>
      /^vllm:num_requests_running\{.*\} 0(\.0)?$/m.test(await (await fetch(metrics)).text()),
    );
    const done = (await create()) as OpenAI.Responses.Response;
    await expect(client.responses.cancel(done.id)).rejects.toThrow(
      'Cannot cancel a synchronous response.',
    );
  });

  it('are gone on from by two responses that know nothing of each other', async () => {
    const first = (await create()) as OpenAI.Responses.Response;
    const both = (await Promise.all(
      ['One', 'Two'].map((input) => create({ input, previous_response_id: first.id })),
    )) as OpenAI.Responses.Response[];
    for (const { previous_response_id: previous, usage } of both) {
      expect(previous).toBe(first.id);
      expect(usage?.input_tokens).toBeGreaterThan(first.usage?.input_tokens ?? 0);
    }
    await expect(create({ previous_response_id: 'resp_none' })).rejects.toThrow(
      OpenAI.NotFoundError,
    );
  });

  it('are streamed again from the event that a client saw last', async () => {
    const stream = await client.responses.create({
      model: 'tiny',
      input: 'Hello!',
      max_output_tokens: 20,
      background: true,
      stream: true,
    });
    const events = [];
    for await (const event of stream) events.push(event);
    const [created] = events;
    if (created?.type !== 'response.created') throw new Error('the stream has no beginning');
    const rest = await client.responses.retrieve(created.response.id, {
      stream: true,
      starting_after: 1,
    });
    const again = [];
    for await (const event of rest) again.push(event);
    expect(again).toEqual(events.slice(2));
    expect(again.at(-1)?.type).toMatch(/^response\.(completed|incomplete)$/);
  });
});
