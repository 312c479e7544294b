import { describe, expect, it } from 'vitest';
import { engineDead } from '../../../../../src/frontend/llm/errors.ts';
import { RequestStateStats } from '../../../../../src/frontend/metrics/iteration-stats.ts';
import { CompletionAnswer } from '../../../../../src/frontend/openai/completions/answer.ts';
import type { ServingContext } from '../../../../../src/frontend/openai/serving-context.ts';
import {
  createCompletionOutput,
  createOutput,
  createPosition,
  createServing,
  parseBody,
} from '../../../../support/openai.ts';

function createAnswer(body: object = {}, fields: Partial<ServingContext> = {}, texts = ['PQ']) {
  const { context, channel } = createServing(fields);
  const answer = new CompletionAnswer({
    context,
    request: parseBody('completion-request', { model: 'm', prompt: texts, ...body }),
    id: 'cmpl-1',
    prompts: texts.map((text) => ({ promptTokenIds: [1, 80, 81], text })),
    channel,
  });
  answer.beginStream();
  return { answer, channel };
}

const HEAD =
  '{"id":"cmpl-1","object":"text_completion","created":1700000000,"model":"m","choices":[';
const stats = Object.assign(new RequestStateStats(0), {
  queuedTs: 1,
  scheduledTs: 2,
  firstTokenTs: 3,
  lastTokenTs: 5,
});

