import { describe, expect, it } from 'vitest';
import { badRequest } from '../../../../src/frontend/llm/errors.ts';
import { DONE_EVENT } from '../../../../src/frontend/openai/answer-channel.ts';
import {
  extraMultimodal,
  OnlineRenderer,
  type RendererOptions,
} from '../../../../src/frontend/openai/renderer.ts';
import {
  createCharTokenizer,
  createRenderer,
  errorOf,
  here,
  parseBody,
} from '../../../support/openai.ts';

const complete = (body: object, options: Partial<RendererOptions> = {}) =>
  here(createRenderer(options).renderCompletion(parseBody('completion-request', body), null));
const chat = (body: object = {}, options: Partial<RendererOptions> = {}) =>
  here(
    createRenderer(options).renderChatCompletion(
      parseBody('chat-completion-request', { messages: [{ role: 'user', content: 'Q' }], ...body }),
      null,
    ),
  );
const TOOLS = [{ type: 'function', function: { name: 'f', parameters: { a: 1 } } }];

it('is one object, and streams end alike', () => {
  expect(createRenderer()).toBeInstanceOf(OnlineRenderer);
  expect(DONE_EVENT).toBe('data: [DONE]\n\n');
});

describe('renderCompletion', () => {
  it('makes a prompt of every text and every list of ids', () => {
    expect(complete({ prompt: 'ab' })).toEqual([{ promptTokenIds: [1, 97, 98], text: 'ab' }]);
    expect(complete({ prompt: ['a', 'b'] }).map(({ text }) => text)).toEqual(['a', 'b']);
    expect(complete({ prompt: [97, 98] })).toEqual([{ promptTokenIds: [97, 98], text: null }]);
    expect(
      complete({ prompt: [[97], [98, 99]] }).map(({ promptTokenIds }) => promptTokenIds),
    ).toEqual([[97], [98, 99]]);
    expect(complete({ prompt: 'a', add_special_tokens: false })[0]?.promptTokenIds).toEqual([97]);
  });

  it('decodes ids where an echo needs their text', () => {
    expect(complete({ prompt: [97], echo: true })[0]?.text).toBe('a');
    expect(complete({ prompt: [97], echo: true, return_token_ids: true })[0]?.text).toBeNull();
  });

  it('cuts and limits as the request says', () => {
    expect(complete({ prompt: 'abc', truncate_prompt_tokens: 2 })[0]?.promptTokenIds).toEqual([
      1, 97,
    ]);
    expect(
      complete({ prompt: 'abc', truncate_prompt_tokens: 2, truncation_side: 'left' })[0]
        ?.promptTokenIds,
    ).toEqual([98, 99]);
    expect(errorOf(() => complete({ prompt: 'a', max_tokens: 101 })).param).toBe('max_tokens');
  });

  it.each([
    [{ prompt: [] }, 'You must pass at least one prompt', 'prompt'],
    [
      { prompt: null, prompt_embeds: 'e' },
      'You must set `--enable-prompt-embeds` to input `prompt_embeds`.',
      'prompt_embeds',
    ],
    [
      { prompt: null, prompt_embeds: ['e'] },
      'You must set `--enable-prompt-embeds`',
      'prompt_embeds',
    ],
    [
      { prompt: 'x', suffix: 's' },
      'suffix is only supported for models with FIM completion rendering',
      'suffix',
    ],
    [
      { prompt: [97], suffix: 's' },
      'suffix requires text prompt input for FIM completion rendering',
      'suffix',
    ],
    [{ prompt: ['x'], suffix: 's' }, 'suffix is only supported', 'suffix'],
    [{ prompt: 'x', suffix: 's', echo: true }, 'Echo is unsupported with suffix.', 'suffix'],
    [
      { prompt: null, prompt_embeds: 'e', suffix: 's' },
      'suffix is not supported with prompt_embeds',
      'suffix',
    ],
    [
      { prompt: 'x', suffix: 's', truncate_prompt_tokens: 1 },
      'suffix is not supported with truncate_prompt_tokens',
      'suffix',
    ],
    [{ prompt: [], suffix: 's' }, 'You must pass at least one prompt', 'prompt'],
    [
      { prompt: null, prompt_embeds: 'e', echo: true },
      'Echo is unsupported with prompt embeds.',
      null,
    ],
    [
      { prompt: null, prompt_embeds: 'e', prompt_logprobs: 1 },
      'prompt_logprobs is not compatible with prompt embeds.',
      null,
    ],
    [
      { prompt: 'x', mm_processor_kwargs: { a: 1 } },
      'Per-request mm_processor_kwargs are disabled',
      'mm_processor_kwargs',
    ],
    [
      { prompt: 'x', media_io_kwargs: { a: {} } },
      'Per-request media_io_kwargs are disabled',
      'media_io_kwargs',
    ],
  ])('refuses %j', (body, words, param) => {
    expect(errorOf(() => complete(body))).toMatchObject({
      message: expect.stringContaining(words),
      param,
      code: 400,
    });
  });

  it('takes multimodal settings from clients that are trusted', () => {
    expect(
      complete({ prompt: 'a', mm_processor_kwargs: { a: 1 } }, { trustRequestMmKwargs: true }),
    ).toHaveLength(1);
  });
});

