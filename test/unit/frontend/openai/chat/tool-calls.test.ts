import { describe, expect, it } from 'vitest';
import { createChatCompletion } from '../../../../../src/frontend/openai/chat/serving.ts';
import { loadOutputParsers } from '../../../../../src/frontend/openai/parsing/output-parsers.ts';
import { OUTPUT_FORM_KEY } from '../../../../../src/shared/protocol/output-form.ts';
import {
  createOutput,
  createRenderer,
  createServing,
  parseBody,
  TEST_MODEL,
} from '../../../../support/openai.ts';

const WEATHER = {
  type: 'function',
  function: {
    name: 'get_weather',
    parameters: {
      type: 'object',
      properties: { city: { type: 'string' } },
      required: ['city'],
    },
  },
};
const TIME = { type: 'function', function: { name: 'get_time' } };
const CALL = '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Oslo"}}\n</tool_call>';

interface Setup {
  readonly tool?: string | null;
  readonly reasoning?: string | null;
  readonly toolCallRate?: number;
}

/** Markers are characters of a private area, so that each is one token of the test's tokenizer. */
const MARKS = ['<think>', '</think>', '<tool_call>', '</tool_call>'];
const tokenizer = {
  tokenId: (text: string) => (MARKS.includes(text) ? 0xe000 + MARKS.indexOf(text) : null),
  decode: (ids: readonly number[]) => ids.map(textOf).join(''),
  allSpecialTokens: new Map<string, number>(),
  chatTemplate: null,
};

function textOf(id: number): string {
  return MARKS[id - 0xe000] ?? String.fromCodePoint(id);
}

function idsOf(text: string): number[] {
  const parts = text.split(/(<\/?think>|<\/?tool_call>)/);
  return parts.flatMap((part) => {
    const id = tokenizer.tokenId(part);
    return id === null ? [...part].map((char) => char.codePointAt(0) ?? 0) : [id];
  });
}

async function chat(
  body: object,
  { tool = 'hermes', reasoning = null, toolCallRate = 0 }: Setup = {},
) {
  const invocations: unknown[] = [];
  const parsers = await loadOutputParsers({
    toolCallParser: tool,
    reasoningParser: reasoning,
    tokenizer,
    modelName: 'm',
    toolCallIdType: 'random',
    isHarmony: false,
    onInvocation: (invocation) => invocations.push(invocation),
  });
  const renderer = createRenderer({ maxModelLen: 4000, hasToolParser: true });
  const { context, llm, channel } = createServing({
    parsers,
    toolCallRate,
    renderer,
    model: { ...TEST_MODEL, maxModelLen: 4000 },
  });
  const messages = [{ role: 'user', content: 'hello' }];
  const request = parseBody('chat-completion-request', { model: 'm', messages, ...body });
  void createChatCompletion(context, request, {}, channel);
  const [call] = llm.calls;
  if (call === undefined) throw new Error('nothing was generated');
  return { llm, channel, invocations, call: call.request };
}

type Chat = Awaited<ReturnType<typeof chat>>;

function answer({ llm, channel }: Chat, text: string, finishReason = 'stop') {
  llm.emit(createOutput({ text, tokenIds: idsOf(text), finishReason: finishReason as 'stop' }));
  return JSON.parse(channel.body) as {
    choices: [{ message: Record<string, unknown>; finish_reason: string }];
    usage: Record<string, unknown>;
  };
}

function formOf({ call }: Chat) {
  return call.params.extraArgs?.[OUTPUT_FORM_KEY] ?? null;
}

describe('tool calls of a chat', () => {
  it('takes calls out of the content and says so in the finish reason', async () => {
    const started = await chat({ tools: [WEATHER] });
    const { choices } = answer(started, `Sure. ${CALL}`);
    const calls = [
      {
        id: expect.stringMatching(/^chatcmpl-tool-[0-9a-f]{16}$/),
        type: 'function',
        function: { name: 'get_weather', arguments: '{"city": "Oslo"}' },
      },
    ];
    expect(choices[0]).toMatchObject({
      message: { content: 'Sure. ', tool_calls: calls, reasoning: null },
      finish_reason: 'tool_calls',
    });
    expect(started.invocations).toEqual([
      { isToolCalled: true, isStreaming: false, requestType: 'chat_completions' },
    ]);
  });

  it('keeps the finish reason of a call that was cut, and of a named one', async () => {
    const cut = answer(await chat({ tools: [WEATHER] }), CALL, 'length');
    expect(cut.choices[0].finish_reason).toBe('length');
    const choice = { type: 'function', function: { name: 'get_weather' } };
    const named = answer(await chat({ tools: [WEATHER], tool_choice: choice }), CALL);
    expect(named.choices[0].finish_reason).toBe('stop');
    expect(named.choices[0].message).toMatchObject({ content: '' });
  });

  it('leaves markup alone where no tool may be called', async () => {
    const { choices } = answer(await chat({ tools: [WEATHER], tool_choice: 'none' }), CALL);
    expect(choices[0]).toMatchObject({ message: { content: CALL }, finish_reason: 'stop' });
    expect(choices[0].message).not.toHaveProperty('tool_calls');
  });

  it('gives the first call alone where parallel calls are not wanted', async () => {
    const started = await chat({ tools: [WEATHER, TIME], parallel_tool_calls: false });
    const { choices } = answer(started, CALL + CALL);
    expect(choices[0].message['tool_calls']).toHaveLength(1);
  });

  it('streams name and arguments as they come, and the end', async () => {
    const started = await chat({ tools: [WEATHER], stream: true });
    const { llm, channel } = started;
    for (const text of [
      '<tool_call>',
      '\n{"name": "get_weather", ',
      '"arguments": {"city": ',
      '"Oslo"}}',
      '\n</tool_call>',
    ]) {
      llm.emit(createOutput({ text, tokenIds: idsOf(text) }));
    }
    llm.emit(createOutput({ text: '', tokenIds: [2], finishReason: 'stop' }));
    const chunks = channel.events.slice(1, -1).map((event) => JSON.parse(event).choices[0]);
    expect(chunks.map(({ delta }) => delta)).toEqual([
      {
        content: null,
        tool_calls: [
          {
            id: expect.stringMatching(/^chatcmpl-tool-/),
            type: 'function',
            index: 0,
            function: { name: 'get_weather' },
          },
        ],
      },
      { content: null, tool_calls: [{ index: 0, function: { arguments: '{"city":' } }] },
      { content: null, tool_calls: [{ index: 0, function: { arguments: ' "Oslo"}' } }] },
      {},
    ]);
    expect(chunks.at(-1)).toMatchObject({ finish_reason: 'tool_calls' });
  });

  it('holds required calls to the format, which special tokens are part of', async () => {
    const { call } = await chat({ tools: [WEATHER], tool_choice: 'required' });
    const { structuredOutputs, skipSpecialTokens } = call.params;
    const { structural_tag: tag } = structuredOutputs as { structural_tag: string };
    expect(JSON.parse(tag).format).toMatchObject({ type: 'tags_with_separator' });
    expect(skipSpecialTokens).toBe(false);
  });
});

