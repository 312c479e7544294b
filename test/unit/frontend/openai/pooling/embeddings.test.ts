import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type PoolingServer, startPoolingServer } from '../../../../support/pooling-server.ts';

const norm = (vector: readonly number[]) => Math.hypot(...vector);

describe('/v1/embeddings', () => {
  let server: PoolingServer;
  const embed = (body: unknown) => server.post('/v1/embeddings', body);

  beforeAll(async () => {
    server = await startPoolingServer({ is_matryoshka: true });
  });
  afterAll(() => server?.close());

  it('has one normalized vector of the model for a text, with its tokens', async () => {
    const { status, json } = await embed({ model: 'tiny', input: 'hello world' });
    expect(status).toBe(200);
    expect(json).toMatchObject({
      id: expect.stringMatching(/^embd-[0-9a-f]+$/),
      object: 'list',
      model: 'tiny',
      data: [{ index: 0, object: 'embedding' }],
    });
    expect(json.data[0].embedding).toHaveLength(32);
    expect(norm(json.data[0].embedding)).toBeCloseTo(1, 6);
    expect(json.usage.prompt_tokens).toBe(json.usage.total_tokens);
    expect(json.usage).toMatchObject({ completion_tokens: 0, prompt_tokens_details: null });
  });

  it('takes lists of texts and of token ids, and the same tokens have the same vector', async () => {
    const texts = await embed({ input: ['hello', 'world', 'hello'] });
    const [first, second, third] = texts.json.data;
    expect(first.embedding).toEqual(third.embedding);
    expect(first.embedding).not.toEqual(second.embedding);
    const ids = await embed({ input: [[5, 6], [7]] });
    expect(ids.json.usage.prompt_tokens).toBe(3);
    const one = await embed({ input: [5, 6] });
    expect(one.json.data[0].embedding).toEqual(ids.json.data[0].embedding);
  });

  it('keeps the first dimensions of a Matryoshka model, normalized anew', async () => {
    const { json } = await embed({ input: 'hello', dimensions: 4 });
    expect(json.data[0].embedding).toHaveLength(4);
    expect(norm(json.data[0].embedding)).toBeCloseTo(1, 6);
    const long = await embed({ input: 'hello', dimensions: 33 });
    expect([long.status, long.json.error.message]).toEqual([
      400,
      "Model 'tiny' only supports dimensions in range [1, 32], got 33.",
    ]);
  });

  it('has the same vector as base64, which the official client asks for', async () => {
    const plain = await embed({ input: 'hello' });
    const packed = await embed({ input: 'hello', encoding_format: 'base64' });
    const bytes = Buffer.from(packed.json.data[0].embedding, 'base64');
    const elements = Array.from({ length: 32 }, (_, i) => bytes.readFloatLE(4 * i));
    expect(elements.map(Math.fround)).toEqual(plain.json.data[0].embedding.map(Math.fround));
  });

  it('has the bytes of all vectors, and in a header where each of them is', async () => {
    const body = { input: ['a', 'b'], encoding_format: 'bytes', embed_dtype: 'float16' };
    const { headers, bytes } = await embed(body);
    expect(headers.get('content-type')).toBe('application/octet-stream');
    expect(bytes).toHaveLength(128);
    expect(JSON.parse(headers.get('metadata') ?? '')).toMatchObject({
      model: 'tiny',
      data: [
        { index: 0, embed_dtype: 'float16', endianness: 'native', start: 0, end: 64, shape: [32] },
        { index: 1, start: 64, end: 128 },
      ],
      usage: { prompt_tokens: 2, total_tokens: 2 },
    });
    const alone = await embed({ ...body, encoding_format: 'bytes_only' });
    expect(alone.headers.get('metadata')).toBeNull();
    expect(alone.bytes).toEqual(bytes);
  });

  it('takes a conversation, several of them, and conversations in the place of texts', async () => {
    const messages = [{ role: 'user', content: 'hi' }];
    const one = await embed({ messages });
    const many = await embed({ messages: [messages, messages] });
    const inInput = await embed({ input: messages });
    expect(one.json.data).toHaveLength(1);
    expect(many.json.data).toHaveLength(2);
    expect(inInput.json.data[0].embedding).toEqual(one.json.data[0].embedding);
  });

  it('keeps the beginning of a text that is truncated, and the end where that is asked for', async () => {
    const vector = async (body: object) => (await embed(body)).json.data[0].embedding;
    const ids = [11, 12, 13, 14];
    expect(await vector({ input: ids, truncate_prompt_tokens: 2 })).toEqual(
      await vector({ input: [11, 12] }),
    );
    expect(
      await vector({ input: ids, truncate_prompt_tokens: 2, truncation_side: 'left' }),
    ).toEqual(await vector({ input: [13, 14] }));
  });

  it('may fill the whole context', async () => {
    const input = Array.from({ length: 1024 }, (_, i) => 3 + (i % 100));
    expect((await embed({ input })).status).toBe(200);
    const { status, json } = await embed({ input: [...input, 3] });
    expect(status).toBe(400);
    expect(json.error.message).toContain("This model's maximum context length is 1024 tokens.");
  });

  it.each([
    [{ input: [] }, 400, 'You must pass at least one prompt'],
    [{ input: '' }, 400, 'The decoder prompt cannot be empty'],
    [
      { input: 'a', normalize: true },
      400,
      'Parameter `normalize` was removed; use `use_activation` instead. (parameter=normalize)',
    ],
    [{ input: 'a', model: 'nobody' }, 404, 'The model `nobody` does not exist.'],
    [{ input: [99_999] }, 400, 'Token id 99999 is out of vocabulary'],
    [
      { input: 'a', truncate_prompt_tokens: 1025 },
      400,
      'truncate_prompt_tokens value is greater than max_model_len. Please request a smaller truncation size.',
    ],
    [
      { input: 'a', mm_processor_kwargs: { a: 1 } },
      400,
      'Per-request mm_processor_kwargs are disabled by default',
    ],
    [
      { messages: [], continue_final_message: true, add_generation_prompt: true },
      400,
      'Cannot set both `continue_final_message` and `add_generation_prompt` to True.',
    ],
  ])('refuses %j as vLLM does', async (body, status, message) => {
    const answer = await embed(body);
    expect(answer.status).toBe(status);
    expect(answer.json.error.message).toContain(message);
  });

  it('sends each prompt to the engines under an id of its own', async () => {
    server.engines.requests.length = 0;
    await server.post(
      '/v1/embeddings',
      { input: ['a', 'b'], priority: 3, cache_salt: 'salt' },
      { 'x-request-id': 'mine' },
    );
    expect(server.engines.requests.map(({ externalReqId }) => externalReqId)).toEqual([
      'embd-mine-0',
      'embd-mine-1',
    ]);
    expect(server.engines.requests[0]).toMatchObject({
      samplingParams: null,
      poolingParams: { task: 'embed', useActivation: true, skipReadingPrefixCache: false },
      priority: 3,
      cacheSalt: 'salt',
    });
  });
});