describe('renderChatCompletion', () => {
  it('keeps text, tokens and conversation', () => {
    const { text, promptTokenIds, conversation } = chat();
    expect(text).toBe('<|im_start|>user\nQ<|im_end|>\n<|im_start|>assistant\n');
    expect(promptTokenIds).toEqual([...(text ?? '')].map((char) => char.codePointAt(0)));
    expect(conversation).toEqual([{ role: 'user', content: 'Q' }]);
  });

  it('takes the request’s template, else the server’s, else the tokenizer’s', () => {
    const options = {
      chatTemplate: 'server',
      tokenizer: createCharTokenizer({ chatTemplate: 'tokenizer' }),
    };
    expect(
      chat({ chat_template: 'request' }, { ...options, trustRequestChatTemplate: true }).text,
    ).toBe('request');
    expect(chat({}, options).text).toBe('server');
    expect(chat({}, { ...options, chatTemplate: null }).text).toBe('tokenizer');
  });

  it('gives content the form that the template or the server wants', () => {
    const chatTemplate =
      '{% for m in messages %}{% for p in m.content %}[{{ p.text }}]{% endfor %}{% endfor %}';
    expect(chat({}, { chatTemplate }).text).toBe('[Q]');
    expect(
      chat(
        {},
        { chatTemplate: '{{ messages[0].content[0].text }}', chatTemplateContentFormat: 'openai' },
      ).text,
    ).toBe('Q');
  });

  it('turns developers into systems where the template knows none', () => {
    const messages = [{ role: 'developer', content: 'd' }];
    const show = "{{ messages[0].role }}{% if x == 'user' %}{% endif %}";
    expect(chat({ messages }, { chatTemplate: show }).text).toBe('system');
    expect(
      chat({ messages }, { chatTemplate: `${show}{% if x == 'developer' %}{% endif %}` }).text,
    ).toBe('developer');
  });

  it('shows variables of tokenizer, server and request, the later ones first', () => {
    const chatTemplate = '{{ bos_token }} {{ a }} {{ b }}';
    const options = { chatTemplate, defaultChatTemplateKwargs: { a: 'server', b: 'server' } };
    expect(chat({ chat_template_kwargs: { b: 'request' } }, options).text).toBe(
      '<s> server request',
    );
  });

  it.each([
    [{ reasoning_effort: 'low' }, 'low true'],
    [{ reasoning_effort: 'none' }, 'none false'],
    [{ reasoning_effort: 'low', chat_template_kwargs: { enable_thinking: false } }, 'low false'],
    [{}, ' '],
  ])('thinks with %j: %s', (body, text) => {
    expect(chat(body, { chatTemplate: '{{ reasoning_effort }} {{ enable_thinking }}' }).text).toBe(
      text,
    );
  });

  it('shows tools with all fields and documents', () => {
    const options = {
      chatTemplate: '{{ tools | tojson }} {{ documents | tojson }}',
      hasToolParser: true,
      maxModelLen: 1000,
    };
    const { text } = chat({ tools: TOOLS, documents: [{ text: 'd' }] }, options);
    expect(text).toBe(
      '[{"type": "function", "function": {"name": "f", "description": null, "parameters": {"a": 1}}}] [{"text": "d"}]',
    );
    const excluding = {
      ...options,
      chatTemplate: '{{ tools }}',
      excludeToolsWhenToolChoiceNone: true,
    };
    expect(chat({ tools: TOOLS, tool_choice: 'none' }, excluding).text).toBe('');
    expect(
      chat(
        { tools: TOOLS, tool_choice: 'none' },
        { ...excluding, excludeToolsWhenToolChoiceNone: false },
      ).text,
    ).not.toBe('');
  });

  it.each([
    [
      { tools: TOOLS },
      '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set',
    ],
    [
      { tools: TOOLS, tool_choice: 'required' },
      'tool_choice="required" requires --tool-call-parser to be set',
    ],
    [
      { tools: TOOLS, tool_choice: { type: 'function', function: { name: 'f' } } },
      'tool_choice=function "f" requires --tool-call-parser to be set',
    ],
    [{ chat_template: 'x' }, '--trust-request-chat-template is not set.'],
    [{ chat_template_kwargs: { chat_template: 'x' } }, '--trust-request-chat-template is not set.'],
    [{ mm_processor_kwargs: { a: 1 } }, 'Per-request mm_processor_kwargs are disabled'],
    [{ messages: [] }, 'empty conversation'],
    [{ max_completion_tokens: 101 }, 'max_completion_tokens=101 cannot be greater than'],
    [{ max_tokens: 101 }, 'max_tokens=101 cannot be greater than'],
  ])('refuses %j', (body, words) => {
    expect(errorOf(() => chat(body))).toMatchObject({
      message: expect.stringContaining(words),
      code: 400,
    });
  });

  it('takes any tool choice with a parser, and auto where it is enabled', () => {
    expect(chat({ tools: TOOLS, tool_choice: 'required' }, { hasToolParser: true }).text).toContain(
      'Q',
    );
    expect(chat({ tools: TOOLS }, { enableAutoToolChoice: true }).text).toContain('Q');
    expect(
      errorOf(() => chat({ tools: TOOLS, tool_choice: 'required' }, { enableAutoToolChoice: true }))
        .code,
    ).toBe(400);
  });
});