describe('a chunk', () => {
  it('has every field, those of the end null', () => {
    const { answer, channel } = createAnswer();
    answer.streamOutput(createOutput({ text: 'é"' }), 0);
    expect(channel.stream).toBe(
      `data: ${HEAD}{"index":0,"text":"é\\"","logprobs":null,"finish_reason":null,"stop_reason":null,` +
        '"prompt_token_ids":null,"token_ids":null,"weight_versions":null}],"kv_transfer_params":null}\n\n',
    );
  });

  it('tells at the end why, with the fingerprint and what a connector sent', () => {
    const { answer, channel } = createAnswer();
    answer.streamOutput(
      createOutput({ finishReason: 'stop', stopReason: 'END' }, { kvTransferParams: { a: 1 } }),
      0,
    );
    expect(channel.stream).toContain('"finish_reason":"stop","stop_reason":"END"');
    expect(channel.stream).toContain('}],"system_fingerprint":"fp","kv_transfer_params":{"a":1}}');
  });

  it('has no fingerprint where the server has none, nor where a chunk with the usage follows', () => {
    const { context } = createServing();
    const without = createAnswer({}, { model: { ...context.model, fingerprint: null } });
    const before = createAnswer({ stream: true, stream_options: { include_usage: true } });
    for (const { answer, channel } of [without, before]) {
      answer.streamOutput(createOutput({ finishReason: 'stop' }), 0);
      expect(channel.stream).not.toContain('system_fingerprint');
    }
  });

  it('is left out while a choice has nothing to show', () => {
    const { answer, channel } = createAnswer();
    answer.streamOutput(createOutput({ text: '', tokenIds: [] }), 0);
    expect(channel.stream).toBe('');
    answer.streamOutput(createOutput({ text: '', tokenIds: [5] }), 0);
    answer.streamOutput(createOutput({ text: '', tokenIds: [] }), 0);
    expect(channel.events).toHaveLength(2);
    const end = createAnswer();
    end.answer.streamOutput(createOutput({ text: '', tokenIds: [], finishReason: 'abort' }), 0);
    expect(end.channel.events).toHaveLength(1);
  });

  it('numbers the choices over all prompts', () => {
    const { answer, channel } = createAnswer({ n: 2 }, {}, ['a', 'b']);
    answer.streamOutput(createOutput({ index: 1 }), 1);
    expect(channel.stream).toContain('{"index":3,');
  });

  it('shows token ids where they are asked for, the prompt’s once', () => {
    const { answer, channel } = createAnswer({ return_token_ids: true });
    answer.streamOutput(createOutput(), 0);
    answer.streamOutput(createOutput({ tokenIds: [7] }), 0);
    expect(channel.events[0]).toContain('"prompt_token_ids":[1,80,81],"token_ids":[104,105]');
    expect(channel.events[1]).toContain('"prompt_token_ids":null,"token_ids":[7]');
  });

  it('counts the usage so far in every chunk where that is asked for', () => {
    const { answer, channel } = createAnswer({
      stream: true,
      stream_options: { include_usage: true, continuous_usage_stats: true },
    });
    answer.streamOutput(createOutput(), 0);
    answer.streamOutput(createOutput({ tokenIds: [7] }), 0);
    expect(channel.events.map((event) => /"usage":(\{.*?\})/.exec(event)?.[1])).toEqual([
      '{"prompt_tokens":3,"total_tokens":5,"completion_tokens":2}',
      '{"prompt_tokens":3,"total_tokens":6,"completion_tokens":3}',
    ]);
  });

  it('shows weight versions where they are asked for', () => {
    const { answer, channel } = createAnswer({ return_weight_versions: true });
    answer.streamOutput(createOutput({ weightVersions: [{ version: 'v', start: 0, end: 1 }] }), 0);
    expect(channel.stream).toContain('"weight_versions":[{"version":"v","start":0,"end":1}]}]');
  });

  it('has log probabilities whose offsets go on from chunk to chunk', () => {
    const { answer, channel } = createAnswer({ logprobs: 1 });
    answer.streamOutput(
      createOutput({
        text: 'h',
        tokenIds: [104],
        logprobs: [createPosition([104, -1], [105, -2])],
      }),
      0,
    );
    answer.streamOutput(
      createOutput({ text: 'i', tokenIds: [105], logprobs: [createPosition([105, -3])] }),
      0,
    );
    expect(channel.events[0]).toContain(
      '"logprobs":{"text_offset":[0],"token_logprobs":[-1.0],"tokens":["h"],"top_logprobs":[{"h":-1.0,"i":-2.0}]}',
    );
    expect(channel.events[1]).toContain('"text_offset":[1]');
  });

  it('throws for a choice that an engine failed, after what came before it', () => {
    const { answer, channel } = createAnswer({ n: 2 });
    const outputs = [
      createCompletionOutput(),
      createCompletionOutput({ index: 1, finishReason: 'error' }),
    ];
    expect(() => answer.streamOutput(createOutput({}, { outputs }), 0)).toThrow(
      'Internal server error',
    );
    expect(channel.events).toHaveLength(1);
  });
});

describe('echo', () => {
  it('puts the prompt in front of the first chunk, with its ids and log probabilities', () => {
    const { answer, channel } = createAnswer({ echo: true, logprobs: 0 });
    const prompt = [null, createPosition([80, -1]), createPosition([81, -2])];
    answer.streamOutput(
      createOutput(
        { text: 'h', tokenIds: [104], logprobs: [createPosition([104, -3])] },
        { promptLogprobs: prompt },
      ),
      0,
    );
    answer.streamOutput(
      createOutput({ text: 'i', tokenIds: [105], logprobs: [createPosition([105, -4])] }),
      0,
    );
    expect(channel.events[0]).toContain(
      '"text":"PQh","logprobs":{"text_offset":[0,3,4,5],"token_logprobs":[null,-1.0,-2.0,-3.0],"tokens":["<s>","P","Q","h"]',
    );
    expect(channel.events[0]).toContain('"prompt_token_ids":[1,80,81]');
    expect(channel.events[1]).toContain('"text":"i","logprobs":{"text_offset":[6]');
    expect(channel.events[1]).toContain('"prompt_token_ids":null');
  });

  it('shows the prompt alone with max_tokens 0', () => {
    const { answer } = createAnswer({ echo: true, max_tokens: 0 });
    expect(answer.wholeAnswer([createOutput({ finishReason: 'length' })])).toContain(
      '"text":"PQ",',
    );
  });

  it('leaves the prompt’s text out where token ids are asked for', () => {
    const { answer } = createAnswer({ echo: true, return_token_ids: true });
    expect(answer.wholeAnswer([createOutput({ finishReason: 'length' })])).toContain(
      '"text":"hi",',
    );
  });

  it('shows a chunk even before there is a token', () => {
    const { answer, channel } = createAnswer({ echo: true });
    answer.streamOutput(createOutput({ text: '', tokenIds: [] }), 0);
    expect(channel.stream).toContain('"text":"PQ"');
  });
});

