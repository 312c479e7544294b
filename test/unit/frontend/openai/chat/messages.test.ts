import { describe, expect, it } from 'vitest';
import { parseChatMessages } from '../../../../../src/frontend/openai/chat/messages.ts';
import type { ChatMessageParam } from '../../../../../src/frontend/openai/chat/request.ts';
import { loadRequestSchema } from '../../../../../src/frontend/pydantic/schemas.ts';
import { LazyItems } from '../../../../../src/frontend/pydantic/validation-walk.ts';
import type { PyValue } from '../../../../../src/shared/python/values.ts';
import { errorOf } from '../../../../support/openai.ts';

const schema = loadRequestSchema('chat-completion-request');
const parse = (
  messages: readonly ChatMessageParam[],
  contentFormat: 'string' | 'openai' = 'string',
) => parseChatMessages(messages, { contentFormat, modelName: 'm', schema });
const user = (...content: PyValue[]) => [{ role: 'user', content }];
const text = (words: PyValue, type = 'text') => ({ type, text: words });
const fn = (args: PyValue) => ({ type: 'function', function: { name: 'f', arguments: args } });

describe('content', () => {
  it('is one text, or a list of parts where the template walks over them', () => {
    expect(parse([{ role: 'user', content: 'Q' }])).toEqual([{ role: 'user', content: 'Q' }]);
    expect(parse([{ role: 'user', content: 'Q' }], 'openai')).toEqual([
      { role: 'user', content: [text('Q')] },
    ]);
    expect(parse([{ role: 'user', content: null }, { role: 'user' }])).toEqual([
      { role: 'user', content: '' },
      { role: 'user', content: '' },
    ]);
  });

  it('joins the parts by lines, of every type that is text', () => {
    const parts = user(
      text('a'),
      text('b', 'input_text'),
      text('c', 'output_text'),
      { type: 'refusal', refusal: 'd' },
      { type: 'thinking', thinking: 'e' },
      'f',
    );
    expect(parse(parts)[0]?.['content']).toBe('a\nb\nc\nd\ne\nf');
    expect(parse(parts, 'openai')[0]?.['content']).toEqual(
      ['a', 'b', 'c', 'd', 'e', 'f'].map((word) => text(word)),
    );
  });

  it('keeps the extra fields of a part where templates see parts', () => {
    const part = { ...text('a'), cache_control: { type: 'x' }, uuid: null, detail: 'low' };
    expect(parse(user(part), 'openai')[0]?.['content']).toEqual([
      { ...text('a'), cache_control: { type: 'x' } },
    ]);
  });

  it('leaves texts and refusals out that are null', () => {
    expect(parse(user(text(null), { type: 'refusal' }, text('a')))[0]?.['content']).toBe('a');
  });

  it('shows a reference to a tool by its name', () => {
    const part = { type: 'tool_reference', name: 'f' };
    expect(parse(user(part, { tool_reference: 1, name: 'g' }))[0]?.['content']).toBe('f\ng');
    expect(parse(user(part), 'openai')[0]?.['content']).toEqual([part]);
  });

  it.each([
    [{ type: 'image_url', image_url: { url: 'x' } }, 'm is not a multimodal model'],
    [{ image_url: 'x' }, 'm is not a multimodal model'],
    [{ type: 'prompt_embeds', data: 'x' }, 'You must set `--enable-prompt-embeds` to input'],
    [{ type: 'text', uuid: 'u', input_audio: {} }, 'm is not a multimodal model'],
    [
      { type: 'odd' },
      "Unsupported chat content part type: 'odd'. Supported types: audio_embeds, audio_url,",
    ],
    [{ words: 'x' }, "Missing 'type' field in multimodal part."],
    [{ type: 'text', uuid: 'u' }, "Missing 'type' field in multimodal part."],
    [{ type: 5 }, "Invalid 'type' field in multimodal part."],
  ] as const)('refuses %j', (part, words) => {
    expect(errorOf(() => parse(user(part)))).toMatchObject({
      message: expect.stringContaining(words),
      code: 400,
    });
  });

  it('checks lazily read parts, a fault ending the request in pydantic’s words', () => {
    const items = (...parts: PyValue[]) => [{ role: 'user', content: new LazyItems(parts, 'str') }];
    expect(parse(items('a', 'b'))[0]?.['content']).toBe('a\nb');
    expect(errorOf(() => parse(items('a', 5))).message).toContain(
      '1 validation error for ValidatorIterator\n1\n  Input should be a valid string [type=string_type, input_value=5, input_type=int]',
    );
  });

  it('drops a coding assistant’s billing header from system messages alone', () => {
    const header = 'x-anthropic-billing-header: abc';
    const system = (content: PyValue) => parse([{ role: 'system', content }])[0]?.['content'];
    expect(system(`${header}\nBe brief.`)).toBe('Be brief.');
    expect(system(header)).toBe('');
    expect(
      system([
        `${header}\nrest`,
        text('next'),
        text(`${header}\nmore`),
        { type: 'thinking', thinking: header },
      ]),
    ).toBe(`rest\nnext\nmore\n${header}`);
    expect(parse([{ role: 'user', content: header }])[0]?.['content']).toBe(header);
  });
});

