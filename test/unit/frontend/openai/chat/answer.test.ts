import { describe, expect, it } from 'vitest';
import { engineDead, generationError } from '../../../../../src/frontend/llm/errors.ts';
import { RequestStateStats } from '../../../../../src/frontend/metrics/iteration-stats.ts';
import { ChatAnswer } from '../../../../../src/frontend/openai/chat/answer.ts';
import type { ConversationMessage } from '../../../../../src/frontend/openai/chat/messages.ts';
import type { ServingContext } from '../../../../../src/frontend/openai/serving-context.ts';
import {
  createCompletionOutput,
  createOutput,
  createPosition,
  createServing,
  parseBody,
} from '../../../../support/openai.ts';

const USER = { role: 'user', content: 'Q' };

function createAnswer(
  body: object = {},
  fields: Partial<ServingContext> = {},
  conversation: readonly ConversationMessage[] = [USER],
) {
  const { context, channel } = createServing(fields);
  const answer = new ChatAnswer({
    context,
    request: parseBody('chat-completion-request', { model: 'm', messages: [USER], ...body }),
    id: 'chatcmpl-1',
    prompt: { promptTokenIds: [1, 80, 81], text: '<PQ>', conversation },
    channel,
  });
  answer.beginStream();
  return { answer, channel };
}

const head = (object: string) =>
  `{"id":"chatcmpl-1","object":"${object}","created":1700000000,"model":"m","choices":[`;
const CHUNK = head('chat.completion.chunk');
const WITH_USAGE = { stream: true, stream_options: { include_usage: true } };
const WITH_ALL_USAGE = {
  stream: true,
  stream_options: { include_usage: true, continuous_usage_stats: true },
};
const stats = Object.assign(new RequestStateStats(0), { scheduledTs: 2, firstTokenTs: 3 });