describe('the end of a stream', () => {
  it('is [DONE] alone where no usage was asked for', () => {
    expect(createAnswer().answer.lastEvents(createOutput())).toBe('data: [DONE]\n\n');
  });

  it('adds the usage of all prompts up', () => {
    const { answer } = createAnswer({ stream: true, stream_options: { include_usage: true } }, {}, [
      'a',
      'b',
    ]);
    answer.streamOutput(createOutput(), 0);
    answer.streamOutput(createOutput({ tokenIds: [7] }), 1);
    expect(answer.lastEvents(createOutput())).toBe(
      `data: ${HEAD}],"usage":{"prompt_tokens":6,"total_tokens":9,"completion_tokens":3},"system_fingerprint":"fp"}\n\ndata: [DONE]\n\n`,
    );
  });

  it('tells the cached tokens of the first output, and the timings, where the server does', () => {
    const options = {
      enablePromptTokensDetails: true,
      enablePerRequestMetrics: true,
      enableForceIncludeUsage: true,
    };
    const { answer } = createAnswer({}, options);
    answer.streamOutput(createOutput(), 0);
    answer.streamOutput(createOutput({}, { numCachedTokens: 9 }), 0);
    const events = answer.lastEvents(createOutput({}, { stats }));
    expect(events).toContain('"completion_tokens":4,"prompt_tokens_details":{"cached_tokens":2}}');
    expect(events).toContain(
      ',"metrics":{"time_to_first_token_ms":1000.0,"generation_time_ms":2000.0,"queue_time_ms":1000.0,',
    );
    const two = createAnswer({ n: 2 }, options);
    two.answer.streamOutput(createOutput(), 0);
    expect(two.answer.lastEvents(createOutput())).not.toContain('metrics');
  });

  it('has an error in Python’s JSON', () => {
    expect(createAnswer().answer.errorEvents(engineDead())).toBe(
      'data: {"error": {"message": "The server had an error while processing your request.", ' +
        '"type": "InternalServerError", "param": null, "code": 500}}\n\ndata: [DONE]\n\n',
    );
  });
});

