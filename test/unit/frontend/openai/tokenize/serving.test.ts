import { describe, expect, it } from 'vitest';
import { detokenize, tokenize } from '../../../../../src/frontend/openai/tokenize/serving.ts';
import { createServing, errorOf, here, parseBody } from '../../../../support/openai.ts';

const { context } = createServing();
const run = (body: object) =>
  JSON.parse(String(here(tokenize(context, parseBody('tokenize-request', body), null))));
const CHAT = { messages: [{ role: 'user', content: 'Q' }] };

describe('tokenize', () => {
  it('counts and lists the tokens of a text, special ones unless told not to', () => {
    expect(run({ prompt: 'ab' })).toEqual({
      count: 3,
      max_model_len: 100,
      tokens: [1, 97, 98],
      token_strs: null,
    });
    expect(run({ prompt: 'ab', add_special_tokens: false }).tokens).toEqual([97, 98]);
    expect(run({ prompt: 'ab', return_token_strs: true }).token_strs).toEqual(['T1', 'T97', 'T98']);
  });

  it('has no limit of its own', () => {
    expect(run({ prompt: 'x'.repeat(1000) }).count).toBe(1001);
  });

  it('renders a chat', () => {
    const text = (body: object) => String.fromCodePoint(...run({ ...CHAT, ...body }).tokens);
    expect(text({})).toBe('<|im_start|>user\nQ<|im_end|>\n<|im_start|>assistant\n');
    expect(text({ add_generation_prompt: false })).toBe('<|im_start|>user\nQ<|im_end|>\n');
    expect(text({ add_generation_prompt: false, continue_final_message: true })).toBe(
      '<|im_start|>user\nQ',
    );
  });

  it('refuses other models, foreign templates and multimodal settings', () => {
    expect(errorOf(() => run({ model: 'other', prompt: 'x' })).code).toBe(404);
    expect(errorOf(() => run({ ...CHAT, chat_template: 'x' })).message).toContain(
      'untrusted chat template',
    );
    expect(errorOf(() => run({ prompt: 'x', mm_processor_kwargs: { a: 1 } })).param).toBe(
      'mm_processor_kwargs',
    );
    expect(errorOf(() => run({ ...CHAT, media_io_kwargs: { a: {} } })).param).toBe(
      'media_io_kwargs',
    );
  });
});

describe('detokenize', () => {
  const back = (body: object) =>
    here(detokenize(context, parseBody('detokenize-request', body), null));

  it('decodes ids', () => {
    expect(back({ tokens: [97, 98] })).toBe('{"prompt":"ab"}');
    expect(back({ tokens: [] })).toBe('{"prompt":""}');
  });

  it('refuses other models and ids beyond 32 bits', () => {
    expect(errorOf(() => back({ model: 'other', tokens: [] })).code).toBe(404);
    expect(errorOf(() => back({ tokens: [2 ** 32] }))).toMatchObject({
      message: 'number too large to fit in target type',
      code: 400,
    });
  });
});
