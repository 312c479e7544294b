import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type PoolingServer, startPoolingServer } from '../../../../support/pooling-server.ts';

const CLASSIFIER = { architecture: 'Qwen3ForSequenceClassification' };
const LABELS = { id2label: { 0: 'calm', 1: 'angry', 2: 'glad' } };

describe('the routes of a model', () => {
  const PATHS = [
    '/v1/embeddings',
    '/pooling',
    '/classify',
    '/score',
    '/v1/rerank',
    '/v1/completions',
  ];
  const statuses = async (server: PoolingServer) => {
    const all = await Promise.all(PATHS.map((path) => server.post(path, {})));
    await server.close();
    return all.map(({ status }) => status);
  };

  it.each([
    ['embeds', {}, null, [400, 400, 404, 400, 400, 404]],
    ['embeds tokens', {}, { task: 'token_embed' }, [400, 400, 404, 400, 400, 404]],
    ['has three labels', { ...CLASSIFIER, ...LABELS }, null, [404, 400, 400, 404, 404, 404]],
    ['scores', { ...CLASSIFIER, num_labels: 1 }, null, [404, 400, 400, 400, 400, 404]],
    ['labels tokens', CLASSIFIER, { task: 'token_classify' }, [404, 400, 400, 404, 404, 404]],
  ])('that %s are those of vLLM', async (_name, config, pooler, expected) => {
    expect(await statuses(await startPoolingServer(config, pooler))).toEqual(expected);
  });
});

describe('/classify', () => {
  it('has the probabilities of the labels and the name of the likeliest', async () => {
    const server = await startPoolingServer({ ...CLASSIFIER, ...LABELS });
    const { json } = await server.post('/classify', { input: ['hello', 'world'] });
    await server.close();
    expect(json.id).toMatch(/^classify-/);
    for (const { probs, label, num_classes } of json.data) {
      expect(num_classes).toBe(3);
      expect(probs.reduce((sum: number, p: number) => sum + p, 0)).toBeCloseTo(1, 6);
      expect(label).toBe(Object.values(LABELS.id2label)[probs.indexOf(Math.max(...probs))]);
    }
  });

  it('answers 501 where tokens are labelled', async () => {
    const server = await startPoolingServer(CLASSIFIER, { task: 'token_classify' });
    const { status, json } = await server.post('/classify', { input: 'a' });
    await server.close();
    expect([status, json.error]).toEqual([
      501,
      {
        message: 'The model does not support Classification API',
        type: 'NotImplementedError',
        param: null,
        code: 501,
      },
    ]);
  });
});

describe('/pooling', () => {
  let server: PoolingServer;
  beforeAll(async () => {
    server = await startPoolingServer();
  });
  afterAll(() => server?.close());

  it('has the vector of the task that is served', async () => {
    const { json } = await server.post('/pooling', { input: [5, 6], task: 'embed' });
    expect(json.id).toMatch(/^pooling-/);
    expect(json.data[0]).toMatchObject({ index: 0, object: 'pooling' });
    expect(json.data[0].data).toHaveLength(32);
  });

  it('has rows where the task has a result for each token', async () => {
    const tokens = await startPoolingServer(
      { ...CLASSIFIER, ...LABELS },
      { task: 'token_classify' },
    );
    const { json } = await tokens.post('/pooling', { input: [5, 6] });
    await tokens.close();
    expect(json.data[0].data.map((row: number[]) => row.length)).toEqual([3, 3]);
  });

  it.each([
    [
      { input: 'a', task: 'token_embed' },
      "Try switching the model's pooling_task via --pooler-config.task token_embed. (parameter=task)",
    ],
    [
      { input: 'a', task: 'classify' },
      "Unsupported task: 'classify' Supported tasks: ['embed', 'token_embed'] (parameter=task)",
    ],
    [
      { input: 'a', task: 'score' },
      '`score` task was removed; use `classify` instead. (parameter=task)',
    ],
    [{ input: 'a', dimensions: 2 }, 'dimensions is currently not supported (parameter=dimensions)'],
    [{ data: {} }, 'No IOProcessor plugin installed.'],
  ])('refuses %j as vLLM does', async (body, message) => {
    const { status, json } = await server.post('/pooling', body);
    expect(status).toBe(400);
    expect(json.error.message).toContain(message);
  });
});