describe('a whole answer', () => {
  it('has every field', () => {
    const { answer } = createAnswer();
    expect(answer.wholeAnswer([createOutput({ finishReason: 'stop', stopReason: 7 })])).toBe(
      `${HEAD}{"index":0,"text":"hi","logprobs":null,"finish_reason":"stop","stop_reason":7,"token_ids":null,` +
        '"prompt_logprobs":null,"prompt_token_ids":null,"routed_experts":null,"weight_versions":null}],' +
        '"service_tier":null,"system_fingerprint":"fp",' +
        '"usage":{"prompt_tokens":3,"total_tokens":5,"completion_tokens":2,"prompt_tokens_details":null,"completion_tokens_details":null},' +
        '"kv_transfer_params":null,"ec_transfer_params":null,"metrics":null}',
    );
  });

  it('numbers the choices of all prompts and adds their tokens up', () => {
    const { answer } = createAnswer(
      { n: 2, return_token_ids: true },
      { enablePromptTokensDetails: true },
      ['a', 'b'],
    );
    const outputs = [0, 1].map((index) =>
      createCompletionOutput({ index, finishReason: 'length' }),
    );
    const finals = [
      createOutput({}, { outputs }),
      createOutput({}, { outputs, numCachedTokens: 5 }),
    ];
    const body = JSON.parse(answer.wholeAnswer(finals));
    expect(body.choices.map(({ index }: { index: number }) => index)).toEqual([0, 1, 2, 3]);
    expect(body.choices[0]).toMatchObject({ token_ids: [104, 105], prompt_token_ids: [1, 80, 81] });
    expect(body.usage).toMatchObject({
      prompt_tokens: 6,
      completion_tokens: 8,
      total_tokens: 14,
      prompt_tokens_details: {
        cached_tokens: 5,
        created_cache_tokens: null,
        multimodal_tokens: null,
      },
    });
  });

  it('shows log probabilities, as many candidates as asked for and the token itself', () => {
    const { answer } = createAnswer({ logprobs: 1, prompt_logprobs: 0 });
    const logprobs = [createPosition([104, -1], [105, -2], [106, -3]), createPosition([105, -4])];
    const body = JSON.parse(
      answer.wholeAnswer([
        createOutput(
          { logprobs, finishReason: 'stop' },
          { promptLogprobs: [null, createPosition([80, -5])] },
        ),
      ]),
    );
    expect(body.choices[0].logprobs.top_logprobs).toEqual([{ h: -1, i: -2 }, { i: -4 }]);
    expect(body.choices[0].logprobs.text_offset).toEqual([0, 1]);
    expect(body.choices[0].prompt_logprobs).toEqual([
      null,
      { 80: { logprob: -5, rank: 1, decoded_token: 'P' } },
    ]);
  });

  it.each([
    [{ logprobs: -1 }, 3],
    [{ logprobs: 0 }, 1],
    [{ logprobs: 0, logprob_token_ids: [105, 106] }, 3],
  ])('has for %j %d candidates', (body, count) => {
    const { answer } = createAnswer(body);
    const logprobs = [createPosition([104, -1], [105, -2], [106, -3])];
    const parsed = JSON.parse(
      answer.wholeAnswer([createOutput({ tokenIds: [104], logprobs, finishReason: 'stop' })]),
    );
    expect(Object.keys(parsed.choices[0].logprobs.top_logprobs[0])).toHaveLength(count);
  });

  it('has the timings of one prompt and one choice, nulls included', () => {
    const { answer } = createAnswer({}, { enablePerRequestMetrics: true });
    expect(answer.wholeAnswer([createOutput({ finishReason: 'stop' }, { stats })])).toContain(
      '"metrics":{"time_to_first_token_ms":1000.0,"generation_time_ms":2000.0,"queue_time_ms":1000.0,"mean_itl_ms":2000.0,' +
        '"tokens_per_second":0.6666666666666666,"speculative_decoding":null}}',
    );
  });

  it('throws for a choice that an engine failed', () => {
    expect(() =>
      createAnswer().answer.wholeAnswer([createOutput({ finishReason: 'error' })]),
    ).toThrow('Internal server error');
  });

  it('shows tokens by their ids where body or server say so', () => {
    const logprobs = [createPosition([104, -1]), createPosition([105, -2])];
    for (const { answer } of [
      createAnswer({ logprobs: 0, return_tokens_as_token_ids: true }),
      createAnswer({ logprobs: 0 }, { returnTokensAsTokenIds: true }),
    ]) {
      expect(answer.wholeAnswer([createOutput({ logprobs, finishReason: 'stop' })])).toContain(
        '"tokens":["token_id:104","token_id:105"]',
      );
    }
    const off = createAnswer(
      { logprobs: 0, return_tokens_as_token_ids: false },
      { returnTokensAsTokenIds: true },
    );
    expect(off.answer.wholeAnswer([createOutput({ logprobs, finishReason: 'stop' })])).toContain(
      '"tokens":["h","i"]',
    );
  });
});
