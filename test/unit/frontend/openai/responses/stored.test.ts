import { describe, expect, it } from 'vitest';
import { createResponse } from '../../../../../src/frontend/openai/responses/serving.ts';
import { ResponseStore } from '../../../../../src/frontend/openai/responses/store.ts';
import {
  cancelResponse,
  parseRetrieveQuery,
  retrieveResponse,
} from '../../../../../src/frontend/openai/responses/stored.ts';
import {
  createOutput,
  createServing,
  errorOf,
  here,
  parseBody,
  RecordingChannel,
  TEST_MODEL,
} from '../../../../support/openai.ts';

/** A server with a store; `ask` makes a response of id `resp_N`. */
function createStore() {
  const store = new ResponseStore();
  const { context, llm } = createServing({
    responses: store,
    model: { ...TEST_MODEL, maxModelLen: 1_000 },
  });
  let count = 0;
  const ask = (body: object = {}): RecordingChannel => {
    count += 1;
    const channel = new RecordingChannel();
    const id = `resp_${count}`;
    const fields = { model: 'm', input: 'Q', request_id: id, ...body };
    here(createResponse(context, parseBody('responses-request', fields), {}, channel));
    return channel;
  };
  const get = (id: string, query: { stream?: boolean; startingAfter?: number | null } = {}) => {
    const channel = new RecordingChannel();
    retrieveResponse(store, id, { stream: false, startingAfter: null, ...query }, channel);
    return channel;
  };
  const promptOf = (index: number) =>
    String.fromCodePoint(...(llm.calls[index]?.request.promptTokenIds ?? []));
  return { store, llm, ask, get, promptOf };
}

const parsed = (channel: RecordingChannel) => JSON.parse(channel.body) as Record<string, unknown>;
const DONE = { finishReason: 'stop' } as const;

describe('a stored response', () => {
  it('is what its client got, by default and not with store: false', () => {
    const { ask, get, llm } = createStore();
    const answer = ask();
    llm.emit(createOutput(DONE), 0);
    expect(get('resp_1')).toMatchObject({ status: 200, body: answer.body });
    ask({ store: false });
    llm.emit(createOutput(DONE), 1);
    expect(errorOf(() => get('resp_2'))).toEqual({
      message: "Response with id 'resp_2' not found.",
      type: 'invalid_request_error',
      param: 'response_id',
      code: 404,
    });
  });

  it('of a stream is there after its last event', () => {
    const { ask, get, llm } = createStore();
    const { events } = ((channel) => {
      expect(errorOf(() => get('resp_1')).code).toBe(404);
      llm.emit(createOutput({ text: 'hi' }), 0);
      llm.emit(createOutput({ text: '', ...DONE }), 0);
      return channel;
    })(ask({ stream: true }));
    const last = JSON.parse(events.at(-1) ?? '') as { response: unknown };
    expect(parsed(get('resp_1'))).toEqual(last.response);
  });

  it('is gone on from: its messages without instructions, its text, then the new input', () => {
    const { ask, llm, promptOf } = createStore();
    ask({ instructions: 'Old.', input: 'One' });
    llm.emit(createOutput({ text: 'two', ...DONE }), 0);
    const answer = ask({ instructions: 'New.', input: 'Three', previous_response_id: 'resp_1' });
    const turn = (role: string, text: string) => `<|im_start|>${role}\n${text}<|im_end|>\n`;
    const turns = [
      turn('system', 'New.'),
      turn('user', 'One'),
      turn('assistant', 'two'),
      turn('user', 'Three'),
    ];
    expect(promptOf(1)).toBe(`\u0001${turns.join('')}<|im_start|>assistant\n`);
    llm.emit(createOutput({ text: 'four', ...DONE }), 1);
    expect(parsed(answer)).toMatchObject({ previous_response_id: 'resp_1' });
    ask({ input: 'Five', previous_response_id: 'resp_2' });
    expect(promptOf(2)).toContain(turn('assistant', 'four') + turn('user', 'Five'));
  });

  it('that does not exist is no previous one', () => {
    const { ask } = createStore();
    expect(errorOf(() => ask({ previous_response_id: 'resp_9' }))).toMatchObject({
      message: "Response with id 'resp_9' not found.",
      code: 404,
    });
  });

  it('of a request that somebody waits for cannot be cancelled', () => {
    const { ask, llm, store } = createStore();
    ask();
    llm.emit(createOutput(DONE), 0);
    expect(errorOf(() => cancelResponse(store, 'resp_1'))).toEqual({
      message: 'Cannot cancel a synchronous response.',
      type: 'invalid_request_error',
      param: 'response_id',
      code: 400,
    });
    expect(errorOf(() => cancelResponse(store, 'resp_9')).code).toBe(404);
  });

  it('without a stream has none to read again: it breaks off', () => {
    const { ask, get, llm } = createStore();
    ask();
    llm.emit(createOutput(DONE), 0);
    expect(get('resp_1', { stream: true })).toMatchObject({ hasBegun: true, isBroken: true });
  });
});