describe('/v1/embeddings of other models', () => {
  it('has no dimensions to choose from where the model was not trained for it', async () => {
    const server = await startPoolingServer();
    const { json } = await server.post('/v1/embeddings', { input: 'a', dimensions: 4 });
    await server.close();
    expect(json.error.message).toBe(
      "Model 'tiny' does not support Matryoshka embeddings; dimensions must be unset (received dimensions=4).",
    );
  });

  it('has a row for each token where the task is token_embed', async () => {
    const server = await startPoolingServer({}, { task: 'token_embed' });
    const { json } = await server.post('/v1/embeddings', { input: [5, 6, 7] });
    expect(json.data[0].embedding.map((row: number[]) => row.length)).toEqual([32, 32, 32]);
    expect(server.engines.requests[0]?.poolingParams?.skipReadingPrefixCache).toBe(true);
    const chunked = await server.post('/v1/embeddings', {
      input: 'a',
      late_chunking_params: { chunk_size: 2 },
    });
    expect(chunked.status).toBe(501);
    await server.close();
  });

  it('embeds a text that is too long in parts, where the pooler is told so', async () => {
    const server = await startPoolingServer({}, { enable_chunked_processing: true });
    const input = Array.from({ length: 2500 }, (_, i) => 3 + (i % 1000));
    const { json } = await server.post('/v1/embeddings', { input });
    expect(json.usage.prompt_tokens).toBe(2500);
    expect(norm(json.data[0].embedding)).toBeCloseTo(1, 5);
    expect(server.engines.requests.map(({ promptTokenIds }) => promptTokenIds?.length)).toEqual([
      1024, 1024, 452,
    ]);
    expect(server.engines.requests[2]?.externalReqId).toMatch(/-prompt-0-chunk-2$/);
    await server.close();
  });

  it('leaves vectors as they are where the pooler does', async () => {
    const server = await startPoolingServer({}, { use_activation: false });
    const { json } = await server.post('/v1/embeddings', { input: 'a b c' });
    expect(norm(json.data[0].embedding)).toBeGreaterThan(2);
    const asked = await server.post('/v1/embeddings', { input: 'a b c', use_activation: true });
    expect(norm(asked.json.data[0].embedding)).toBeCloseTo(1, 5);
    await server.close();
  });
});
