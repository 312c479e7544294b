import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hasLabels, parseSamples, type Sample } from '../../src/shared/exposition.ts';
import { TINYMODEL, Twin } from '../support/twin.ts';

const WORDS = ['--served-model-name', 'tiny', '--max-model-len', '1024', '--port', '0'];

describe('serve --runner pooling', () => {
  let twin: Twin;
  let client: OpenAI;
  let url = '';

  beforeAll(async () => {
    twin = new Twin([
      'serve',
      TINYMODEL,
      ...WORDS,
      '--runner',
      'pooling',
      '--data-parallel-size',
      '2',
    ]);
    url = await twin.url();
    client = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'none', maxRetries: 0 });
  });

  afterAll(async () => {
    await twin?.stop();
  });

  it('embeds for the official client, which asks for base64 and reads it', async () => {
    const { data, usage, model } = await client.embeddings.create({
      model: 'tiny',
      input: ['hello', 'world', 'hello'],
    });
    expect(model).toBe('tiny');
    expect(data.map(({ embedding }) => embedding.length)).toEqual([64, 64, 64]);
    expect(data[0]?.embedding).toEqual(data[2]?.embedding);
    expect(Math.hypot(...(data[0]?.embedding ?? []))).toBeCloseTo(1, 5);
    const plain = await client.embeddings.create({
      model: 'tiny',
      input: 'hello',
      encoding_format: 'float',
    });
    expect(plain.data[0]?.embedding.map(Math.fround)).toEqual(data[0]?.embedding.map(Math.fround));
    expect(usage.prompt_tokens).toBe(usage.total_tokens);
  });

  it('refuses for it what vLLM refuses, and has no route to generate', async () => {
    await expect(
      client.embeddings.create({ model: 'tiny', input: 'a', dimensions: 3 }),
    ).rejects.toMatchObject({ status: 400 });
    await expect(client.completions.create({ model: 'tiny', prompt: 'a' })).rejects.toMatchObject({
      status: 404,
    });
  });

  it('counts its requests as vLLM counts them', async () => {
    const before = await samples(url);
    await client.embeddings.create({
      model: 'tiny',
      input: [
        [5, 6, 7],
        [8, 9],
      ],
    });
    const after = await samples(url);
    const grown = (name: string, labels: Readonly<Record<string, string>> = {}) =>
      sum(after, name, labels) - sum(before, name, labels);
    expect(grown('vllm:request_success_total', { finished_reason: 'stop' })).toBe(2);
    expect(grown('vllm:request_success_total', { finished_reason: 'length' })).toBe(0);
    expect(grown('vllm:prompt_tokens_total')).toBe(5);
    expect(grown('vllm:generation_tokens_total')).toBe(0);
    expect(grown('vllm:e2e_request_latency_seconds_count')).toBe(2);
    expect(grown('vllm:time_to_first_token_seconds_count')).toBe(2);
    expect(grown('vllm:request_params_n_count')).toBe(2);
    expect(grown('vllm:request_params_max_tokens_count')).toBe(0);
    expect(grown('vllm:inter_token_latency_seconds_count')).toBe(0);
  });

  it('says how is pooled', async () => {
    expect(twin.log).toContain(
      'Resolved pooling config: pooling_type=LAST(source=model_default), tok_pooling_type=ALL(source=model_default), ' +
        "use_activation=True(source=pooler_default), supported_tasks=('embed', 'token_embed')",
    );
    expect(twin.log).toContain('Resolved `--convert auto` to `--convert embed`.');
  });
});

describe('serve of a reranker', () => {
  it('ranks documents by the scores of pairs', async () => {
    const overrides = { architectures: ['Qwen3ForSequenceClassification'], num_labels: 1 };
    const twin = new Twin([
      ...['serve', TINYMODEL, ...WORDS],
      ...['--hf-overrides', JSON.stringify(overrides)],
    ]);
    const response = await fetch(`${await twin.url()}/v1/rerank`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query: 'the cat sat', documents: ['unlike', 'the cat sat'] }),
    });
    const { results } = (await response.json()) as { results: { index: number }[] };
    await twin.stop();
    expect(results.map(({ index }) => index)).toEqual([1, 0]);
  });
});

async function samples(url: string): Promise<readonly Sample[]> {
  return parseSamples(await (await fetch(`${url}/metrics`)).text());
}

function sum(
  all: readonly Sample[],
  name: string,
  labels: Readonly<Record<string, string>>,
): number {
  return all
    .filter((sample) => sample.name === name)
    .filter((sample) => hasLabels(sample, labels))
    .reduce((total, { value }) => total + value, 0);
}