describe('a background response', () => {
  it('is queued at once, goes on without its client, and is completed', () => {
    const { ask, get, llm } = createStore();
    const answer = ask({ background: true });
    expect(parsed(answer)).toMatchObject({
      id: 'resp_1',
      status: 'queued',
      background: true,
      output: [],
      usage: null,
    });
    answer.disconnect();
    expect(llm.calls[0]?.numAborts).toBe(0);
    expect(parsed(get('resp_1'))).toMatchObject({ status: 'queued' });
    llm.emit(createOutput({ text: 'hi', ...DONE }), 0);
    expect(parsed(get('resp_1'))).toMatchObject({ status: 'completed', background: true });
  });

  it('is aborted when it is cancelled, and stays cancelled', () => {
    const { ask, get, llm, store } = createStore();
    ask({ background: true });
    expect(JSON.parse(cancelResponse(store, 'resp_1'))).toMatchObject({ status: 'cancelled' });
    expect(llm.calls[0]?.numAborts).toBe(1);
    llm.emit(createOutput(DONE), 0);
    expect(parsed(get('resp_1'))).toMatchObject({ status: 'cancelled', output: [] });
    expect(errorOf(() => cancelResponse(store, 'resp_1')).code).toBe(400);
  });

  it('is failed where the engine fails it', () => {
    const { ask, get, llm } = createStore();
    ask({ background: true });
    llm.calls[0]?.sink.onError(new Error('gone'));
    ask({ background: true, stream: true });
    llm.calls[1]?.sink.onError(new Error('gone'));
    expect(['resp_1', 'resp_2'].map((id) => parsed(get(id))['status'])).toEqual([
      'failed',
      'failed',
    ]);
    expect(get('resp_2', { stream: true }).isEnded).toBe(true);
  });

  it('streams to its client and to whoever reads later, from where they say', () => {
    const { ask, get, llm } = createStore();
    const first = ask({ background: true, stream: true });
    const second = get('resp_1', { stream: true, startingAfter: 0 });
    llm.emit(createOutput({ text: 'hi' }), 0);
    first.disconnect();
    const numSeen = first.events.length;
    llm.emit(createOutput({ text: '!', ...DONE }), 0);
    const all = get('resp_1', { stream: true });
    const numbers = all.events.map(
      (event) => (JSON.parse(event) as { sequence_number: number }).sequence_number,
    );
    expect(numbers).toEqual(numbers.map((_number, i) => i));
    expect(all.events.at(-1)).toContain('"type":"response.completed"');
    expect([first.events, numSeen]).toEqual([all.events.slice(0, numSeen), first.events.length]);
    expect([second.events, second.isEnded]).toEqual([all.events.slice(1), true]);
    const last = get('resp_1', { stream: true, startingAfter: numbers.length - 2 });
    expect(last.events).toEqual(all.events.slice(-1));
    expect(get('resp_1', { stream: true, startingAfter: 99 })).toMatchObject({
      stream: '',
      isEnded: true,
    });
  });

  it('ends the streams of its readers when it is cancelled', () => {
    const { ask, store } = createStore();
    const reader = ask({ background: true, stream: true });
    cancelResponse(store, 'resp_1');
    expect(reader).toMatchObject({ isEnded: true, isBroken: false });
  });

  it('needs a store', () => {
    const { context, channel } = createServing();
    const request = parseBody('responses-request', { model: 'm', input: 'Q', background: true });
    expect(errorOf(() => createResponse(context, request, {}, channel))).toMatchObject({
      message: expect.stringContaining('VLLM_ENABLE_RESPONSES_API_STORE=1'),
      param: 'background',
    });
    const unkept = { model: 'm', input: 'Q', background: true, store: false };
    expect(errorOf(() => parseBody('responses-request', unkept)).message).toContain(
      'background can only be used when `store` is true',
    );
  });
});

describe('the query', () => {
  it('is read as pydantic reads it, the last of several values', () => {
    expect(parseRetrieveQuery({})).toEqual({ stream: false, startingAfter: null });
    expect(parseRetrieveQuery({ stream: ['no', 'ON'], starting_after: ' 1_0 ' })).toEqual({
      stream: true,
      startingAfter: 10,
    });
  });

  it('is refused field by field', () => {
    const { message, code } = errorOf(() =>
      parseRetrieveQuery({ stream: 'maybe', starting_after: 'x' }),
    );
    expect(code).toBe(400);
    expect(message).toContain('2 validation errors');
    expect(message).toContain("'type': 'int_parsing', 'loc': 'query.starting_after'");
    expect(message).toContain("'type': 'bool_parsing', 'loc': 'query.stream'");
  });
});