describe('a stream', () => {
  it('begins with the role of every choice, once', () => {
    const { answer, channel } = createAnswer({ n: 2 });
    answer.streamOutput(createOutput());
    answer.streamOutput(createOutput());
    expect(channel.events.slice(0, 2)).toEqual(
      [0, 1].map(
        (index) =>
          `${CHUNK}{"index":${index},"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}],` +
          '"prompt_token_ids":null,"prompt_text":null}',
      ),
    );
    expect(channel.events).toHaveLength(4);
  });

  it('shows the prompt with the role where it is asked for', () => {
    const { answer, channel } = createAnswer({ return_token_ids: true, return_prompt_text: true });
    answer.streamOutput(createOutput());
    expect(channel.events[0]).toContain('}],"prompt_token_ids":[1,80,81],"prompt_text":"<PQ>"}');
    expect(channel.events[1]).toContain('"token_ids":[104,105]}]');
  });

  it('says less in a chunk that ends nothing than in the last one of a choice', () => {
    const { answer, channel } = createAnswer();
    answer.streamOutput(createOutput());
    answer.streamOutput(
      createOutput({ finishReason: 'stop', stopReason: 7 }, { kvTransferParams: { a: 1 } }),
    );
    expect(channel.events[1]).toBe(
      `${CHUNK}{"index":0,"delta":{"content":"hi"},"logprobs":null,"finish_reason":null,"token_ids":null}],"kv_transfer_params":null}`,
    );
    expect(channel.events[2]).toBe(
      `${CHUNK}{"index":0,"delta":{"content":"hi"},"logprobs":null,"finish_reason":"stop","stop_reason":7,"token_ids":null,` +
        '"weight_versions":null}],"system_fingerprint":"fp","kv_transfer_params":{"a":1}}',
    );
  });

  it('has no fingerprint in the last chunk of a choice where one with the usage follows', () => {
    const { answer, channel } = createAnswer(WITH_USAGE);
    answer.streamOutput(createOutput({ finishReason: 'stop' }));
    expect(channel.stream).not.toContain('fingerprint');
  });

  it('leaves a chunk out while there is nothing to show, and has an empty delta where it ends so', () => {
    const { answer, channel } = createAnswer({ n: 2 });
    const nothing = { text: '', tokenIds: [] };
    answer.streamOutput(createOutput(nothing));
    expect(channel.events).toHaveLength(2);
    answer.streamOutput(createOutput({ ...nothing, finishReason: 'abort' }));
    expect(channel.events[2]).toContain(
      '{"index":0,"delta":{},"logprobs":null,"finish_reason":"abort"',
    );
    answer.streamOutput(createOutput({ index: 1, text: '', tokenIds: [5] }));
    expect(channel.events[3]).toContain('{"index":1,"delta":{"content":""},');
    answer.streamOutput(createOutput({ index: 1, ...nothing }));
    expect(channel.events[4]).toContain('{"index":1,"delta":{"content":""},');
  });

  it('says nothing more of a choice that has ended', () => {
    const { answer, channel } = createAnswer({ n: 2 });
    answer.streamOutput(createOutput({ finishReason: 'stop' }, { isFinished: false }));
    answer.streamOutput(createOutput({ finishReason: 'error' }, { isFinished: false }));
    expect(channel.events).toHaveLength(3);
  });

  it('throws for a choice that an engine failed', () => {
    const { answer } = createAnswer();
    expect(() => answer.streamOutput(createOutput({ finishReason: 'error' }))).toThrow(
      'Internal server error',
    );
  });

  it('counts the usage so far in every chunk where that is asked for', () => {
    const { answer, channel } = createAnswer(WITH_ALL_USAGE);
    answer.streamOutput(createOutput());
    answer.streamOutput(createOutput({ tokenIds: [7], finishReason: 'stop' }));
    expect(channel.events.map((event) => /"usage":(\{.*?\})/.exec(event)?.[1])).toEqual(
      [0, 2, 3].map(
        (count) =>
          `{"prompt_tokens":3,"total_tokens":${3 + count},"completion_tokens":${count},"completion_tokens_details":null}`,
      ),
    );
  });

  it('ends with the usage of all choices and [DONE]', () => {
    const { answer } = createAnswer({ ...WITH_USAGE, n: 2 });
    answer.streamOutput(createOutput());
    answer.streamOutput(createOutput({ index: 1, tokenIds: [7] }));
    expect(answer.lastEvents(createOutput())).toBe(
      `data: ${CHUNK}],"usage":{"prompt_tokens":3,"total_tokens":6,"completion_tokens":3},"system_fingerprint":"fp"}\n\ndata: [DONE]\n\n`,
    );
    expect(createAnswer().answer.lastEvents(createOutput())).toBe('data: [DONE]\n\n');
  });

  it('tells the cached tokens of the first output, and the timings, where the server does', () => {
    const { answer } = createAnswer(WITH_USAGE, {
      enablePromptTokensDetails: true,
      enablePerRequestMetrics: true,
    });
    answer.streamOutput(createOutput());
    answer.streamOutput(createOutput({}, { numCachedTokens: 9 }));
    expect(answer.lastEvents(createOutput({}, { stats }))).toContain(
      ',"prompt_tokens_details":{"cached_tokens":2,"created_cache_tokens":1}},"system_fingerprint":"fp",' +
        '"metrics":{"time_to_first_token_ms":1000.0}}',
    );
  });

  it('calls whatever generation reports an internal error, and leaves other errors their names', () => {
    const { answer } = createAnswer();
    expect(answer.errorEvents(generationError('busy', true))).toBe(
      'data: {"error":{"message":"busy","type":"InternalServerError","param":null,"code":503}}\n\ndata: [DONE]\n\n',
    );
    expect(answer.errorEvents(engineDead())).toContain('"type":"InternalServerError"');
  });
});

describe('echo', () => {
  const last = { role: 'assistant', content: 'So ' };
  const body = { echo: true, add_generation_prompt: false, messages: [USER, last] };

  it('begins with the last message where it has the answer’s role', () => {
    const { answer, channel } = createAnswer(body, {}, [USER, last]);
    answer.streamOutput(createOutput());
    expect(channel.events[1]).toBe(
      `${CHUNK}{"index":0,"delta":{"content":"So "},"logprobs":null,"finish_reason":null}]}`,
    );
    const whole = createAnswer(body, {}, [USER, last]).answer;
    expect(whole.wholeAnswer([createOutput({ finishReason: 'stop' })])).toContain(
      '"message":{"role":"assistant","content":"So hi",',
    );
  });

  it('has nothing to show where the last message is another role’s', () => {
    const { answer, channel } = createAnswer({ echo: true }, {}, [USER]);
    answer.streamOutput(createOutput());
    expect(channel.events).toHaveLength(2);
    expect(answer.wholeAnswer([createOutput({ finishReason: 'stop' })])).toContain(
      '"content":"hi"',
    );
  });

  it('joins the parts of a message for a whole answer, and cannot stream them', () => {
    const parts = { role: 'assistant', content: [{ text: 'a' }, { text: 'b' }] };
    const { answer } = createAnswer(body, {}, [USER, parts]);
    expect(answer.wholeAnswer([createOutput({ finishReason: 'stop' })])).toContain(
      '"content":"a\\nbhi"',
    );
    expect(() => answer.streamOutput(createOutput())).toThrow('not text');
  });

  it('answers in the role of the last message where no generation prompt is added', () => {
    const { answer } = createAnswer({ add_generation_prompt: false, messages: [USER] });
    expect(answer.wholeAnswer([createOutput({ finishReason: 'stop' })])).toContain('"role":"user"');
  });

  it('answers in the server’s role otherwise', () => {
    const { answer } = createAnswer({}, { responseRole: 'oracle' });
    expect(answer.wholeAnswer([createOutput({ finishReason: 'stop' })])).toContain(
      '"role":"oracle"',
    );
  });
});