describe('fields of roles', () => {
  it('are names and tasks of all', () => {
    expect(parse([{ role: 'user', content: '', name: 'n', task: 't', odd: 1 }])).toEqual([
      { role: 'user', content: '', name: 'n', task: 't' },
    ]);
    expect(parse([{ role: 'user', content: '', name: 5 }])).toEqual([
      { role: 'user', content: '' },
    ]);
  });

  it('are an assistant’s reasoning and tool calls, with arguments as objects', () => {
    const calls = [fn('{"a":1}'), fn(''), fn('[1]'), fn('{'), fn({ b: 2 }), fn(null)];
    const given = { role: 'assistant', content: '', reasoning: 'why', tool_calls: calls };
    expect(parse([given])).toEqual([
      {
        role: 'assistant',
        content: '',
        reasoning: 'why',
        reasoning_content: 'why',
        tool_calls: [{ a: 1 }, {}, {}, {}, { b: 2 }, {}].map(fn),
      },
    ]);
    expect(calls[0]).toEqual(fn('{"a":1}'));
    expect(parse([{ role: 'user', content: '', reasoning: 'why', tool_calls: calls }])).toEqual([
      { role: 'user', content: '' },
    ]);
  });

  it('takes tool calls that are read lazily, and drops an empty list', () => {
    const lazy = new LazyItems([fn('{"a":1}')], 'any');
    expect(
      parse([{ role: 'assistant', content: '', tool_calls: lazy }])[0]?.['tool_calls'],
    ).toEqual([fn({ a: 1 })]);
    expect(parse([{ role: 'assistant', content: '', tool_calls: [] }])).toEqual([
      { role: 'assistant', content: '' },
    ]);
  });

  it.each([
    [['x'], 'assistant tool_calls entries must be objects.'],
    [[[]], 'assistant tool_calls entries must be objects.'],
    [[{ type: 'custom', function: {} }], "only support assistant tool_calls of type 'function'."],
    [[{ type: 'function' }], "only support assistant tool_calls of type 'function'."],
    [[{ function: null }], "only support assistant tool_calls of type 'function'."],
  ] as const)('refuses the tool calls %j', (toolCalls, words) => {
    const message = { role: 'assistant', content: '', tool_calls: toolCalls };
    expect(errorOf(() => parse([message]))).toMatchObject({
      message: expect.stringContaining(words),
      param: 'tool_calls',
    });
  });

  it('takes a function for a tool call’s type where it has none', () => {
    const message = {
      role: 'assistant',
      content: '',
      tool_calls: [{ function: { name: 'f', arguments: '{}' } }],
    };
    expect(parse([message])[0]?.['tool_calls']).toEqual([
      { function: { name: 'f', arguments: {} } },
    ]);
  });

  it('are a tool’s answer as one text, unless it refers to tools', () => {
    const tool = (content: PyValue) => ({ role: 'tool', tool_call_id: 'id', content });
    expect(parse([tool([text('a'), text('b')])], 'openai')).toEqual([tool('a\nb')]);
    const mixed = [text('a'), { type: 'tool_reference', name: 'f' }];
    expect(parse([tool(mixed)], 'openai')).toEqual([tool(mixed)]);
    expect(parse([tool('plain')])).toEqual([tool('plain')]);
  });

  it('are a developer’s tools', () => {
    expect(
      parse([
        { role: 'developer', content: 'd', tools: [1] },
        { role: 'developer', content: 'd' },
      ]),
    ).toEqual([
      { role: 'developer', content: 'd', tools: [1] },
      { role: 'developer', content: 'd', tools: null },
    ]);
  });
});