describe('token ids that a prefill stage forwards', () => {
  const forwarded = (ids: unknown, body: object = {}) => ({
    kv_transfer_params: { prompt_token_ids: ids, other: 1 },
    ...body,
  });

  it('are used in place of the template', () => {
    expect(chat(forwarded([5, 6]))).toEqual({
      conversation: [],
      text: null,
      promptTokenIds: [5, 6],
    });
    expect(chat(forwarded([5, 6], { truncate_prompt_tokens: 1 })).promptTokenIds).toEqual([5]);
  });

  it('are not used with an echo, or where there are none', () => {
    expect(chat(forwarded([5], { echo: true })).text).toContain('Q');
    expect(chat(forwarded(null)).text).toContain('Q');
    expect(chat({ kv_transfer_params: { other: 1 } }).text).toContain('Q');
  });

  it.each([[[]], ['x'], [[-1]], [[1.5]], [['1']]])('must be ids: %j', (ids) => {
    expect(errorOf(() => chat(forwarded(ids)))).toMatchObject({
      message: expect.stringContaining('must be a non-empty list of non-negative integers.'),
      param: 'kv_transfer_params.prompt_token_ids',
    });
  });

  it('must be in the vocabulary', () => {
    const validateTokenIds = (ids: readonly number[], parameter: string) => {
      throw badRequest(`out: ${ids}`, parameter);
    };
    expect(errorOf(() => chat(forwarded([5]), { validateTokenIds }))).toMatchObject({
      message: 'out: 5',
      param: 'kv_transfer_params.prompt_token_ids',
    });
  });
});

it('finds multimodal settings in bodies that have no such fields', () => {
  expect(extraMultimodal({ media_io_kwargs: 1 })).toEqual({
    mmProcessorKwargs: null,
    mediaIoKwargs: 1,
  });
});
