import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type PoolingServer, startPoolingServer } from '../../../../support/pooling-server.ts';

describe('/v2/embed', () => {
  let server: PoolingServer;
  const embed = (body: unknown) => server.post('/v2/embed', body);
  const message = async (body: unknown) => {
    const { status, json } = await embed(body);
    return [status, json.error.message];
  };

  beforeAll(async () => {
    const task_instructions = { query: 'find: ', document: '', count: 3 };
    server = await startPoolingServer({ is_matryoshka: true, task_instructions });
  });
  afterAll(() => server?.close());

  it('has the vectors of /v1/embeddings for texts, in the shape of Cohere', async () => {
    const { status, json } = await embed({ model: 'tiny', texts: ['hello', 'big world'] });
    const plain = await server.post('/v1/embeddings', { input: ['hello', 'big world'] });
    expect(status).toBe(200);
    expect(Object.keys(json)).toEqual(['id', 'embeddings', 'texts', 'meta', 'response_type']);
    expect(json).toMatchObject({
      id: expect.stringMatching(/^embd-[0-9a-f]+$/),
      texts: ['hello', 'big world'],
      meta: {
        api_version: { version: '2' },
        billed_units: { input_tokens: plain.json.usage.prompt_tokens, image_tokens: 0 },
      },
      response_type: 'embeddings_by_type',
    });
    const rounded = (vectors: number[][]) => vectors.map((vector) => vector.map(Math.fround));
    expect(rounded(json.embeddings.float)).toEqual(
      rounded(plain.json.data.map(({ embedding }: { embedding: number[] }) => embedding)),
    );
  });

  it('has each type that is asked for, in the order of the answer', async () => {
    const { json } = await embed({
      texts: ['hello'],
      embedding_types: ['base64', 'binary', 'ubinary', 'float'],
    });
    expect(Object.keys(json.embeddings)).toEqual(['float', 'binary', 'ubinary', 'base64']);
    const [vector] = json.embeddings.float;
    const bytes = Buffer.from(json.embeddings.base64[0], 'base64');
    expect(Array.from({ length: 32 }, (_, i) => bytes.readFloatLE(4 * i))).toEqual(
      vector.map(Math.fround),
    );
    const signs = vector.map((element: number) => (element >= 0 ? '1' : '0')).join('');
    const packed = (signs.match(/.{8}/g) ?? []).map((bits: string) => Number.parseInt(bits, 2));
    expect(json.embeddings.ubinary).toEqual([packed]);
    expect(json.embeddings.binary).toEqual([packed.map((byte: number) => byte - 128)]);
  });

  it('packs bits of whole bytes alone', async () => {
    const body = { texts: ['hello'], output_dimension: 12, embedding_types: ['binary'] };
    expect(await message(body)).toEqual([
      400,
      'Embedding dimension must be a multiple of 8 for binary embedding types, but got 12.',
    ]);
    const { json } = await embed({ ...body, output_dimension: 16 });
    expect(json.embeddings.binary[0]).toHaveLength(2);
  });

  it('cuts at the end, at the start, or refuses what is too long', async () => {
    const tokens = async (body: object) => {
      const { json } = await embed({ texts: ['one two three four five six'], ...body });
      return json.meta.billed_units.input_tokens;
    };
    expect(await tokens({ max_tokens: 3 })).toBe(3);
    expect(await tokens({ max_tokens: 3, truncate: 'START' })).toBe(3);
    const start = await embed({ texts: ['a b c d'], max_tokens: 2, truncate: 'START' });
    const end = await embed({ texts: ['a b c d'], max_tokens: 2 });
    expect(start.json.embeddings.float).not.toEqual(end.json.embeddings.float);
    const all = await tokens({ truncate: 'NONE', max_tokens: 100 });
    expect(
      await message({
        texts: ['one two three four five six'],
        max_tokens: 2,
        truncate: 'NONE',
      }),
    ).toEqual([
      400,
      `Input of ${all} tokens exceeds max_tokens=2 with truncate=NONE. Set truncate to END or START to allow truncation.`,
    ]);
  });

  it("tells the model of the text's task, as the model has it, in a system message", async () => {
    const plain = await embed({ texts: ['hello'] });
    const query = await embed({ texts: ['hello'], input_type: 'query' });
    const chat = await server.post('/v1/embeddings', {
      messages: [
        { role: 'system', content: [{ type: 'text', text: 'find: ' }] },
        { role: 'user', content: [{ type: 'text', text: 'hello' }] },
      ],
    });
    expect(query.json.meta.billed_units.input_tokens).toBe(chat.json.usage.prompt_tokens);
    expect(query.json.embeddings).not.toEqual(plain.json.embeddings);
    const document = await embed({ texts: ['hello'], input_type: 'document' });
    expect(document.json.embeddings).toEqual(plain.json.embeddings);
    expect(await message({ texts: ['hello'], input_type: 'count' })).toEqual([
      400,
      "Unsupported input_type 'count'. Supported values: document, query",
    ]);
  });

  it('takes texts as content, and refuses images in the words of a model of texts', async () => {
    const content = [{ type: 'text', text: 'hello' }];
    const { json } = await embed({ inputs: [{ content }] });
    const chat = await server.post('/v1/embeddings', { messages: [{ role: 'user', content }] });
    expect(json.meta.billed_units.input_tokens).toBe(chat.json.usage.prompt_tokens);
    expect(json).not.toHaveProperty('texts');
    const [status, words] = await message({ images: ['data:image/png;base64,AAAA'] });
    expect([status, words]).toEqual([400, expect.stringMatching(/is not a multimodal model$/)]);
  });

  it.each([
    [{}, 'Exactly one of texts, images, or inputs must be provided, and it must be non-empty'],
    [
      { texts: [] },
      'Exactly one of texts, images, or inputs must be provided, and it must be non-empty',
    ],
    [
      { texts: ['a'], images: ['b'] },
      'Exactly one of texts, images, or inputs must be provided, and it must be non-empty',
    ],
    [
      { inputs: [{ content: [{ type: 'text' }] }] },
      "CohereEmbedContent with type='text' requires text",
    ],
    [
      { inputs: [{ content: [{ type: 'image_url', image_url: {} }] }] },
      "CohereEmbedContent with type='image_url' requires image_url.url",
    ],
  ])('refuses %j', async (body, words) => {
    const [status, said] = await message(body);
    expect(status).toBe(400);
    expect(said).toContain(`Value error, ${words}`);
  });

  it('says in which place a value is wrong, as pydantic does', async () => {
    const { json } = await embed({ inputs: [{ content: [{ type: 'text' }] }] });
    expect(json.error).toEqual({
      message:
        "1 validation error:\n  {'type': 'value_error', 'loc': 'body.inputs.0.content.0', 'msg': \"Value error, " +
        "CohereEmbedContent with type='text' requires text\", 'input': '<dict of 1 items>', 'ctx': {'error': " +
        'ValueError("CohereEmbedContent with type=\'text\' requires text")}}',
      type: 'Bad Request',
      param: 'body.inputs.0.content.0',
      code: 400,
    });
  });
});

describe('/v2/embed of a model without task instructions', () => {
  it('refuses every input_type', async () => {
    const server = await startPoolingServer();
    const { json } = await server.post('/v2/embed', { texts: ['a'], input_type: 'query' });
    await server.close();
    expect(json.error.message).toBe(
      "Unsupported input_type 'query'. This model does not define any input_type task instructions.",
    );
  });
});