describe('a whole answer', () => {
  it('has every field', () => {
    const { answer } = createAnswer();
    expect(answer.wholeAnswer([createOutput({ finishReason: null })])).toBe(
      `${head('chat.completion')}{"index":0,"message":{"role":"assistant","content":"hi","refusal":null,"annotations":null,` +
        '"audio":null,"function_call":null,"reasoning":null},"logprobs":null,"finish_reason":"stop","stop_reason":null,' +
        '"token_ids":null,"routed_experts":null,"weight_versions":null}],"service_tier":null,"system_fingerprint":"fp",' +
        '"usage":{"prompt_tokens":3,"total_tokens":5,"completion_tokens":2,"prompt_tokens_details":null,"completion_tokens_details":null},' +
        '"prompt_logprobs":null,"prompt_token_ids":null,"prompt_text":null,"kv_transfer_params":null,"ec_transfer_params":null,"metrics":null}',
    );
  });

  it('has what was asked for and what the server tells', () => {
    const { answer } = createAnswer(
      {
        return_token_ids: true,
        return_prompt_text: true,
        return_weight_versions: true,
        prompt_logprobs: 0,
        n: 2,
      },
      { enablePromptTokensDetails: true, enablePerRequestMetrics: true },
    );
    const outputs = [0, 1].map((index) =>
      createCompletionOutput({
        index,
        finishReason: 'length',
        weightVersions: [{ version: 'v', start: 0, end: 1 }],
      }),
    );
    const fields = {
      outputs,
      promptLogprobs: [null],
      kvTransferParams: { k: 1 },
      ecTransferParams: { e: 1 },
    };
    expect(JSON.parse(answer.wholeAnswer([createOutput({}, fields)]))).toMatchObject({
      choices: [
        { index: 0, token_ids: [104, 105], weight_versions: [{ version: 'v', start: 0, end: 1 }] },
        { index: 1, finish_reason: 'length' },
      ],
      usage: {
        completion_tokens: 4,
        prompt_tokens_details: {
          cached_tokens: 2,
          created_cache_tokens: 1,
          multimodal_tokens: null,
        },
      },
      prompt_logprobs: [null],
      prompt_token_ids: [1, 80, 81],
      prompt_text: '<PQ>',
      kv_transfer_params: { k: 1 },
      ec_transfer_params: { e: 1 },
      metrics: null,
    });
    const timed = createAnswer({}, { enablePerRequestMetrics: true }).answer;
    expect(timed.wholeAnswer([createOutput({ finishReason: 'stop' }, { stats })])).toContain(
      '"metrics":{"time_to_first_token_ms":1000.0,"generation_time_ms":null,',
    );
  });

  it.each([
    [{ top_logprobs: 1 }, 1],
    [{ top_logprobs: -1 }, 3],
    [{ top_logprobs: 0 }, 0],
    [{ top_logprobs: 0, logprob_token_ids: [105] }, 3],
  ])('has for %j %d candidates', (body, count) => {
    const { answer } = createAnswer({ logprobs: true, ...body });
    const logprobs = [createPosition([104, -1], [105, -2], [106, -3])];
    const parsed = JSON.parse(
      answer.wholeAnswer([createOutput({ tokenIds: [104], logprobs, finishReason: 'stop' })]),
    );
    expect(parsed.choices[0].logprobs.content[0].top_logprobs).toHaveLength(count);
  });

  it('shows log probabilities in a stream as well, without fields that were never set', () => {
    const { answer, channel } = createAnswer({ logprobs: true });
    answer.streamOutput(createOutput({ tokenIds: [104], logprobs: [createPosition([105, -2])] }));
    expect(channel.events[1]).toContain('"logprobs":{"content":[{"token":"h","bytes":[104]}]}');
  });

  it('throws for a choice that an engine failed', () => {
    expect(() =>
      createAnswer().answer.wholeAnswer([createOutput({ finishReason: 'error' })]),
    ).toThrow('Internal server error');
  });
});
