import { describe, expect, it } from 'vitest';
import { buildSamplingParams } from '../../../../../src/frontend/llm/sampling-params.ts';
import { ResponseAnswer } from '../../../../../src/frontend/openai/responses/answer.ts';
import { samplingFields } from '../../../../../src/frontend/openai/sampling-fields.ts';
import {
  createOutput,
  createPosition,
  createServing,
  parseBody,
  TEST_MODEL,
} from '../../../../support/openai.ts';

function createAnswer(body: object = {}) {
  const { context, channel } = createServing();
  const fields = samplingFields(
    parseBody('completion-request', { prompt: 'x', temperature: 0.5 }),
    TEST_MODEL,
    { maxTokens: 50, logprobs: null, promptLogprobs: null },
  );
  const params = buildSamplingParams(fields, 1);
  const request = parseBody('responses-request', { model: 'm', input: 'Q', ...body });
  return {
    channel,
    answer: new ResponseAnswer({
      ...{ context, request, id: 'resp_1', params, channel },
      promptText: 'Q',
      parser: null,
    }),
  };
}

/** Event names and their data; the message's id is random and becomes MSG. */
function eventsOf(text: string): readonly (readonly [string, Record<string, unknown>])[] {
  return text
    .split('\n\n')
    .filter((event) => event !== '')
    .map((event) => {
      const [, type = '', data = ''] = /^event: (.*)\ndata: (.*)$/.exec(event) ?? [];
      return [type, JSON.parse(data.replaceAll(/msg_[0-9a-f]{16}/g, 'MSG'))] as const;
    });
}

const LOGPROBS = { include: ['message.output_text.logprobs'], top_logprobs: 1 };

describe('a whole answer', () => {
  it('has one message, the usage and the request’s own settings', () => {
    const { answer } = createAnswer({ instructions: 'Be brief.', metadata: { a: 'b' }, user: 'u' });
    const body = answer.wholeAnswer([
      createOutput({ finishReason: 'stop' }, { kvTransferParams: { k: 1 } }),
    ]);
    expect(JSON.parse(body.replaceAll(/msg_[0-9a-f]{16}/g, 'MSG'))).toMatchObject({
      id: 'resp_1',
      created_at: 1_700_000_000,
      incomplete_details: null,
      instructions: 'Be brief.',
      metadata: { a: 'b' },
      model: 'm',
      object: 'response',
      output: [
        {
          id: 'MSG',
          content: [{ annotations: [], text: 'hi', type: 'output_text', logprobs: null }],
          role: 'assistant',
          status: 'completed',
          type: 'message',
          phase: null,
        },
      ],
      parallel_tool_calls: true,
      temperature: 0.5,
      tool_choice: 'none',
      tools: [],
      max_output_tokens: 50,
      status: 'completed',
      top_logprobs: null,
      usage: {
        input_tokens: 3,
        input_tokens_details: { cached_tokens: 2, cache_write_tokens: 1 },
        output_tokens: 2,
        total_tokens: 5,
      },
      user: 'u',
      kv_transfer_params: { k: 1 },
      ec_transfer_params: null,
    });
    expect(body).toContain('"presence_penalty":0.0,"frequency_penalty":0.0,');
  });

  it('is incomplete where the tokens ran out', () => {
    const { answer } = createAnswer();
    expect(
      JSON.parse(answer.wholeAnswer([createOutput({ finishReason: 'length' })])),
    ).toMatchObject({
      status: 'incomplete',
      incomplete_details: { reason: 'max_output_tokens' },
      output: [{ status: 'incomplete' }],
    });
  });

  it('has no content without text', () => {
    const { answer } = createAnswer();
    const body = answer.wholeAnswer([createOutput({ text: '', finishReason: 'stop' })]);
    expect(JSON.parse(body).output[0].content).toEqual([]);
  });

  it('shows log probabilities with bytes where they are included', () => {
    const { answer } = createAnswer(LOGPROBS);
    const logprobs = [createPosition([104, -1], [105, -2]), createPosition([105, -3])];
    const body = JSON.parse(answer.wholeAnswer([createOutput({ logprobs, finishReason: 'stop' })]));
    expect(body.output[0].content[0].logprobs).toEqual([
      {
        token: 'h',
        bytes: [104],
        logprob: -1,
        top_logprobs: [{ token: 'h', bytes: [104], logprob: -1 }],
      },
      {
        token: 'i',
        bytes: [105],
        logprob: -3,
        top_logprobs: [{ token: 'i', bytes: [105], logprob: -3 }],
      },
    ]);
    const none = JSON.parse(createAnswer(LOGPROBS).answer.wholeAnswer([createOutput()]));
    expect(none.output[0].content[0].logprobs).toBeNull();
  });

  it('throws for what an engine failed', () => {
    expect(() =>
      createAnswer().answer.wholeAnswer([createOutput({ finishReason: 'error' })]),
    ).toThrow('Internal server error');
  });
});