describe('/score and /rerank', () => {
  it('compare embeddings by their cosine, a query with each document or pair by pair', async () => {
    const server = await startPoolingServer();
    const documents = ['the cat sat', 'a dog'];
    const one = await server.post('/score', { queries: 'the cat sat', documents });
    const [same, other] = one.json.data;
    expect(same.score).toBeCloseTo(1, 6);
    expect(other.score).toBeLessThan(0.9);
    const pairs = await server.post('/v1/score', { text_1: documents, text_2: documents });
    expect(pairs.json.data.map(({ score }: { score: number }) => Math.round(score))).toEqual([
      1, 1,
    ]);
    const counts = await server.post('/score', { data_1: ['a', 'b', 'c'], data_2: documents });
    expect(counts.json.error.message).toBe('Input lengths must be either 1:1, 1:N or N:N');
    await server.close();
  });

  it('rank documents, the nearest first', async () => {
    const server = await startPoolingServer();
    const body = { query: 'hello world', documents: ['nothing', 'hello world', 'world'] };
    const all = await server.post('/v1/rerank', body);
    expect(all.json.results[0]).toMatchObject({
      index: 1,
      document: { text: 'hello world', multi_modal: null },
    });
    expect(all.json.results).toHaveLength(3);
    const first = await server.post('/v2/rerank', { ...body, top_n: 1 });
    expect(first.json.results).toEqual(all.json.results.slice(0, 1));
    expect(Object.keys(first.json)).toEqual(['id', 'model', 'usage', 'results']);
    await server.close();
  });

  it('sum the best matches of token embeddings', async () => {
    const server = await startPoolingServer({}, { task: 'token_embed' });
    const { json } = await server.post('/score', { queries: 'a b', documents: ['a b', 'c'] });
    await server.close();
    expect(json.data[0].score).toBeGreaterThan(json.data[1].score);
    expect(json.data[0].score).toBeGreaterThan(1.5);
  });

  it('let a cross encoder read each pair as one prompt', async () => {
    const server = await startPoolingServer({ ...CLASSIFIER, num_labels: 1, use_sep_token: false });
    const { json } = await server.post('/score', {
      queries: 'the cat sat on the mat',
      documents: ['the cat sat on the mat', 'unlike'],
    });
    expect(server.engines.requests).toHaveLength(2);
    expect(server.engines.requests[0]?.poolingParams?.task).toBe('classify');
    await server.close();
    const [shared, apart] = json.data.map(({ score }: { score: number }) => score);
    expect(shared).toBeGreaterThan(apart);
    expect(json.usage.prompt_tokens).toBeGreaterThan(4);
  });

  it('write a pair with the chat template of the server', async () => {
    const server = await startPoolingServer({ ...CLASSIFIER, num_labels: 1 }, null, {
      args: {
        chatTemplate:
          '{{ instruction }}:{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}',
      },
    });
    const ask = (extra: object) =>
      server.post('/score', { queries: 'q', documents: 'd', ...extra });
    expect((await ask({ instruction: 'Judge' })).status).toBe(200);
    const reserved = await ask({ chat_template_kwargs: { tools: 1 } });
    expect(reserved.json.error.message).toContain('reserved keys that conflict');
    await server.close();
  });

  it.each([
    [
      { queries: 'q', documents: [{ content: [{ type: 'text', text: 'x' }] }] },
      'MultiModalParam is not supported for Qwen3ForCausalLM',
    ],
    [{ queries: 'q', documents: [] }, 'At least one text_pair element must be given'],
    [
      { queries: 'q', documents: 'd', max_tokens_per_doc: -1 },
      'max_tokens_per_doc must be a non-negative integer',
    ],
    [
      { queries: 'q', documents: 'd', max_tokens_per_query: 1024 },
      'max_tokens_per_query (1024) must be less than max_model_len (1024).',
    ],
  ])('refuse %j as vLLM does', async (body, message) => {
    const server = await startPoolingServer();
    const { status, json } = await server.post('/score', body);
    await server.close();
    expect(status).toBe(400);
    expect(json.error.message).toContain(message);
  });
});
