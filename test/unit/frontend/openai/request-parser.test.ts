import { describe, expect, it } from 'vitest';
import type { ChatMessageParam } from '../../../../src/frontend/openai/chat/request.ts';
import type { CompletionPrompt } from '../../../../src/frontend/openai/completions/request.ts';
import {
  RequestParser,
  UnreadableBodyError,
} from '../../../../src/frontend/openai/request-parser.ts';
import type { TokenizeRequest } from '../../../../src/frontend/openai/tokenize/request.ts';
import type { RequestKind } from '../../../../src/frontend/pydantic/schemas.ts';
import { LazyItems } from '../../../../src/frontend/pydantic/validation-walk.ts';
import { errorOf } from '../../../support/openai.ts';

const parser = new RequestParser({ maxCompletionPrompts: 4, maxStopStrings: 4 });
const JSON_TYPE = 'application/json';
const parse = <Kind extends RequestKind>(
  kind: Kind,
  text: string,
  type: string | undefined = JSON_TYPE,
) => parser.parse(kind, Buffer.from(text), type);
const refused = (kind: RequestKind, text: string, type: string | undefined = JSON_TYPE) =>
  errorOf(() => parse(kind, text, type));

describe('a body that fits its schema', () => {
  it('has every field, with defaults', () => {
    const prompt: CompletionPrompt = 'x';
    expect(parse('completion-request', '{"prompt":"x","n":"2"}')).toMatchObject({
      prompt,
      n: 2,
      max_tokens: 16,
      stream: false,
      stop: [],
      temperature: null,
    });
    const messages: readonly ChatMessageParam[] = [{ role: 'user', content: 'Q' }];
    expect(
      parse(
        'chat-completion-request',
        '{"messages":[{"role":"user","content":"Q"}],"top_logprobs":null}',
      ),
    ).toMatchObject({
      messages,
      top_logprobs: 0,
      add_generation_prompt: true,
    });
    const tokenize: TokenizeRequest = parse('tokenize-request', '{"prompt":"x"}');
    expect(tokenize).toMatchObject({ prompt: 'x', add_special_tokens: true });
    expect(parse('detokenize-request', '{"tokens":[1]}').tokens).toEqual([1]);
    expect(
      parse('load-lora-adapter-request', '{"lora_name":"l","lora_path":"p"}').load_inplace,
    ).toBe(false);
    expect(parse('unload-lora-adapter-request', '{"lora_name":"l"}').lora_name).toBe('l');
    expect(parse('responses-request', '{"input":"Q"}').input).toBe('Q');
  });

  it('keeps integers exact that a double cannot hold', () => {
    expect(parse('completion-request', '{"prompt":"x","seed":9007199254740993}').seed).toBe(
      9007199254740993n,
    );
  });

  it('may hold what JSON does not have and Python reads', () => {
    expect(parse('completion-request', '{"prompt":"x","temperature":NaN}').temperature).toBeNaN();
  });

  it.each(['application/json', 'Application/JSON', 'application/json; charset=utf-8'])(
    'may be called %s',
    (type) => {
      expect(parse('detokenize-request', '{"tokens":[]}', type).tokens).toEqual([]);
    },
  );

  it('leaves content that only its reader can judge for later', () => {
    const message = '{"role":"assistant","content":[{"type":"odd"}]}';
    const parsed = parse('chat-completion-request', `{"messages":[${message}]}`);
    expect(parsed.messages[0]?.['content']).toBeInstanceOf(LazyItems);
  });

  it('does not leave tool calls, whose faults have no message in their place', () => {
    const call = '{"id":"i","type":"function","function":{"name":"f","arguments":"{}"}}';
    const body = (calls: string) => `{"messages":[{"role":"assistant","tool_calls":[${calls}]}]}`;
    expect(parse('chat-completion-request', body(call)).messages[0]?.['tool_calls']).toHaveLength(
      1,
    );
    expect(refused('chat-completion-request', body(`${call},5`))).toMatchObject({
      message: expect.stringContaining(
        "{'type': 'dict_type', 'loc': 'body.1.ChatCompletionMessageFunctionToolCallParam', 'msg': 'Input should be a valid dictionary', 'input': '5'}",
      ),
      param: 'body.1.ChatCompletionMessageFunctionToolCallParam',
    });
  });
});

describe('a body that does not fit', () => {
  it('is a 400 with the faults, numbers as Python shows them', () => {
    expect(refused('completion-request', '{"prompt":"x","n":"y"}')).toMatchObject({
      message: expect.stringContaining("'loc': 'body.n'"),
      type: 'Bad Request',
      param: 'body.n',
      code: 400,
    });
    expect(refused('completion-request', '{"prompt":"x","model":3.0}').message).toContain(
      "'input': '3.0'",
    );
    expect(
      refused('completion-request', '{"prompt":"x","thinking_token_budget":3.0}').message,
    ).toContain('value=3.0');
  });

  it.each([
    ['', 'missing'],
    ['null', 'missing'],
    ['[]', 'model_attributes_type'],
    ['"x"', 'model_attributes_type'],
  ])('is refused where it is %j: %s', (text, type) => {
    expect(refused('completion-request', text)).toMatchObject({
      message: expect.stringContaining(`'type': '${type}', 'loc': 'body'`),
      param: 'body',
    });
  });

  it('is told where its JSON ends to be JSON', () => {
    expect(refused('completion-request', '{"prompt" 1}').message).toBe(
      "1 validation error:\n  {'type': 'json_invalid', 'loc': 'body.10', 'msg': 'JSON decode error', 'input': '<dict of 0 items>', " +
        `'ctx': {'error': "Expecting ':' delimiter"}}`,
    );
  });

  it('is refused by the checks before the schema', () => {
    expect(refused('completion-request', '{"prompt":""}').message).toContain(
      'Either prompt or prompt_embeds',
    );
    expect(refused('chat-completion-request', '{"messages":[],"tools":[]}').param).toBe('tools');
    expect(refused('responses-request', '{"input":"Q","prompt":{}}').param).toBe('prompt');
    expect(
      refused(
        'tokenize-request',
        '{"prompt":"x","continue_final_message":true,"add_generation_prompt":true}',
      ).message,
    ).toContain('Cannot set both');
  });
});

describe('a body of another kind', () => {
  it.each([
    undefined,
    'text/plain',
    'application/jsonp',
    'application/x+json',
    'application/json ',
  ])('%s is refused', (type) => {
    expect(
      errorOf(() => parser.parse('detokenize-request', Buffer.from('{"tokens":[]}'), type)),
    ).toMatchObject({
      message: "1 validation error:\n  Unsupported Media Type: Only 'application/json' is allowed",
      param: null,
    });
  });

  it('that calls itself JSON is read first', () => {
    expect(refused('detokenize-request', '{', 'application/vnd.x+json').message).toContain(
      'json_invalid',
    );
  });

  it('that is no UTF-8, or too deep, cannot be read', () => {
    expect(() => parser.parse('detokenize-request', Buffer.from([0xff]), JSON_TYPE)).toThrow(
      UnreadableBodyError,
    );
    expect(() => parse('detokenize-request', `{"tokens":1e1,"x":${'['.repeat(2000)}`)).toThrow(
      UnreadableBodyError,
    );
  });
});