describe('a stream', () => {
  it('opens the item with the first text and closes all at the end, numbered in order', () => {
    const { answer, channel } = createAnswer();
    answer.beginStream();
    answer.streamOutput(createOutput({ text: '', tokenIds: [4] }));
    answer.streamOutput(createOutput({ text: 'h', tokenIds: [104] }));
    answer.streamOutput(createOutput({ text: 'i', tokenIds: [105] }));
    const events = eventsOf(
      channel.stream + answer.lastEvents(createOutput({ finishReason: 'stop' })),
    );
    expect(events.map(([type]) => type)).toEqual([
      'response.created',
      'response.in_progress',
      'response.output_item.added',
      'response.content_part.added',
      'response.output_text.delta',
      'response.output_text.delta',
      'response.output_text.done',
      'response.content_part.done',
      'response.output_item.done',
      'response.completed',
    ]);
    expect(events.map(([, data]) => data['sequence_number'])).toEqual([
      0, 1, 2, 3, 4, 5, 6, 7, 8, 9,
    ]);
    expect(events.map(([type, data]) => data['type'] === type)).not.toContain(false);
    expect(events[0]?.[1]).toMatchObject({
      response: { status: 'in_progress', output: [], usage: null },
    });
    expect(events[2]?.[1]).toMatchObject({
      item: { id: 'MSG', content: [], status: 'in_progress' },
      output_index: 0,
    });
    expect(events[3]?.[1]).toMatchObject({
      content_index: 0,
      item_id: 'MSG',
      part: { text: '', logprobs: [] },
    });
    expect(events[4]?.[1]).toMatchObject({ delta: 'h', logprobs: [] });
    expect(events[6]?.[1]).toMatchObject({ text: 'hi', logprobs: [], output_index: 0 });
    expect(events[7]?.[1]).toMatchObject({ part: { text: 'hi', logprobs: null } });
    expect(events[8]?.[1]).toMatchObject({
      item: { status: 'completed', content: [{ text: 'hi' }] },
    });
    expect(events[9]?.[1]).toMatchObject({
      response: {
        status: 'completed',
        output: [{ content: [{ text: 'hi' }] }],
        usage: { output_tokens: 3 },
      },
    });
  });

  it('has the text of the closed item behind its number', () => {
    const { answer } = createAnswer();
    answer.streamOutput(createOutput());
    expect(answer.lastEvents(createOutput({ finishReason: 'stop' })).split('\n\n')[0]).toMatch(
      /^event: response\.output_text\.done\ndata: \{"content_index":0,"item_id":"msg_\w+","logprobs":\[\],"output_index":0,"sequence_number":3,"text":"hi","type":"response\.output_text\.done"\}$/,
    );
  });

  it('is incomplete where the tokens ran out, and has no item without text', () => {
    const { answer, channel } = createAnswer();
    answer.streamOutput(createOutput({ text: '' }));
    expect(channel.stream).toBe('');
    expect(
      eventsOf(answer.lastEvents(createOutput({ text: '', finishReason: 'length' }))),
    ).toMatchObject([['response.incomplete', { response: { status: 'incomplete', output: [] } }]]);
  });

  it('shows log probabilities in deltas without bytes and in the part with them', () => {
    const { answer, channel } = createAnswer(LOGPROBS);
    answer.streamOutput(
      createOutput({ text: 'h', tokenIds: [104], logprobs: [createPosition([104, -1])] }),
    );
    answer.streamOutput(
      createOutput({ text: 'i', tokenIds: [105], logprobs: [createPosition([105, -2])] }),
    );
    const entry = (token: string, logprob: number) => ({ token, logprob });
    expect(eventsOf(channel.stream)[2]?.[1]['logprobs']).toEqual([
      { ...entry('h', -1), top_logprobs: [entry('h', -1)] },
    ]);
    const done = eventsOf(answer.lastEvents(createOutput({ finishReason: 'stop' })))[1]?.[1];
    expect(done).toMatchObject({
      part: {
        logprobs: [
          { ...entry('h', -1), bytes: [104] },
          { ...entry('i', -2), bytes: [105] },
        ],
      },
    });
  });

  it('throws where log probabilities are wanted and missing, and for what an engine failed', () => {
    const { answer } = createAnswer(LOGPROBS);
    expect(() => answer.streamOutput(createOutput())).toThrow('logprobs must be provided');
    expect(() => answer.streamOutput(createOutput({ finishReason: 'error' }))).toThrow(
      'Internal server error',
    );
  });

  it('has no event for an error', () => {
    expect(createAnswer().answer.errorEvents()).toBeNull();
  });
});
