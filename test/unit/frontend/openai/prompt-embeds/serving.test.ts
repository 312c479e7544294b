import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestServer, type TestServer } from '../../../../support/http-server.ts';

interface RecordedTensor {
  readonly name: string;
  readonly dtype: string;
  readonly payload: string;
}

const path = new URL('../../../../golden/prompt-embeds.json', import.meta.url);
const { cases } = JSON.parse(readFileSync(path, 'utf8')) as { cases: readonly RecordedTensor[] };
const payload = (name: string) =>
  cases.find((one) => one.name === name && one.dtype === 'bfloat16')?.payload;

describe('completions of prompts in embeddings', () => {
  let test: TestServer;
  let url: string;

  beforeAll(async () => {
    const promptEmbeds = { hiddenSize: 64, dtype: 'bfloat16' };
    test = await createTestServer({ model: { promptEmbeds }, engines: { engineCount: 1 } });
    url = (await test.server.listen()).address;
  });
  afterAll(() => test?.close());

  async function complete(fields: object): Promise<{ status: number; body: never }> {
    const response = await fetch(`${url}/v1/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'tiny', max_tokens: 4, ignore_eos: true, ...fields }),
    });
    return { status: response.status, body: (await response.json()) as never };
  }

  it('count rows as tokens, and reach the engine as rows', async () => {
    const { status, body } = await complete({ prompt_embeds: payload('a slice') });
    expect([status, body]).toMatchObject([
      200,
      { usage: { prompt_tokens: 3, completion_tokens: 4 }, choices: [{ finish_reason: 'length' }] },
    ]);
    const request = test.engines.requests.at(-1);
    expect(request?.promptTokenIds).toBeNull();
    expect(request?.promptEmbeds).toMatchObject({ dtype: 'bfloat16', shape: [3, 64] });
  });

  it('come before prompts that are texts', async () => {
    const { body } = await complete({
      prompt: 'hello',
      prompt_embeds: [payload('torch.float32'), payload('one row many times')],
      return_token_ids: true,
    });
    const { choices } = body as { choices: readonly { prompt_token_ids: readonly number[] }[] };
    const [first, second, third] = choices.map((choice) => choice.prompt_token_ids);
    expect([first, second]).toEqual([
      [0, 0, 0],
      [0, 0, 0, 0, 0],
    ]);
    expect(Math.max(...(third ?? []))).toBeGreaterThan(0);
  });

  it('are cut as prompts of tokens are, to their last rows', async () => {
    await complete({ prompt_embeds: payload('a slice') });
    const all = test.engines.requests.at(-1)?.promptEmbeds;
    await complete({ prompt_embeds: payload('a slice'), truncate_prompt_tokens: 1 });
    const cut = test.engines.requests.at(-1)?.promptEmbeds;
    expect(cut?.shape).toEqual([1, 64]);
    expect(cut?.data).toEqual(all?.data.subarray(2 * 128));
  });

  it.each([
    [{ prompt_embeds: payload('no rows') }, 'The decoder prompt cannot be empty'],
    [{ prompt_embeds: payload('a width of 65') }, 'hidden_size 65 does not match'],
    [
      { prompt_embeds: payload('nothing') },
      'could not be deserialized as a torch tensor: EOFError',
    ],
    [{ prompt_embeds: payload('a slice'), echo: true }, 'Echo is unsupported with prompt embeds.'],
  ])('are refused where vLLM refuses them: %#', async (fields, message) => {
    const { status, body } = await complete(fields);
    expect([status, (body as { error: { message: string } }).error.message]).toEqual([
      400,
      expect.stringContaining(message),
    ]);
  });
});