describe('calls that the model makes on purpose', () => {
  const arguments_ = { structured: { json: WEATHER.function.parameters } };
  const CALL_FORM = [
    { text: '<tool_call>\n{"name": "get_weather", "arguments": ' },
    arguments_,
    { text: '}\n</tool_call>' },
  ];

  it.each([
    'use get_weather please',
    'What does Get Weather say?',
    'call getWeather',
    'What is the weather like in Paris?',
  ])('calls a tool that is named in words: %s', async (content) => {
    const messages = [{ role: 'user', content }];
    expect(formOf(await chat({ tools: [WEATHER, TIME], messages }))).toEqual(CALL_FORM);
  });

  it('calls each tool that is named', async () => {
    const messages = [{ role: 'user', content: 'get_weather and get_time' }];
    expect(formOf(await chat({ tools: [WEATHER, TIME], messages }))).toEqual([
      ...CALL_FORM.slice(0, 2),
      { text: '}\n</tool_call>\n<tool_call>\n{"name": "get_time", "arguments": {}}\n</tool_call>' },
    ]);
  });

  it('speaks where nothing is named, and after the answer of a tool', async () => {
    expect(formOf(await chat({ tools: [WEATHER] }))).toBeNull();
    const id = 'call-1';
    const messages = [
      { role: 'user', content: 'use get_weather' },
      {
        role: 'assistant',
        tool_calls: [{ id, type: 'function', function: { name: 'get_weather', arguments: '{}' } }],
      },
      { role: 'tool', tool_call_id: id, content: 'get_weather says sun' },
    ];
    expect(formOf(await chat({ tools: [WEATHER], messages }, { toolCallRate: 1 }))).toBeNull();
  });

  it('calls one now and then by the rate', async () => {
    expect(formOf(await chat({ tools: [WEATHER] }, { toolCallRate: 1 }))).toEqual(CALL_FORM);
  });

  it('makes the call that is forced', async () => {
    const form = formOf(await chat({ tools: [WEATHER], tool_choice: 'required' }));
    expect(form).toEqual(CALL_FORM);
    const array = await chat({ tools: [WEATHER], tool_choice: 'required' }, { tool: 'pythonic' });
    expect(formOf(array)).toEqual([
      { text: '[{"name": "get_weather", "parameters": ' },
      arguments_,
      { text: '}]' },
    ]);
  });
});

describe('reasoning of a chat', () => {
  const setup = { tool: null, reasoning: 'qwen3' };

  it('parts it from the content and counts its tokens', async () => {
    const { choices, usage } = answer(await chat({}, setup), '<think>abc</think>def');
    expect(choices[0].message).toMatchObject({ reasoning: 'abc', content: 'def' });
    expect(usage).toMatchObject({ completion_tokens_details: { reasoning_tokens: 3 } });
  });

  it('does not show it where it is not wanted', async () => {
    const body = { include_reasoning: false, return_token_ids: true };
    const started = await chat(body, setup);
    const { choices } = answer(started, '<think>abc</think>def');
    expect(choices[0]).toMatchObject({
      message: { reasoning: null, content: 'def' },
      token_ids: null,
    });
    expect(started.call.reasoningEnded).toBe(true);
  });

  it('streams it in its own field', async () => {
    const started = await chat({ stream: true }, setup);
    for (const text of ['<think>', 'ab', 'c</think>d', 'ef']) {
      started.llm.emit(createOutput({ text, tokenIds: idsOf(text) }));
    }
    const deltas = started.channel.events
      .slice(1)
      .map((event) => JSON.parse(event).choices[0].delta);
    expect(deltas).toEqual([
      { reasoning: 'ab' },
      { reasoning: 'c', content: 'd' },
      { content: 'ef' },
    ]);
  });

  it('thinks before it answers, unless thinking is off', async () => {
    const started = await chat({}, setup);
    expect(formOf(started)).toEqual([
      { text: '<think>\n' },
      { free: expect.any(Number) },
      { text: '\n</think>\n\n' },
      { free: null },
    ]);
    expect(started.call.reasoningEnded).toBe(false);
    expect(started.call.reasoningParserKwargs).toEqual({
      chat_template_kwargs: { add_generation_prompt: true, continue_final_message: false },
    });
    const off = await chat({ chat_template_kwargs: { enable_thinking: false } }, setup);
    expect(formOf(off)).toBeNull();
  });
});
